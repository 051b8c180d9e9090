// @ts-check
// Pictures on their way out: turned upright, no larger than a screen shows, and without what else their files say, as
// where they were taken; with a few coloured dots that stand for them until they are loaded.

/** Longest side of what is sent, in pixels, and how true to the original it is, of 1. */
const longest = 2560;
const quality = 0.85;
/** Longest side of the preview. */
const longestPreview = 12;
/** How much of a file is looked at to see whether it moves. */
const headSize = 4096;

/** What is sent as a picture if a browser can show it. */
const pictures = /^image\/(?:png|jpeg|gif|webp|avif|bmp|heic|heif)$/;

/** @typedef {import('../parley.d.ts').NewFile} NewFile */

/** Whether a file is a picture by its type. @param {File} file */
export function isPicture({ type }) {
  return pictures.test(type);
}

/**
 * A picture as it is sent; null if this browser cannot show it. What moves is kept as it is.
 * @param {File} file
 * @returns {Promise<NewFile | null>}
 */
export async function preparePicture(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' });
  } catch {
    return null;
  }
  try {
    const preview = previewOf(bitmap);
    if (await moves(file)) return { blob: file, name: file.name, width: bitmap.width, height: bitmap.height, preview };
    const scale = Math.min(1, longest / Math.max(bitmap.width, bitmap.height));
    const [width, height] = [bitmap.width, bitmap.height].map(side => Math.max(1, Math.round(side * scale)));
    const canvas = drawn(bitmap, width, height);
    // A photograph has nothing to see through; of other pictures some have, and those JPEG would make black.
    const blob = await encoded(canvas, file.type === 'image/jpeg' ? 'image/jpeg' : 'image/webp');
    return { blob, name: renamed(file.name, blob.type), width, height, preview };
  } catch {
    return null; // larger than this browser draws
  } finally {
    bitmap.close();
  }
}

/** @param {ImageBitmap} bitmap @param {number} width @param {number} height */
function drawn(bitmap, width, height) {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, width, height);
  return canvas;
}

/** @param {HTMLCanvasElement} canvas @param {string} type which a browser that cannot write it replaces by PNG @returns {Promise<Blob>} */
function encoded(canvas, type) {
  return new Promise((resolve, reject) => canvas.toBlob(blob => (blob ? resolve(blob) : reject(new Error(type))), type, quality));
}

/** @param {ImageBitmap} bitmap */
function previewOf(bitmap) {
  const scale = longestPreview / Math.max(bitmap.width, bitmap.height);
  const [width, height] = [bitmap.width, bitmap.height].map(side => Math.max(1, Math.round(side * Math.min(1, scale))));
  const context = /** @type {CanvasRenderingContext2D} */ (drawn(bitmap, width, height).getContext('2d'));
  const { data } = context.getImageData(0, 0, width, height);
  const preview = new Uint8Array(2 + 3 * width * height);
  preview.set([width, height]);
  for (let i = 0; i < width * height; i++) {
    const alpha = data[4 * i + 3] / 255; // on white, as most stand
    for (let c = 0; c < 3; c++) preview[2 + 3 * i + c] = Math.round(data[4 * i + c] * alpha + 255 * (1 - alpha));
  }
  return preview;
}

/** Whether a picture moves, as a GIF may, a WebP or a PNG. @param {File} file */
async function moves(file) {
  if (file.type === 'image/gif') return true;
  if (file.type !== 'image/webp' && file.type !== 'image/png') return false;
  const head = new Uint8Array(await file.slice(0, headSize).arrayBuffer());
  if (file.type === 'image/webp') return String.fromCharCode(...head.slice(12, 16)) === 'VP8X' && (head[20] & 2) !== 0;
  return new TextDecoder('latin1').decode(head).includes('acTL');
}

/** A file's name with the extension of a type. @param {string} name @param {string} type */
function renamed(name, type) {
  const extension = type === 'image/jpeg' ? 'jpg' : type.slice('image/'.length);
  return `${name.replace(/\.[^.]{1,5}$/, '') || 'picture'}.${extension}`;
}

/**
 * Draws a preview.
 * @param {string} base64 as Attachment.preview
 * @returns {HTMLCanvasElement | null}
 */
export function drawPreview(base64) {
  const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0));
  const [width, height] = bytes;
  if (bytes.length < 5 || bytes.length !== 2 + 3 * width * height) return null;
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) image.data.set([...bytes.subarray(2 + 3 * i, 5 + 3 * i), 255], 4 * i);
  canvas.getContext('2d')?.putImageData(image, 0, 0);
  return canvas;
}
