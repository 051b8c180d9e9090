// @ts-check
// The window of one conversation that the page holds: its newest messages and
// the older ones that were asked for.
import { reasonOf } from './dom.js';
import { mergeMessages } from './parley.js';
import { t } from './strings.js';

/** @typedef {import('./parley.js').Message} Message */

const pageLength = 50;
const longestPage = 500;

/** Fires "change". */
export class MessageWindow extends EventTarget {
  /** @type {Message[]} in the order to show */
  messages = [];
  /** Older messages exist before the first. */
  more = false;
  /** Why older messages could not be had; '' if they could. */
  incomplete = '';
  /** The first answer is there, be it an error. */
  loaded = false;
  /** An answer is on its way. */
  loading = false;
  #parley;
  #key;
  #newest = 0; // how long the newest page is that was asked for
  #asked = 0; // only the answer to the last question counts

  /** @param {import('./parley.js').Parley} parley @param {string} key */
  constructor(parley, key) {
    super();
    this.#parley = parley;
    this.#key = key;
  }

  /**
   * Asks for the newest page, so long that it holds the entries after the read
   * watermark, unless it did already.
   * @param {bigint} after how many these are
   */
  newest(after) {
    const limit = Math.min(Math.max(pageLength, Number(after) + pageLength / 2), longestPage);
    if (limit <= this.#newest) return;
    this.#newest = limit;
    this.loaded = false;
    this.#ask(0n, limit);
  }

  /** Asks for the page before the first message. */
  async older() {
    const first = this.messages[0]?.seq ?? 0n;
    if (!this.loading) await this.#ask(first, first ? pageLength : this.#newest);
  }

  /** Takes in what changed. @param {{ messages: Message[], gone: string[] }} change */
  apply({ messages, gone }) {
    if (!this.loaded) return; // the answer on its way holds it
    const first = this.#firstSeq();
    const reach = this.more || this.incomplete ? first : 0n;
    const inside = messages.filter(({ seq }) => seq === 0n || seq >= reach);
    if (inside.length === 0 && gone.length === 0) return;
    this.messages = mergeMessages(this.messages, inside, gone);
    this.#changed();
  }

  /** Drops messages before a seq, which were deleted. @param {bigint} min */
  forget(min) {
    this.messages = this.messages.filter(({ seq }) => seq === 0n || seq >= min);
    this.more &&= this.#firstSeq() > min;
    this.#changed();
  }

  /** Takes in a message just sent, unless a change told of it already. @param {Message} message */
  add(message) {
    const known = this.messages.some(({ ref, sender }) => ref === message.ref && sender === message.sender);
    if (!known) this.apply({ messages: [message], gone: [] });
  }

  /** @param {bigint} before @param {number} limit */
  async #ask(before, limit) {
    const asked = ++this.#asked;
    this.loading = true;
    this.incomplete = '';
    this.#changed();
    try {
      const page = await this.#parley.history(this.#key, { before, limit });
      if (asked !== this.#asked) return;
      this.messages = mergeMessages(this.messages, page.messages);
      this.more = page.more;
      this.incomplete = page.incomplete;
    } catch (error) {
      if (asked !== this.#asked) return;
      this.incomplete = reasonOf(error, t.unknownError);
    }
    this.loaded = true;
    this.loading = false;
    this.#changed();
  }

  #firstSeq() {
    return this.messages.find(({ seq }) => seq > 0n)?.seq ?? 0n;
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
