// @ts-check
// The link that others open to write to the user.
import { linkTo } from '../model/route.js';
import { t } from '../texts/strings.js';
import { element, text } from './dom.js';
import { icon } from './icons.js';

const copiedFor = 2000; // ms that the button says so

/** Fires "notice" with words for the person. */
export class ShareLink extends HTMLElement {
  #user;
  #link;
  #label = element('span', { 'aria-live': 'polite' }, t.copyLink);

  /** @param {bigint} user */
  constructor(user) {
    super();
    this.#user = user;
    this.#link = element('span', { class: 'own-link', dir: 'ltr', title: t.yourLink }, linkTo(user).replace(/^https?:\/\//, ''));
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(this.#link, element('button', { class: 'button copy', type: 'button', onclick: () => this.#copy() }, icon('link'), this.#label));
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(linkTo(this.#user));
      text(this.#label, t.copied);
      setTimeout(() => text(this.#label, t.copyLink), copiedFor);
    } catch {
      getSelection()?.selectAllChildren(this.#link);
      this.dispatchEvent(new CustomEvent('notice', { detail: t.copyByHand, bubbles: true }));
    }
  }
}

customElements.define('share-link', ShareLink);
