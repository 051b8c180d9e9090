// @ts-check
// One tab stop for all of a list: the arrow keys, Home and End move within it, and the stop goes along.
import { set } from './dom.js';

const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

export class RovingFocus {
  #list;
  #items;
  /** @type {Element | null} */
  #stop = null;

  /**
   * @param {HTMLElement} list whose keys are listened to
   * @param {string} items what one moves among, a selector; each begins with tabindex -1
   */
  constructor(list, items) {
    this.#list = list;
    this.#items = items;
    list.addEventListener('focusin', ({ target }) => this.rest(target instanceof Element ? target.closest(items) : null));
    list.addEventListener('keydown', event => this.#key(event));
  }

  /** Lets Tab stop there. @param {Element | null | undefined} item */
  rest(item) {
    if (!item) return;
    if (this.#stop && this.#stop !== item) set(this.#stop, 'tabindex', -1);
    set(item, 'tabindex', 0);
    this.#stop = item;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { key, ctrlKey, metaKey, shiftKey, altKey, target } = event;
    if (event.defaultPrevented || ctrlKey || metaKey || shiftKey || altKey) return;
    const step = steps[/** @type {keyof typeof steps} */ (key)] ?? 0;
    const end = key === 'Home' || key === 'End';
    if (!step && !end || !(target instanceof Element) || !target.matches(this.#items)) return;
    const items = /** @type {HTMLElement[]} */ ([...this.#list.querySelectorAll(this.#items)]);
    const next = end ? items.at(key === 'Home' ? 0 : -1) : items[items.indexOf(/** @type {HTMLElement} */ (target)) + step];
    if (!next) return; // what is around the list may lead on
    next.focus();
    event.preventDefault();
  }
}
