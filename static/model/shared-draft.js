// @ts-check
// What is written in a conversation and not sent yet, and the message that it answers. It is kept
// over reloads, and all tabs show it. Each version has a name of its own, the client_ref of the
// message that it becomes, so that a draft which two tabs send is one message; and
// each knows the version that it was made from, so that what was written in one tab
// replaces only what it goes on from.
import { newRef } from '../parley.js';

/**
 * @typedef {object} Draft
 * @property {string} content '' while nothing is written
 * @property {bigint} quote seq of the message that it quotes, 0n for none
 * @property {boolean} note it is an internal note
 * @property {string} ref '' while there has been none
 */
/** @typedef {Draft & { after: string }} Version as it is kept; after is the ref of the one before */

export class SharedDraft {
  #place; // in localStorage
  #note;
  #none;
  #draft;
  #show;
  /** Refs of those that were given to be sent, and are not stored yet. @type {Set<string>} */
  #taken = new Set();
  #closed = new AbortController();

  /**
   * @param {string} place where it is kept
   * @param {boolean} note it is of an internal note, and never becomes a message
   * @param {(draft: Draft) => void} show called when another tab has changed it
   */
  constructor(place, note, show) {
    this.#place = place;
    this.#note = note;
    this.#none = { content: '', quote: 0n, note, ref: '' };
    this.#show = show;
    this.#draft = this.#read() ?? this.#none;
  }

  /** As it stands here. */
  get draft() {
    return this.#draft;
  }

  /** Shows what other tabs write, until close. */
  open() {
    this.#closed = new AbortController();
    addEventListener('storage', ({ key, oldValue, newValue }) => {
      if (key === this.#place) this.#changed(this.#parse(oldValue), this.#parse(newValue));
    }, { signal: this.#closed.signal });
  }

  close() {
    this.#closed.abort();
  }

  /** The person changed it here. White space alone begins none. @param {string} written @param {bigint} quote */
  change(written, quote) {
    const content = this.#draft.content || written.trim() ? written : '';
    if (content === this.#draft.content && quote === this.#draft.quote) return;
    const draft = { ...this.#none, content, quote };
    const after = this.#draft.ref;
    this.#draft = isNone(draft) ? this.#none : { ...draft, ref: newRef() };
    this.#write(isNone(draft) ? null : { ...this.#draft, after });
  }

  /** Gives it to be sent: what is written next is another one. It is kept until sent or restore. */
  take() {
    const draft = this.#draft;
    this.#taken.add(draft.ref);
    this.#draft = { ...draft, content: '', quote: 0n };
    return draft;
  }

  /** A draft that was taken is stored as a message. @param {Draft} draft */
  sent({ ref }) {
    this.#taken.delete(ref);
    const kept = this.#read();
    if (kept?.ref === ref) this.#write(null);
    else if (kept && isNone(this.#draft) && !this.#taken.has(kept.ref)) this.#take(kept);
    if (this.#draft.ref === ref) this.#draft = { ...this.#draft, ref: '' };
  }

  /** A draft that was taken could not be sent, and nothing was written since. @param {Draft} draft */
  restore(draft) {
    this.#taken.delete(draft.ref);
    this.#draft = draft;
    this.#write({ ...draft, after: '' });
  }

  /** @param {Version | null} old @param {Version | null} fresh */
  #changed(old, fresh) {
    const none = isNone(this.#draft);
    const { ref } = this.#draft;
    if (fresh && (fresh.after === ref || none)) this.#take(fresh);
    else if (!fresh && old?.ref === ref) this.#take(this.#none); // sent there, or deleted
    else if (!fresh && !none) this.#write({ ...this.#draft, after: '' }); // another one was: this is still here
  }

  /** @param {Draft} draft */
  #take({ content, quote, ref }) {
    this.#draft = { ...this.#none, content, quote, ref };
    this.#show(this.#draft);
  }

  // A browser that stores nothing loses drafts, and nothing else.

  #read() {
    try {
      return this.#parse(localStorage.getItem(this.#place));
    } catch {
      return null;
    }
  }

  /** @param {Version | null} version */
  #write(version) {
    try {
      if (version) localStorage.setItem(this.#place, JSON.stringify({ ...version, quote: String(version.quote) }));
      else localStorage.removeItem(this.#place);
    } catch {
      // see above
    }
  }

  /** What was kept as the other of the two is none, so that no note becomes a message. @param {string | null} stored @returns {Version | null} */
  #parse(stored) {
    try {
      const { content, quote = 0, note, ref, after } = JSON.parse(stored ?? 'null') ?? {};
      const whole = typeof content === 'string' && typeof ref === 'string' && (note === true) === this.#note;
      return whole ? { content, quote: BigInt(quote), note, ref, after: String(after) } : null;
    } catch {
      return null; // of an older version
    }
  }
}

/** There is nothing of it. @param {Draft} draft */
function isNone({ content, quote }) {
  return !content && !quote;
}
