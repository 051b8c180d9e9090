// @ts-check
// QR codes, made by a library that is loaded when the first is wanted.

/** The light margin around, in modules, that readers want (ISO/IEC 18004, section 5.3.8). */
const quiet = 4;

/**
 * The dark modules of a text's QR code as the path of an SVG image, and how wide that is.
 * @param {string} text
 */
export async function qrCode(text) {
  const { generate } = await import('../vendor/lean-qr.js');
  const code = /** @type {{ size: number, get(x: number, y: number): boolean }} */ (/** @type {any} */ (generate)(text));
  let path = '';
  for (let y = 0; y < code.size; y++) {
    for (let x = 0; x < code.size; x++) if (code.get(x, y)) path += `M${x + quiet} ${y + quiet}h1v1h-1z`;
  }
  return { width: code.size + 2 * quiet, path };
}
