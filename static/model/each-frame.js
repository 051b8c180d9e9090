// @ts-check
// Does work once for all that asks for it before the next frame.

const longest = 100; // ms to wait for a frame: a page that is not shown has none

export class EachFrame {
  #work;
  #frame = 0;
  #timer = 0;

  /** @param {() => void} work */
  constructor(work) {
    this.#work = work;
  }

  /** Wants the work done, by the next frame. */
  want() {
    if (this.#timer) return;
    this.#frame = requestAnimationFrame(() => this.#do());
    this.#timer = setTimeout(() => this.#do(), longest);
  }

  /** What was wanted is not, or was done meanwhile. */
  cancel() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  #do() {
    this.cancel();
    this.#work();
  }
}
