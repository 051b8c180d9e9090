// @ts-check
// The server's clock, for display only: whoever waits does so by one clock,
// whatever the devices' say.

export class Clock {
  /** Milliseconds by which the server's clock is ahead of this device's. */
  offset = 0;

  /** Unix milliseconds. */
  now() {
    return Date.now() + this.offset;
  }

  /**
   * Calls back at each multiple of an interval, and when the page is shown
   * again; not while it is hidden.
   * @param {number} interval ms
   * @param {() => void} callback
   * @param {AbortSignal} signal that ends it
   */
  every(interval, callback, signal) {
    if (signal.aborted) return;
    let timer = 0;
    const tick = () => {
      if (document.visibilityState === 'visible') callback();
      wait();
    };
    const wait = () => {
      timer = setTimeout(tick, interval - modulo(this.now(), interval));
    };
    wait();
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') callback();
    }, { signal });
    signal.addEventListener('abort', () => clearTimeout(timer));
  }
}

/** @param {number} n @param {number} of */
function modulo(n, of) {
  return ((n % of) + of) % of;
}
