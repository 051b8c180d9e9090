// @ts-check
// Pictures on their way out and, until they are loaded, in.
import { scriptAddress } from '../client/script-address.js';

/** What is sent as a picture if a browser can show it. */
const pictures = /^image\/(?:png|jpeg|gif|webp|avif|bmp|heic|heif)$/;

/** @typedef {import('../picture-worker.js').Picture} Picture */

/** Whether a file is a picture by its type. @param {File} file */
export function isPicture({ type }) {
  return pictures.test(type);
}

/** Makes of pictures what is sent of them: one at a time, since each takes much memory, and where it can not in the page's own thread. */
export class PictureMaker {
  /** @type {Worker | null} */
  #worker = null;
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /** As makePicture of the worker. @param {File} file @param {number} [side] @returns {Promise<Picture | null>} */
  make(file, side) {
    const made = this.#last.then(() => this.#make(file, side));
    this.#last = made.catch(() => {});
    return made;
  }

  /** Nothing more is to be made: what is being made then never comes. */
  close() {
    this.#worker?.terminate();
    this.#worker = null;
  }

  /** @param {File} file @param {number} [side] */
  async #make(file, side) {
    try {
      if ('OffscreenCanvas' in globalThis) return await this.#ask({ file, side });
    } catch {
      this.close(); // it did not start
    }
    const { makePicture } = await import('../picture-worker.js');
    return makePicture(file, side);
  }

  /** @param {{ file: File, side?: number }} picture @returns {Promise<Picture | null>} */
  #ask(picture) {
    const worker = this.#worker ??= new Worker(scriptAddress(new URL('../picture-worker.js', import.meta.url)), { type: 'module' });
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = worker.onmessageerror = reject;
      worker.postMessage(picture);
    });
  }
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
