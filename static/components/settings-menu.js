// @ts-check
// What others see of the user. The server keeps the choice and tells it to all
// of the user's devices; until it does, the menu shows what it told last. And
// whether this device calls the user, and in which language it speaks, which are its own.
import { canNotify, notifies, setNotifies } from '../model/attention.js';
import { keepsIdentity } from '../model/identity.js';
import { saysWhoWaits, sayWhoWaits } from '../model/waiting.js';
import { ParleyError } from '../parley.js';
import { chooseLanguage, chosenLanguage, languages } from '../texts/languages.js';
import { reasonOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { element } from './dom.js';
import { icon } from './icons.js';

/** @typedef {import('../parley.js').Settings} Settings */

const names = /** @type {const} */ (['shareTyping', 'sharePresence', 'listed']);

/** Fires "notice" with words for the person, "waiting-shown" when it is said otherwise who waits, and "shortcuts" when these are wanted. */
export class SettingsMenu extends HTMLElement {
  /** @type {import('../parley.js').Parley | null} */
  parley = null;
  #place; // in localStorage
  #settings;
  #inputs = names.map(name => element('input', { type: 'checkbox', role: 'switch', onchange: () => this.#choose(name) }));
  #notify = element('input', { type: 'checkbox', role: 'switch', onchange: () => this.#switchNotify() });
  #waiting = element('input', { type: 'checkbox', role: 'switch', checked: saysWhoWaits(), onchange: () => this.#sayWhoWaits() });
  #language = element('select', { onchange: () => this.#speak() },
    element('option', { value: '' }, t.languageOfBrowser),
    ...languages.map(({ tag, name }) => element('option', { value: tag, lang: tag, selected: tag === chosenLanguage() }, name)));
  #panel = element('div', { class: 'menu', id: 'settings', popover: 'auto', role: 'group', 'aria-label': t.settings },
    ...names.map((name, i) => element('label', { class: 'switch' }, this.#inputs[i], t.choices[name])),
    element('label', { class: 'switch' }, this.#waiting, t.sayWhoWaits),
    ...(canNotify ? [element('label', { class: 'switch' }, this.#notify, t.notify)] : []),
    ...(keepsIdentity() ? [element('label', { class: 'choice' }, t.language, this.#language)] : []), // a page that forgets who is signed in is not loaded again
    element('button', { class: 'menu-item', type: 'button', onclick: () => this.#askShortcuts() }, t.shortcuts),
    element('button', { class: 'menu-item', type: 'button', onclick: () => this.#signOut() }, t.signOut));

  /** @param {bigint} user */
  constructor(user) {
    super();
    this.#place = `parley.settings.${user}`;
    this.#settings = read(this.#place);
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(element('button', {
      class: 'icon-button', type: 'button', popovertarget: 'settings', 'aria-label': t.settings, title: t.settings,
    }, icon('gear')), this.#panel);
    this.#paint();
  }

  /** @param {Settings} settings as the server tells them */
  show(settings) {
    this.#settings = settings;
    store(this.#place, settings);
    this.#paint();
  }

  #signOut() {
    this.#panel.hidePopover();
    this.dispatchEvent(new Event('sign-out'));
  }

  #paint() {
    names.forEach((name, i) => { this.#inputs[i].checked = this.#settings[name]; });
    this.#notify.checked = notifies();
  }

  #askShortcuts() {
    this.#panel.hidePopover();
    this.dispatchEvent(new Event('shortcuts'));
  }

  async #switchNotify() {
    const on = this.#notify.checked;
    this.#notify.checked = await setNotifies(on);
    if (on && !this.#notify.checked) this.dispatchEvent(new CustomEvent('notice', { detail: t.notifyDenied, bubbles: true }));
  }

  #sayWhoWaits() {
    sayWhoWaits(this.#waiting.checked);
    this.dispatchEvent(new Event('waiting-shown'));
  }

  #speak() {
    chooseLanguage(this.#language.value);
    location.reload();
  }

  /** @param {keyof Settings} name */
  async #choose(name) {
    try {
      if (!this.parley) throw new ParleyError('there is no engine yet', 0, { reasonCode: 'server-unreachable' });
      await this.parley.settings({ [name]: this.#inputs[names.indexOf(name)].checked });
    } catch (error) {
      this.#paint();
      this.dispatchEvent(new CustomEvent('notice', { detail: t.notChanged(reasonOf(error, t.unknownError)), bubbles: true }));
    }
  }
}

/** @param {string} place @returns {Settings} */
function read(place) {
  const settings = { shareTyping: true, sharePresence: true, listed: true };
  try {
    return Object.assign(settings, JSON.parse(localStorage.getItem(place) ?? '{}'));
  } catch {
    return settings;
  }
}

/** @param {string} place @param {Settings} settings */
function store(place, settings) {
  try {
    localStorage.setItem(place, JSON.stringify(settings));
  } catch {
    // A browser that stores nothing shows the defaults until the server tells.
  }
}

customElements.define('settings-menu', SettingsMenu);
