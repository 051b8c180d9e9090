// @ts-check
// Stands above the composer while a message is edited or answered.
import { previewOf } from '../texts/foreign-text.js';
import { t } from '../texts/strings.js';
import { element, hide, text } from './dom.js';
import { icon } from './icons.js';

const longest = 160; // UTF-16 units

export class ComposerStrip {
  #title = element('span', { class: 'strip-title' });
  #words = element('bdi', { class: 'quote-words' });
  element;

  /** @param {() => void} cancel */
  constructor(cancel) {
    this.element = element('div', { class: 'composer-strip', role: 'status', hidden: true },
      element('span', { class: 'strip-words' }, this.#title, this.#words),
      element('button', { class: 'icon-button', type: 'button', 'aria-label': t.cancel, title: t.cancel, onclick: cancel }, icon('close')));
  }

  /** @param {string} title '' hides it @param {string} content of the message */
  show(title, content) {
    hide(this.element, !title);
    text(this.#title, title);
    text(this.#words, previewOf(content, longest));
  }
}
