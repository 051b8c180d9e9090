// @ts-check
// Where the person read in conversations that they turned away from, while the page is open.

/** @typedef {import('./snapshot.js').Shown} Shown */

const most = 20; // conversations

export class ReadingPlaces {
  /** By key; the one left last is the last. @type {Map<string, Shown>} */
  #left = new Map();

  /** Keeps what is shown of a conversation, if that is not its end, where one reads on anyway. @param {Shown} shown */
  leave(shown) {
    this.#left.delete(shown.key);
    if (shown.place) this.#left.set(shown.key, shown);
    for (const key of this.#left.keys()) {
      if (this.#left.size <= most) break;
      this.#left.delete(key);
    }
  }

  /** What was shown when the conversation was left; null if that was its end, or long ago. @param {string} key */
  of(key) {
    return this.#left.get(key) ?? null;
  }
}
