// @ts-check
// One tab stop for all of a list: the arrow keys, Home and End move within it, and the stop goes along.
import { set } from './dom.js';

const ways = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -Infinity, End: Infinity };

export class RovingFocus {
  #list;
  #items;
  #next;
  /** @type {Element | null} */
  #stop = null;

  /**
   * @param {HTMLElement} list whose keys are listened to
   * @param {string} items what one moves among, a selector; each begins with tabindex -1
   * @param {(item: HTMLElement, way: number) => HTMLElement | undefined} [next] gives what is so many on from an item, or, as
   * an infinite number, at an end, where not all are in the page
   */
  constructor(list, items, next = (item, way) => this.#inPage(item, way)) {
    this.#list = list;
    this.#items = items;
    this.#next = next;
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
    const way = ways[/** @type {keyof typeof ways} */ (key)];
    if (!way || !(target instanceof HTMLElement) || !target.matches(this.#items)) return;
    const next = this.#next(target, way);
    if (!next) return; // what is around the list may lead on
    next.focus();
    event.preventDefault();
  }

  /** @param {HTMLElement} item @param {number} way */
  #inPage(item, way) {
    const items = /** @type {HTMLElement[]} */ ([...this.#list.querySelectorAll(this.#items)]);
    return Number.isFinite(way) ? items[items.indexOf(item) + way] : items.at(way < 0 ? 0 : -1);
  }
}
