// @ts-check
// The window of one conversation that the page holds: consecutive messages, of
// which there are never more than a bound. What leaves it at one end, because
// somebody reads towards the other, is asked for again on the way back.
import { reasonOf } from './dom.js';
import { mark } from './marks.js';
import { mergeMessages } from './parley.js';
import { t } from './strings.js';

/** @typedef {import('./parley.js').Message} Message */

const pageLength = 50;
const longestPage = 500;
/** How many confirmed messages the window holds. */
const mostMessages = 500;

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
  #head = 0n; // the highest seq that was told of

  /** @param {import('./parley.js').Parley} parley @param {string} key */
  constructor(parley, key) {
    super();
    this.#parley = parley;
    this.#key = key;
  }

  /** Newer messages exist after the last; unconfirmed ones stand after those. */
  get newer() {
    return this.#lastSeq() < this.#head;
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
    this.#ask(0n, limit, 'end');
  }

  /** Asks for the page before the first message. */
  async askOlder() {
    const first = this.#firstSeq();
    if (!this.loading) await this.#ask(first, first ? pageLength : this.#newest, 'start');
  }

  /** Asks for the page after the last message. */
  async askNewer() {
    if (this.loading || !this.newer) return;
    const last = this.#lastSeq();
    const before = last + BigInt(pageLength) + 1n;
    await this.#ask(before > this.#head ? 0n : before, pageLength, 'end');
    if (this.#lastSeq() === last && !this.incomplete) await this.askNewest(); // there is nothing in between
  }

  /** Goes where the newest messages are. */
  async askNewest() {
    if (this.newer) await this.#ask(0n, pageLength, 'end', true);
  }

  /**
   * Takes in what changed.
   * @param {{ messages: Message[], gone: string[] }} change
   * @param {'start' | 'end'} keep the end of the window that is looked at
   */
  apply({ messages, gone }, keep) {
    if (!this.loaded) return; // the answer on its way holds it
    const ended = !this.newer;
    const first = this.#firstSeq();
    const last = this.#lastSeq();
    const reach = this.more || this.incomplete ? first : 0n;
    const inside = messages.filter(({ seq }) => ended ? seq === 0n || seq >= reach : seq >= reach && seq > 0n && seq <= last);
    this.#hear(messages);
    if (inside.length === 0 && gone.length === 0) return;
    this.#take(mergeMessages(this.messages, inside, gone), keep);
    this.#changed();
  }

  /** Drops messages before a seq, which were deleted. @param {bigint} min */
  forget(min) {
    this.messages = this.messages.filter(({ seq }) => seq === 0n || seq >= min);
    this.more &&= this.#firstSeq() > min;
    this.#changed();
  }

  /** @param {bigint} before @param {number} limit @param {'start' | 'end'} keep @param {boolean} [alone] the answer replaces what is there */
  async #ask(before, limit, keep, alone = false) {
    const asked = ++this.#asked;
    this.loading = true;
    this.incomplete = '';
    this.#changed();
    try {
      const page = await this.#parley.history(this.#key, { before, limit });
      mark('history read');
      if (asked !== this.#asked) return;
      const first = alone ? 0n : this.#firstSeq();
      // What is said of the beginning is said of the page's.
      if (!first || before !== 0n && before <= first || page.messages.length && page.messages[0].seq <= first) {
        this.more = page.more;
      }
      this.incomplete = page.incomplete;
      if (before === 0n && !page.incomplete) this.#head = page.messages.findLast(({ seq }) => seq > 0n)?.seq ?? 0n;
      this.#take(alone ? page.messages : mergeMessages(this.messages, page.messages), keep);
    } catch (error) {
      if (asked !== this.#asked) return;
      this.incomplete = reasonOf(error, t.unknownError);
    }
    this.loaded = true;
    this.loading = false;
    this.#changed();
  }

  /** @param {Message[]} messages @param {'start' | 'end'} keep where none are dropped when there are too many */
  #take(messages, keep) {
    const confirmed = messages.findLastIndex(({ seq }) => seq > 0n) + 1;
    const over = confirmed - mostMessages;
    if (over <= 0) {
      this.messages = messages;
    } else if (keep === 'start') {
      this.messages = messages.slice(0, mostMessages);
    } else {
      this.messages = messages.slice(over);
      this.more = true;
    }
  }

  /** @param {Message[]} messages */
  #hear(messages) {
    for (const { seq } of messages) if (seq > this.#head) this.#head = seq;
  }

  #firstSeq() {
    return this.messages.find(({ seq }) => seq > 0n)?.seq ?? 0n;
  }

  #lastSeq() {
    return this.messages.findLast(({ seq }) => seq > 0n)?.seq ?? 0n;
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
