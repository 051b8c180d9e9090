// @ts-check
// The way back to the list of conversations through the browser's history, of which each entry of the page
// says whether the one before it is the list.
import { parseRoute } from './route.js';

export class ListHistory {
  #leaving = false;
  /** The page was here before it was loaded. */
  reloaded = history.state !== null;

  constructor() {
    // Whatever comes before the entry that the page began with, it is not the page's.
    if (!this.reloaded) this.#note(false);
  }

  /** The address is another one. @param {HashChangeEvent} change */
  changed({ oldURL }) {
    this.#leaving = this.reloaded = false;
    if (history.state === null) this.#note(parseRoute(new URL(oldURL).hash).name === 'home');
  }

  /** Goes back to the list where one came from it, so that the browser's Back leads on from there; else puts it in this entry's place. */
  toList() {
    if (this.#leaving) return; // a second tap would go back twice
    this.#leaving = true;
    if (history.state?.fromList) history.back();
    else location.replace('#/');
  }

  /** @param {boolean} fromList */
  #note(fromList) {
    history.replaceState({ fromList }, '');
  }
}
