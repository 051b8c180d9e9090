// @ts-check
// Makes of a picture what is sent of it: turned upright, no larger than a screen shows, and without what else its file
// says, as where it was taken; with a few coloured dots that stand for it until it is loaded. It runs in a worker, or
// in the page where a worker has no canvas, and loads nothing, so that it is one file.

/** Longest side of what is sent, of what is shown before that, and of the dots, in pixels; and how true to the original it is, of 1. */
const longest = 2560;
const longestThumb = 192;
const longestPreview = 12;
const quality = 0.85;
/** How much of a file is looked at to see whether it moves. */
const headSize = 64 << 10;
/** Parts of a PNG and of a WebP that say what one does not see. */
const saying = new Set(['eXIf', 'tEXt', 'zTXt', 'iTXt', 'tIME', 'EXIF', 'XMP ']);

/**
 * @typedef {import('./parley.d.ts').NewFile} NewFile
 * @typedef {{ file: NewFile, thumb: Blob }} Picture thumb is what to show of it
 * @typedef {HTMLCanvasElement | OffscreenCanvas} Canvas
 */

/**
 * A picture as it is sent, what moves without being drawn anew; or, with a side, a square of the middle of it, that large at most. Null if
 * this browser cannot show it.
 * @param {File} file @param {number} [side] px
 * @returns {Promise<Picture | null>}
 */
export async function makePicture(file, side = 0) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' });
  } catch {
    return null;
  }
  try {
    const thumb = await encoded(drawn(bitmap, longestThumb), 'image/webp');
    const preview = previewOf(bitmap);
    if (!side && await moves(file)) return { file: { blob: await silent(file), name: file.name, width: bitmap.width, height: bitmap.height, preview }, thumb };
    const canvas = drawn(bitmap, side || longest, side > 0);
    // A photograph has nothing to see through; of other pictures some have, and those JPEG would make black.
    const blob = await encoded(canvas, file.type === 'image/jpeg' ? 'image/jpeg' : 'image/webp');
    return { file: { blob, name: renamed(file.name, blob.type), width: canvas.width, height: canvas.height, preview }, thumb };
  } catch {
    return null; // larger than this browser draws
  } finally {
    bitmap.close();
  }
}

/** Draws a picture, or the square in its middle, so that no side is longer than most. @param {ImageBitmap} bitmap @param {number} most px @param {boolean} [square] */
function drawn(bitmap, most, square = false) {
  const shorter = Math.min(bitmap.width, bitmap.height);
  const [fromWidth, fromHeight] = square ? [shorter, shorter] : [bitmap.width, bitmap.height];
  const scale = Math.min(1, most / Math.max(fromWidth, fromHeight));
  const [width, height] = [fromWidth, fromHeight].map(length => Math.max(1, Math.round(length * scale)));
  const canvas = canvasOf(width, height);
  const context = contextOf(canvas);
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, (bitmap.width - fromWidth) / 2, (bitmap.height - fromHeight) / 2, fromWidth, fromHeight, 0, 0, width, height);
  return canvas;
}

/** @param {number} width @param {number} height @returns {Canvas} */
function canvasOf(width, height) {
  if (!('document' in globalThis)) return new OffscreenCanvas(width, height);
  return Object.assign(document.createElement('canvas'), { width, height });
}

/** @param {Canvas} canvas */
function contextOf(canvas) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
}

/** @param {Canvas} canvas @param {string} type which a browser that cannot write it replaces by PNG @returns {Promise<Blob>} */
function encoded(canvas, type) {
  if ('convertToBlob' in canvas) return canvas.convertToBlob({ type, quality });
  return new Promise((resolve, reject) => canvas.toBlob(blob => (blob ? resolve(blob) : reject(new Error(type))), type, quality));
}

/** @param {ImageBitmap} bitmap */
function previewOf(bitmap) {
  const canvas = drawn(bitmap, longestPreview);
  const { width, height } = canvas;
  const { data } = contextOf(canvas).getImageData(0, 0, width, height);
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

/** What moves, without what else its file says; as it is if it is not made as it should be. @param {File} file @returns {Promise<Blob>} */
async function silent(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (file.type === 'image/gif') return silentGIF(bytes) ?? file;
  const view = new DataView(bytes.buffer);
  const png = file.type === 'image/png';
  const start = png ? 8 : 12;
  const parts = [bytes.subarray(0, start)];
  let size = start;
  for (let at = start, end; at < bytes.length; at = end) {
    if (at + 8 > bytes.length) return file;
    const name = String.fromCharCode(...bytes.subarray(png ? at + 4 : at, (png ? at + 4 : at) + 4));
    const length = png ? view.getUint32(at) : view.getUint32(at + 4, true);
    end = at + 8 + length + (png ? 4 : length % 2);
    if (end > bytes.length) return file;
    if (saying.has(name)) continue;
    if (name === 'VP8X') bytes[at + 8] &= ~0b1100; // it has neither Exif nor XMP
    parts.push(bytes.subarray(at, end));
    size += end - at;
  }
  if (!png) view.setUint32(4, size - 8, true);
  return new Blob(parts, { type: file.type });
}

/**
 * A GIF of its pictures, when each is shown and how often they repeat (GIF89a, 17 to 27): without comments, what programs say to each other, and
 * what follows its end. Null if it is not made as it should be.
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
function silentGIF(bytes) {
  const coloursOf = (/** @type {number} */ flags) => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0);
  let at = 13 + coloursOf(bytes[10]);
  const parts = [bytes.subarray(0, at)];
  while (at < bytes.length && bytes[at] !== 0x3b) {
    const from = at;
    const picture = bytes[from] === 0x2c;
    if (!picture && bytes[from] !== 0x21) return null;
    at += picture ? 11 + coloursOf(bytes[from + 9]) : 2;
    while (bytes[at]) at += 1 + bytes[at];
    if (++at > bytes.length) return null;
    const repeats = bytes[from + 1] === 0xff && /^(?:NETSCAPE2\.0|ANIMEXTS1\.0)\x03\x01$/.test(String.fromCharCode(...bytes.subarray(from + 3, from + 16)));
    if (picture || bytes[from + 1] === 0xf9) parts.push(bytes.subarray(from, at));
    else if (repeats) parts.push(bytes.subarray(from, from + 18), Uint8Array.of(0));
  }
  return new Blob([...parts, Uint8Array.of(0x3b)], { type: 'image/gif' });
}

/** A file's name with the extension of a type. @param {string} name @param {string} type */
function renamed(name, type) {
  const extension = type === 'image/jpeg' ? 'jpg' : type.slice('image/'.length);
  return `${name.replace(/\.[^.]{1,5}$/, '') || 'picture'}.${extension}`;
}

if (!('document' in globalThis)) {
  const worker = /** @type {any} */ (globalThis);
  worker.onmessage = async (/** @type {MessageEvent} */ { data: { file, side } }) => worker.postMessage(await makePicture(file, side));
}
