// @ts-check
// English from right to left, for tests of the page in that direction, and of nothing else: nobody is offered it.
import { en } from './en.js';

/** Between these stands a text of the other direction. */
const [begin, end] = ['\u200f\u202b', '\u202c\u200f'];

/** A text that goes into another one. @param {unknown} value */
function bare(value) {
  return typeof value === 'string' ? value.replaceAll(begin, '').replaceAll(end, '') : value;
}

/** The same with all that it says turned round. @template T @param {T} value @returns {T} */
function turned(value) {
  /** @type {any} */
  const any = value;
  if (typeof any === 'string') return /** @type {any} */ (any && begin + any + end);
  if (typeof any === 'function') return /** @type {any} */ ((/** @type {any[]} */ ...args) => turned(any(...args.map(bare))));
  if (Array.isArray(any)) return /** @type {any} */ (any.map(turned));
  return /** @type {any} */ (Object.fromEntries(Object.entries(any).map(([name, part]) => [name, turned(part)])));
}

export const mirrored = { ...en, tag: 'en-XB', name: '', dir: 'rtl', texts: (/** @type {import('../formats.js').Formats} */ formats) => turned(en.texts(formats)) };
