// @ts-check
// What is done with several messages that the person chooses.
import { t } from '../texts/strings.js';
import { element, hide, text } from './dom.js';

/** Fires "selection-act" with "copy", "forward" or "cancel". */
export class SelectionBar extends HTMLElement {
  #count = element('p', { role: 'status' });
  #buttons = /** @type {const} */ (['copy', 'forward']).map(act => element('button', { class: 'button', type: 'button', onclick: () => this.#act(act) }, t.messageActs[act]));
  #cancel = element('button', { class: 'button', type: 'button', onclick: () => this.#act('cancel') }, t.cancel);

  connectedCallback() {
    if (this.firstChild) return;
    this.setAttribute('role', 'group');
    this.setAttribute('aria-label', t.selection);
    this.append(this.#count, ...this.#buttons, this.#cancel);
    hide(this, true);
  }

  /** @param {import('../parley.js').Message[] | null} chosen null: none are to be */
  show(chosen) {
    hide(this, chosen === null);
    text(this.#count, chosen === null ? '' : t.selected(chosen.length));
    const [copy, forward] = this.#buttons;
    copy.disabled = !chosen?.some(({ content }) => content);
    forward.disabled = !chosen?.length;
  }

  /** @param {'copy' | 'forward' | 'cancel'} act */
  #act(act) {
    this.dispatchEvent(new CustomEvent('selection-act', { detail: act, bubbles: true }));
  }
}

customElements.define('selection-bar', SelectionBar);
