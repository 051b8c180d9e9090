// @ts-check
// What went wrong, or is to be known, in words, until the person has read it.
import { previewOf } from '../texts/foreign-text.js';
import { t } from '../texts/strings.js';
import { element } from './dom.js';
import { icon } from './icons.js';

const most = 3;
const longest = 500; // UTF-16 units

/** Fires "focus-lost" when a notice went that had the focus. */
export class NoticeList extends HTMLElement {
  #standing = element('div', { class: 'notice', role: 'alert' }, icon('warning'), element('p', { dir: 'auto' }));

  connectedCallback() {
    this.setAttribute('role', 'region');
    this.setAttribute('aria-label', t.notices);
  }

  /**
   * Shows a notice; the same one stands only once.
   * @param {string} reason @param {{ words: string, act(): void }} [way] what can be done about it: then nothing went wrong
   */
  add(reason, way) {
    const words = previewOf(reason, longest);
    const same = [...this.children].find(child => child.firstElementChild?.nextElementSibling?.textContent === words);
    same?.remove();
    const notice = element('div', { class: 'notice', role: way ? 'status' : 'alert' }, icon('warning'),
      element('p', { dir: 'auto' }, words),
      ...(way ? [element('button', { class: 'button', type: 'button', onclick: () => {
        this.#dismiss(notice);
        way.act();
      } }, way.words)] : []),
      element('button', { class: 'icon-button', type: 'button', 'aria-label': t.dismiss, title: t.dismiss, onclick: () => this.#dismiss(notice) }, icon('close')));
    this.append(notice);
    const passing = [...this.children].filter(child => child !== this.#standing);
    for (const old of passing.slice(0, -most)) old.remove();
  }

  /** Shows before all others what stays until it is true no more. @param {string} words '': nothing */
  stand(words) {
    if (words === this.#standing.lastElementChild?.textContent) return;
    this.#standing.remove();
    this.#standing.lastElementChild?.replaceChildren(words);
    if (words) this.prepend(this.#standing);
  }

  /** Says whether there was one. */
  dismissNewest() {
    const newest = this.lastElementChild;
    if (newest === this.#standing || !newest) return false;
    this.#dismiss(newest);
    return true;
  }

  /** @param {Element} notice */
  #dismiss(notice) {
    const held = notice.contains(document.activeElement);
    notice.remove();
    if (held) this.dispatchEvent(new Event('focus-lost'));
  }
}

customElements.define('notice-list', NoticeList);
