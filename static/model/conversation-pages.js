// @ts-check
// The messages of a conversation to be read whole, or as much of it as fits: a part of it at a time, the newest first.
import { wordsOf } from '../texts/labels.js';

const pageLength = 500; // messages that are asked for at once, as many as the engine gives

/**
 * @typedef {object} Part
 * @property {import('../parley.js').Message[]} messages in the order to show
 * @property {boolean} more others stand before them
 * @property {string} incomplete why others could not be had; '' if they could
 */

/**
 * Reads the last messages before a seq, 0n for the newest of all. Rejects once the signal is aborted.
 * @param {import('../parley.js').Parley} parley @param {string} key @param {bigint} before
 * @param {number} most messages
 * @param {(read: number) => void} progress called with how many there are by now
 * @param {AbortSignal} signal
 * @returns {Promise<Part>}
 */
export async function readPart(parley, key, before, most, progress, signal) {
  /** @type {Part} */
  const part = { messages: [], more: true, incomplete: '' };
  while (part.more && !part.incomplete && part.messages.length < most) {
    const page = await parley.history(key, { before, limit: Math.min(pageLength, most - part.messages.length) });
    signal.throwIfAborted();
    part.messages = [...page.messages, ...part.messages];
    part.incomplete = wordsOf(page.incomplete, page.incompleteCode, page.incompleteArgs);
    before = page.messages.find(({ seq }) => seq > 0n)?.seq ?? 0n;
    part.more = page.more;
    progress(part.messages.length);
    if (!before) break; // what is not stored yet stands alone
  }
  return part;
}
