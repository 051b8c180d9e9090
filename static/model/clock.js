// @ts-check
// The server's clock, for display only: whoever waits does so by one clock,
// whatever the devices' say. It goes on by a clock that cannot be set; where that
// stands still while the device sleeps, the engine notices and sets it again.

/** By how much it may be set without those who show it being called, in milliseconds. */
const shown = 250;

/** Fires "set" when it was set to a time that it did not show. */
export class Clock extends EventTarget {
  /** The server's time when performance.now() was 0, in Unix milliseconds. */
  #origin = Date.now() - performance.now();

  /** Unix milliseconds. */
  now() {
    return this.#origin + performance.now();
  }

  /** @param {number} offset milliseconds by which the server's clock is ahead of this device's, as that is set now */
  set(offset) {
    const origin = Date.now() + offset - performance.now();
    const moved = Math.abs(origin - this.#origin) > shown;
    this.#origin = origin;
    if (moved) this.dispatchEvent(new Event('set'));
  }

  /**
   * Calls back at each multiple of an interval, when the clock is set, and when
   * the page is shown again; not while it is hidden.
   * @param {number} interval ms
   * @param {() => void} callback
   * @param {AbortSignal} signal that ends it
   */
  every(interval, callback, signal) {
    if (signal.aborted) return;
    let timer = 0;
    const show = () => {
      if (document.visibilityState === 'visible') callback();
    };
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        show();
        wait();
      }, interval - modulo(this.now(), interval));
    };
    wait();
    this.addEventListener('set', () => {
      show();
      wait();
    }, { signal });
    document.addEventListener('visibilitychange', show, { signal });
    signal.addEventListener('abort', () => clearTimeout(timer));
  }
}

/** @param {number} n @param {number} of */
function modulo(n, of) {
  return ((n % of) + of) % of;
}
