// @ts-check
// The emoji under a message, each with how many chose it, and who.
import { isolated } from '../texts/foreign-text.js';
import { formats, t } from '../texts/strings.js';
import { element, hide, set } from './dom.js';

/** @typedef {import('../model/reactions.js').Reacted} Reacted */

/** Fires "react" with the emoji that the user chooses, '' where it was theirs already. */
export class ReactionRow {
  #names = element('p', { class: 'reacted', 'aria-live': 'off', hidden: true });
  #list = element('ul', { role: 'list', class: 'reactions', 'aria-label': t.reactions });
  element = element('div', { class: 'reaction-row', hidden: true }, this.#list, this.#names);

  constructor() {
    for (const shows of ['focusin', 'pointerover', 'touchstart']) this.#list.addEventListener(shows, event => this.#tell(event), { passive: true });
    for (const hides of ['focusout', 'pointerleave']) this.#list.addEventListener(hides, () => hide(this.#names, true));
  }

  /** @param {Reacted[]} all */
  show(all) {
    hide(this.element, all.length === 0);
    const focused = this.#list.contains(document.activeElement) ? document.activeElement?.getAttribute('data-emoji') : null;
    hide(this.#names, true);
    this.#list.replaceChildren(...all.map(({ emoji, names, mine }) => {
      const who = formats.list(names.map(isolated));
      return element('li', {}, element('button', {
        class: 'reaction', type: 'button', 'data-emoji': emoji, 'data-names': who, 'aria-pressed': String(mine), 'aria-label': t.reactedWith(emoji, formats.number(names.length), who), title: who,
        onclick: event => event.currentTarget.dispatchEvent(new CustomEvent('react', { detail: mine ? '' : emoji, bubbles: true })),
      }, element('span', { class: 'one-emoji' }, emoji), element('span', { class: 'count' }, formats.number(names.length))));
    }));
    if (focused === null) return;
    const again = [...this.#list.querySelectorAll('button')].find(button => button.dataset.emoji === focused);
    again?.focus({ preventScroll: true });
  }

  /** Says who it was, for whom no pointer can rest on it. @param {Event} event */
  #tell({ target }) {
    const button = target instanceof Element ? target.closest('button') : null;
    if (!button) return;
    this.#names.textContent = button.dataset.names ?? '';
    hide(this.#names, false);
    set(this.#names, 'dir', 'auto');
  }
}
