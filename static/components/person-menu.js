// @ts-check
// What one can do about the person on the other side of a conversation.
import { isolated } from '../texts/foreign-text.js';
import { t } from '../texts/strings.js';
import { element, set, text } from './dom.js';
import { icon } from './icons.js';

/** Fires "block" with whether the person is to be blocked. */
export class PersonMenu extends HTMLElement {
  #blocked = false;
  #act = element('button', { class: 'menu-item', type: 'button', onclick: () => this.#choose() });
  #panel = element('div', { class: 'menu of-person', id: 'person-menu', popover: 'auto', role: 'group', 'aria-label': t.more }, this.#act);

  connectedCallback() {
    if (this.firstChild) return;
    this.append(element('button', {
      class: 'icon-button', type: 'button', popovertarget: 'person-menu', 'aria-label': t.more, title: t.more,
    }, icon('more')), this.#panel);
  }

  /** @param {string} name of the person @param {boolean} blocked */
  show(name, blocked) {
    this.#blocked = blocked;
    text(this.#act, blocked ? t.unblock : t.block);
    set(this.#act, 'title', blocked ? null : t.blockMeans(isolated(name)));
  }

  #choose() {
    this.#panel.hidePopover();
    this.dispatchEvent(new CustomEvent('block', { detail: !this.#blocked }));
  }
}

customElements.define('person-menu', PersonMenu);
