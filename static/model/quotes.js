// @ts-check
// The messages that others quote: as they come or, where they do not, from the engine, once each.
import { previewOf } from '../texts/foreign-text.js';
import { t } from '../texts/strings.js';
import { systemWords } from '../texts/system-words.js';
import { isSystemMessage } from './participants.js';

/**
 * @typedef {import('../parley.js').Message} Message
 * @typedef {import('./participants.js').Participants} Participants
 * @typedef {object} Quoted
 * @property {bigint} seq
 * @property {string} author '' if nobody is named
 * @property {string} words
 */

const longest = 160; // UTF-16 units

const most = 500; // that are kept

/** Fires "change" when one is there that was not. */
export class Quotes extends EventTarget {
  #parley;
  #key;
  /** null: it is not there any more; undefined: it was asked for. @type {Map<bigint, Message | null | undefined>} */
  #known = new Map();

  /** @param {Promise<import('../parley.js').Parley>} parley @param {string} key */
  constructor(parley, key) {
    super();
    this.#parley = parley;
    this.#key = key;
  }

  /** A message that is quoted; null if it is not there any more, undefined if that is not known yet. @param {bigint} seq */
  get(seq) {
    if (!this.#known.has(seq)) this.#ask(seq);
    return this.#known.get(seq);
  }

  /** Messages are as these say. @param {Message[]} messages */
  take(messages) {
    for (const message of messages) if (message.seq && this.#known.has(message.seq)) this.#known.set(message.seq, message);
  }

  /** @param {bigint} seq */
  async #ask(seq) {
    if (this.#known.size >= most) this.#known.clear();
    this.#known.set(seq, undefined);
    try {
      const message = await (await this.#parley).message(this.#key, seq);
      if (this.#known.get(seq) !== undefined) return; // it came by itself
      this.#known.set(seq, message);
      this.dispatchEvent(new Event('change'));
    } catch {
      this.#known.delete(seq); // it is asked for again with the next painting
    }
  }
}

/** What is shown of a quoted message. @param {bigint} seq @param {Message | null | undefined} message null: it is gone; undefined: it is not there yet @param {Participants} participants @returns {Quoted} */
export function quotedOf(seq, message, participants) {
  if (!message) return { seq, author: '', words: message === null ? t.quoteGone : '…' };
  if (isSystemMessage(message)) return { seq, author: '', words: systemWords(message, participants) };
  return { seq, author: participants.authorOf(message), words: previewOf(message.content, longest) || t.cannotBeShown };
}
