// @ts-check
// The beginning of a message that another one quotes; pressed, it leads there.
import { t } from '../texts/strings.js';
import { element, text } from './dom.js';

/** Fires "jump" with the seq. */
export class QuoteBlock {
  #author = element('bdi', { class: 'quote-author' });
  #words = element('bdi', { class: 'quote-words' });
  #seq = 0n;
  element = element('button', {
    class: 'quote', type: 'button', tabindex: -1, title: t.toQuoted, onclick: () => this.element.dispatchEvent(new CustomEvent('jump', { detail: this.#seq, bubbles: true })),
  }, this.#author, this.#words);

  /** @param {import('../model/quotes.js').Quoted} quoted */
  show({ seq, author, words }) {
    this.#seq = seq;
    text(this.#author, author);
    text(this.#words, words);
  }
}
