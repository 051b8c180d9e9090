// @ts-check
// How much of the engine has come, for a newcomer on a slow line.
import { t } from '../texts/strings.js';
import { element, set, text } from './dom.js';

export class StartProgress extends HTMLElement {
  #bar = element('div', { class: 'progress', role: 'progressbar', 'aria-label': t.loadingProgram, 'aria-valuemin': 0, 'aria-valuemax': 100 }, element('span'));
  #words = element('p', { 'aria-hidden': true }, t.loadingProgram);

  connectedCallback() {
    this.append(this.#words, this.#bar);
  }

  /** @param {number} received bytes @param {number} total 0 if unknown: then nothing is claimed */
  show(received, total) {
    const percent = total ? Math.min(100, Math.floor(100 * received / total)) : null;
    set(this.#bar, 'aria-valuenow', percent);
    this.#bar.style.setProperty('--done', `${percent ?? 0}%`);
    text(this.#words, percent === null ? t.loadingProgram : t.loadedOfProgram(percent / 100));
  }
}

customElements.define('start-progress', StartProgress);
