// @ts-check
// What of one conversation the person has had on the screen.

/** @typedef {import('../parley.js').Message} Message */

const pause = 250; // ms that marks are gathered for
const long = 1000; // ms at the end after which what was passed by on the way there counts as read

/**
 * Watches the ends of messages on the screen and raises the read watermark.
 * Only what was on the screen while the page had the person's attention,
 * visible and focused, counts: what was scrolled past, or came and went in the
 * background, was not seen. Whoever stays at the end is done with what is above it.
 */
export class ReadTracker {
  /** @type {Message[]} */
  #messages = [];
  /** Nothing exists before the first of them. */
  #whole = false;
  /** @type {WeakMap<Element, bigint>} */
  #seqs = new WeakMap();
  /** Seqs whose ends are on the screen now. @type {Set<bigint>} */
  #onScreen = new Set();
  /** Seqs after the read watermark whose ends were seen. @type {Set<bigint>} */
  #wasSeen = new Set();
  #observer;
  #mark;
  #needsReading;
  #read; // what the server knows
  #marked = 0n; // what was last reported
  #passed = 0n; // the newest seq when the person had stayed at the end
  #atEnd = false;
  #staying = 0;
  #timer = 0;
  #done = new AbortController();

  /**
   * @param {Element} viewport
   * @param {bigint} read the user's read watermark so far
   * @param {(message: Message) => boolean} needsReading false for one's own and what is not shown: they count as
   *   seen when all before them was
   * @param {(seq: bigint) => void} mark
   */
  constructor(viewport, read, needsReading, mark) {
    this.#read = read;
    this.#needsReading = needsReading;
    this.#mark = mark;
    this.#observer = new IntersectionObserver(entries => this.#look(entries), { root: viewport });
    const attend = () => this.#attend();
    addEventListener('focus', attend, { signal: this.#done.signal });
    addEventListener('blur', attend, { signal: this.#done.signal });
    document.addEventListener('visibilitychange', attend, { signal: this.#done.signal });
  }

  close() {
    this.#done.abort();
    this.#observer.disconnect();
    clearTimeout(this.#timer);
    clearTimeout(this.#staying);
  }

  /** Whether the newest message stands at the end of the screen. @param {boolean} atEnd */
  stay(atEnd) {
    if (atEnd === this.#atEnd) return;
    this.#atEnd = atEnd;
    this.#leave();
    this.#soon();
  }

  #leave() {
    clearTimeout(this.#staying);
    this.#staying = 0;
  }

  #stayed() {
    this.#staying = 0;
    if (!this.#atEnd || !hasAttention()) return;
    this.#passed = this.#newest();
    this.#soon();
  }

  /** The highest seq that is there, 0n if none is. */
  #newest() {
    return this.#messages.findLast(({ seq }) => seq > 0n)?.seq ?? 0n;
  }

  /** Begins at a read watermark, whatever was thought of it before. @param {bigint} read */
  begin(read) {
    this.#read = read;
  }

  /** Watches an element that stands at the end of a message, unless that was read. @param {Element} end @param {bigint} seq */
  watch(end, seq) {
    if (seq <= this.#read || this.#seqs.get(end) === seq) return;
    this.#seqs.set(end, seq);
    // Observed anew, an element that is on the screen already is reported again.
    this.#observer.unobserve(end);
    this.#observer.observe(end);
  }

  /** A message is no more in the list. @param {Element} end */
  forget(end) {
    this.#observer.unobserve(end);
    this.#onScreen.delete(this.#seqs.get(end) ?? 0n);
  }

  /** Takes in what the list shows now. @param {Message[]} messages @param {boolean} whole nothing exists before the first @param {bigint} read */
  update(messages, whole, read) {
    this.#messages = messages;
    this.#whole = whole;
    if (read > this.#read) {
      this.#read = read;
      for (const seq of this.#wasSeen) if (seq <= read) this.#wasSeen.delete(seq);
    }
    this.#soon();
  }

  /** The highest seq up to which everything was on the screen; whoever asks sends, and so looks at it. */
  get seen() {
    this.#look(this.#observer.takeRecords());
    this.#see();
    return this.#reach().seen;
  }

  /** Likewise, as far as it was noticed so far. */
  get reached() {
    return this.#reach().seen;
  }

  /** The seq of the first message that has not been seen, of those that are there; 0n if there is none. */
  get next() {
    const seen = this.reached;
    return this.#messages.find(message => message.seq > seen && this.#needsReading(message))?.seq ?? 0n;
  }

  /** How far everything was seen, and to the last message up to there that needed to be. */
  #reach() {
    let [seen, read] = [this.#read, this.#read];
    if (this.#passed > seen) {
      seen = this.#passed;
      read = this.#messages.findLast(message => message.seq <= seen && this.#needsReading(message))?.seq ?? seen;
      if (read < this.#read) read = this.#read;
    }
    for (let i = this.#firstAfter(seen); i < this.#messages.length; i++) {
      const message = this.#messages[i];
      const follows = message.seq === seen + 1n || i === 0 && this.#whole;
      if (message.seq === 0n || !follows) break;
      const needed = this.#needsReading(message);
      if (needed && !this.#wasSeen.has(message.seq)) break;
      seen = message.seq;
      if (needed) read = seen;
    }
    return { seen, read };
  }

  /** Index of the first message with a higher seq, or none. @param {bigint} seq */
  #firstAfter(seq) {
    let i = this.#messages.length;
    while (i > 0 && (this.#messages[i - 1].seq === 0n || this.#messages[i - 1].seq > seq)) i--;
    return i;
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #look(entries) {
    const attended = hasAttention();
    for (const { isIntersecting, target } of entries) {
      const seq = this.#seqs.get(target) ?? 0n;
      if (!isIntersecting) this.#onScreen.delete(seq);
      else this.#onScreen.add(seq);
      if (isIntersecting && attended && seq > this.#read) this.#wasSeen.add(seq);
    }
    this.#soon();
  }

  /** What is on the screen when the person turns to the page is seen then. */
  #attend() {
    this.#leave();
    if (!hasAttention()) return;
    this.#see();
    this.#soon();
  }

  #see() {
    for (const seq of this.#onScreen) if (seq > this.#read) this.#wasSeen.add(seq);
  }

  #soon() {
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      const { seen, read } = this.#reach();
      if (this.#atEnd && !this.#staying && seen < this.#newest() && hasAttention()) {
        this.#staying = setTimeout(() => this.#stayed(), long - pause);
      }
      if (read <= this.#read || read <= this.#marked) return;
      this.#marked = read;
      this.#mark(read);
    }, pause);
  }
}

function hasAttention() {
  return document.visibilityState === 'visible' && document.hasFocus();
}
