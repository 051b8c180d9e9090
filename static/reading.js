// @ts-check
// What of one conversation the person has had on the screen.

/** @typedef {import('./parley.js').Message} Message */

const pause = 250; // ms that marks are gathered for

/**
 * Watches the ends of messages come onto the screen and raises the read
 * watermark while the page has the person's attention: visible and focused.
 */
export class Reading {
  /** @type {Message[]} */
  #messages = [];
  /** @type {WeakMap<Element, bigint>} */
  #seqs = new WeakMap();
  #observer;
  #mark;
  #highest = 0n; // whose end was on the screen
  #read; // what the server knows
  #marked = 0n; // what was last reported
  #timer = 0;
  #done = new AbortController();

  /**
   * @param {Element} viewport
   * @param {bigint} read the user's read watermark so far
   * @param {(seq: bigint) => void} mark
   */
  constructor(viewport, read, mark) {
    this.#read = read;
    this.#mark = mark;
    this.#observer = new IntersectionObserver(entries => this.#see(entries), { root: viewport });
    const soon = () => this.#soon();
    addEventListener('focus', soon, { signal: this.#done.signal });
    document.addEventListener('visibilitychange', soon, { signal: this.#done.signal });
  }

  close() {
    this.#done.abort();
    this.#observer.disconnect();
    clearTimeout(this.#timer);
  }

  /** Watches an element that stands at the end of a message. @param {Element} end @param {bigint} seq */
  watch(end, seq) {
    if (this.#seqs.get(end) === seq) return;
    this.#seqs.set(end, seq);
    // Observed anew, an element that is on the screen already is reported again.
    this.#observer.unobserve(end);
    this.#observer.observe(end);
  }

  /** Takes in what the list shows now. @param {Message[]} messages @param {bigint} read */
  update(messages, read) {
    this.#messages = messages;
    if (read > this.#read) this.#read = read;
    this.#soon();
  }

  /**
   * The highest seq up to which everything shown was on the screen: nothing
   * after a missing entry counts.
   */
  get seen() {
    this.#see(this.#observer.takeRecords());
    let seen = this.#read;
    for (const { seq, gap } of this.#messages) {
      if (seq === 0n || seq > this.#highest) break;
      if (seq <= this.#read) continue;
      if (gap && seq > this.#messages[0].seq) break;
      seen = seq;
    }
    return seen;
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #see(entries) {
    let higher = false;
    for (const { isIntersecting, target } of entries) {
      const seq = this.#seqs.get(target) ?? 0n;
      if (!isIntersecting || seq <= this.#highest) continue;
      this.#highest = seq;
      higher = true;
    }
    if (higher) this.#soon();
  }

  #soon() {
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      if (document.visibilityState !== 'visible' || !document.hasFocus()) return;
      const seen = this.seen;
      if (seen <= this.#read || seen <= this.#marked) return;
      this.#marked = seen;
      this.#mark(seen);
    }, pause);
  }
}
