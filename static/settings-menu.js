// @ts-check
// What others see of the user. The server keeps the choice and does not tell
// it; this browser remembers what was chosen here.
import { element, reasonOf } from './dom.js';
import { icon } from './icons.js';
import { t } from './strings.js';

/** @typedef {{ shareTyping?: boolean, sharePresence?: boolean }} Choice */

const names = /** @type {const} */ (['shareTyping', 'sharePresence']);

/** Fires "notice" with words for the person. */
export class SettingsMenu extends HTMLElement {
  /** @type {import('./parley.js').Parley | null} */
  parley = null;
  #place; // in localStorage
  #panel = element('div', { class: 'menu', id: 'settings', popover: 'auto', role: 'group', 'aria-label': t.settings });

  /** @param {bigint} user */
  constructor(user) {
    super();
    this.#place = `parley.settings.${user}`;
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(element('button', {
      class: 'icon-button', type: 'button', popovertarget: 'settings', 'aria-label': t.settings, title: t.settings,
    }, icon('gear')), this.#panel);
    const choice = read(this.#place);
    this.#panel.append(...names.map(name => {
      const input = element('input', { type: 'checkbox', role: 'switch', checked: choice[name] ?? true, onchange: () => this.#choose(name, input) });
      return element('label', { class: 'switch' }, input, t[name]);
    }));
  }

  /** @param {keyof Choice} name @param {HTMLInputElement} input */
  async #choose(name, input) {
    const wanted = input.checked;
    try {
      if (!this.parley) throw new Error(t.serverAway);
      await this.parley.settings({ [name]: wanted });
      store(this.#place, { ...read(this.#place), [name]: wanted });
    } catch (error) {
      input.checked = !wanted;
      this.dispatchEvent(new CustomEvent('notice', { detail: t.notChanged(reasonOf(error, t.unknownError)), bubbles: true }));
    }
  }
}

/** @param {string} place @returns {Choice} */
function read(place) {
  try {
    return JSON.parse(localStorage.getItem(place) ?? '{}') ?? {};
  } catch {
    return {};
  }
}

/** @param {string} place @param {Choice} choice */
function store(place, choice) {
  try {
    localStorage.setItem(place, JSON.stringify(choice));
  } catch {
    // A browser that stores nothing shows the defaults next time.
  }
}

customElements.define('settings-menu', SettingsMenu);
