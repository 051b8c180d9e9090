// @ts-check
// The window of one conversation that the page holds: consecutive messages, of
// which there are never more than a bound. What leaves it at one end, because
// somebody reads towards the other, is asked for again on the way back.
import { mark } from '../client/marks.js';
import { mergeMessages } from '../parley.js';
import { reasonOf, wordsOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';

/** @typedef {import('../parley.js').Message} Message */

const pageLength = 50; // messages that are asked for where one comes to, but for the end
/** How many more are asked for at once as one scrolls. */
export const stepLength = 28;
/** How many the first page has at most; a window holds as many. */
export const longestPage = 88;

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
  /** What is there was kept from before a reload, and waits for the engine's to take its place. */
  kept = false;
  /** The highest seq that was told of. */
  head = 0n;
  #parley;
  #engine;
  #key;
  #newest = 0; // how long the newest page is that was asked for
  #asked = 0; // only the answer to the last question counts
  #readsAbove;
  #least;
  #most;
  /** The newest messages are there, and those around what was kept on their way. */
  #reaches = false;
  /** What changed since. @type {{ messages: Message[], gone: string[] }[]} */
  #meanwhile = [];

  /**
   * @param {Promise<import('../parley.js').Parley>} parley
   * @param {import('../parley.js').Parley | null} engine the same, if it is there already, and is asked at once
   * @param {string} key
   * @param {import('./snapshot.js').Shown | null} kept
   * @param {() => boolean} readsAbove whether the person reads above the end
   * @param {() => number} least how many messages are enough to open with
   * @param {() => number} most how many confirmed messages the window may hold, more than a page
   */
  constructor(parley, engine, key, kept, readsAbove, least, most) {
    super();
    this.#parley = parley;
    this.#engine = engine;
    this.#key = key;
    this.#readsAbove = readsAbove;
    this.#least = least;
    this.#most = most;
    if (!kept) return;
    this.kept = true;
    this.messages = kept.messages;
    this.more = kept.more;
    this.head = kept.head;
  }

  /** Newer messages exist after the last; unconfirmed ones stand after those. */
  get newer() {
    return this.#lastSeq() < this.head;
  }

  /**
   * Asks for the page where reading goes on, unless it did already: the newest, so long that it holds
   * the entries after the read watermark or, where these are too many, the one around the first of them.
   * @param {bigint} read @param {bigint} head of the conversation, as far as it is known
   */
  begin(read, head) {
    const limit = Math.max(this.#least(), Number(head - read) + pageLength / 2);
    if (limit <= this.#newest) return;
    this.#newest = limit;
    this.loaded = false;
    if (limit <= longestPage || this.kept && this.#readsAbove()) {
      this.#ask(0n, Math.min(limit, longestPage), 'end');
    } else {
      this.head = head;
      this.#ask(read + BigInt(pageLength / 2) + 1n, pageLength, 'end', true);
    }
  }

  /** Asks for the page before the first message. */
  async askOlder() {
    const first = this.#firstSeq();
    if (!this.loading) await this.#ask(first, first ? stepLength : Math.min(this.#newest, longestPage), 'start');
  }

  /** Asks for the page after the last message. */
  async askNewer() {
    if (this.loading || !this.newer) return;
    const last = this.#lastSeq();
    const before = last + BigInt(stepLength) + 1n;
    await this.#ask(before > this.head ? 0n : before, stepLength, 'end');
    if (this.#lastSeq() === last && !this.incomplete) await this.askNewest(); // there is nothing in between
  }

  /** Goes where the newest messages are. */
  async askNewest() {
    if (this.newer) await this.#ask(0n, pageLength, 'end', true);
  }

  /** Goes where an older message is. @param {bigint} seq @param {bigint} head of the conversation, as far as it is known */
  async askAround(seq, head) {
    if (head > this.head) this.head = head;
    if (!this.head) await this.#ask(0n, pageLength, 'end'); // to learn where the end is
    if (this.messages.some(message => message.seq === seq)) return;
    const before = seq + BigInt(pageLength / 2) + 1n;
    await this.#ask(before > this.head ? 0n : before, pageLength, 'start', true);
  }

  /**
   * Takes in what changed.
   * @param {{ messages: Message[], gone: string[] }} change
   * @param {'start' | 'end'} keep the end of the window that is looked at
   */
  apply({ messages, gone }, keep) {
    if (this.#reaches) this.#meanwhile.push({ messages, gone });
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

  /** @param {bigint} before @param {number} limit @param {'start' | 'end'} keep @param {boolean} [anew] the answer replaces what is there */
  async #ask(before, limit, keep, anew = false) {
    const asked = ++this.#asked;
    this.loading = true;
    this.incomplete = '';
    this.#meanwhile = []; // the answer on its way holds it
    this.#changed();
    try {
      const parley = this.#engine ?? await this.#parley;
      const answer = await parley.history(this.#key, { before, limit });
      mark('history read');
      if (asked !== this.#asked) return;
      if (before === 0n && !answer.incomplete) this.head = lastSeqOf(answer.messages);
      const page = this.kept ? await this.#reaching(parley, answer) : answer;
      if (asked !== this.#asked) return;
      const alone = anew || this.kept;
      const side = this.kept && this.#readsAbove() ? 'start' : keep; // where the person reads
      const first = alone ? 0n : this.#firstSeq();
      // What is said of the beginning is said of the page's.
      if (!first || before !== 0n && before <= first || page.messages.length && page.messages[0].seq <= first) {
        this.more = page.more;
      }
      this.incomplete = wordsOf(page.incomplete, page.incompleteCode, page.incompleteArgs);
      this.#take(alone ? page.messages : mergeMessages(this.messages, page.messages), side);
    } catch (error) {
      if (asked !== this.#asked) return;
      this.incomplete = reasonOf(error, t.unknownError);
      if (this.kept) this.messages = [];
    }
    this.kept = false;
    this.loaded = true;
    this.loading = false;
    const meanwhile = this.#meanwhile;
    this.#changed();
    for (const change of meanwhile) this.apply(change, keep);
  }

  /**
   * What takes the place of what was kept: the newest page or, where the person reads above it, what stands
   * there, with that page if the two meet.
   * @param {import('../parley.js').Parley} parley @param {import('../parley.js').Timeline} page
   */
  async #reaching(parley, page) {
    const [from, to, first] = [this.#firstSeq(), this.#lastSeq(), firstSeqOf(page.messages)];
    if (!this.#readsAbove() || !page.more || !from || from >= first) return page;
    this.#reaches = true;
    const limit = Math.min(this.messages.length + pageLength / 2, longestPage);
    const around = await parley.history(this.#key, { before: to + 1n, limit }).finally(() => { this.#reaches = false; });
    const last = lastSeqOf(around.messages);
    if (last < from) return page; // it is there no more
    if (last + 1n < first) return around;
    const { incomplete, incompleteCode, incompleteArgs } = around.incomplete ? around : page;
    return { ...around, messages: mergeMessages(around.messages, page.messages), incomplete, incompleteCode, incompleteArgs };
  }

  /** @param {Message[]} messages @param {'start' | 'end'} keep where none are dropped when there are too many */
  #take(messages, keep) {
    const confirmed = messages.findLastIndex(({ seq }) => seq > 0n) + 1;
    const most = this.#most();
    const over = confirmed - most;
    if (over <= 0) {
      this.messages = messages;
    } else if (keep === 'start') {
      this.messages = messages.slice(0, most);
    } else {
      this.messages = messages.slice(over);
      this.more = true;
    }
  }

  /** @param {Message[]} messages */
  #hear(messages) {
    for (const { seq } of messages) if (seq > this.head) this.head = seq;
  }

  #firstSeq() {
    return firstSeqOf(this.messages);
  }

  #lastSeq() {
    return lastSeqOf(this.messages);
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

/** The seq of the first confirmed message, 0n if there is none. @param {Message[]} messages */
function firstSeqOf(messages) {
  return messages.find(({ seq }) => seq > 0n)?.seq ?? 0n;
}

/** @param {Message[]} messages */
function lastSeqOf(messages) {
  return messages.findLast(({ seq }) => seq > 0n)?.seq ?? 0n;
}
