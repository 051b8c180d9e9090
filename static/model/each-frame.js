// @ts-check
// Does work once for all that asks for it before the next frame, and leaves the page twice the
// time that it took: keys and touches come through however much there is to paint.

const longest = 100; // ms to wait for a frame, as a page that is not shown has none; and to rest

export class EachFrame {
  #work;
  #least;
  #wanted = false;
  #rested = 0; // when the rest is over, by performance.now()
  #frame = 0;
  #timer = 0;

  /** @param {() => void} work @param {number} [least] ms to rest, at least */
  constructor(work, least = 0) {
    this.#work = work;
    this.#least = least;
  }

  /** Wants the work done, by the next frame after the rest. */
  want() {
    if (this.#wanted) return;
    this.#wanted = true;
    const rest = this.#rested - performance.now();
    if (rest > 0) this.#timer = setTimeout(() => this.#await(), rest);
    else this.#await();
  }

  /** What was wanted is not, or is done. */
  cancel() {
    this.#wanted = false;
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
  }

  #await() {
    this.#frame = requestAnimationFrame(() => this.#do());
    this.#timer = setTimeout(() => this.#do(), longest);
  }

  #do() {
    this.cancel();
    const began = performance.now();
    this.#work();
    const ended = performance.now();
    this.#rested = ended + Math.max(this.#least, Math.min(2 * (ended - began), longest));
  }
}
