// @ts-check
// What others see of the user. The server keeps the choice and tells it to all
// of the user's devices; until it does, the menu shows what it told last. And
// whether this device calls the user, and in which language it speaks, which are its own.
import { canNotify, notifies, setNotifies } from '../model/attention.js';
import { canSound, setSounds, sounds } from '../model/sound.js';
import { keepsIdentity } from '../model/identity.js';
import { saysWhoWaits, sayWhoWaits } from '../model/waiting.js';
import { ParleyError } from '../parley.js';
import { chooseLanguage, chosenLanguage, languages } from '../texts/languages.js';
import { reasonOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { element } from './dom.js';
import { icon } from './icons.js';

/** @typedef {Omit<import('../parley.js').Settings, 'devices'>} Settings what the user chooses of them */

const names = /** @type {const} */ (['shareTyping', 'sharePresence', 'listed', 'away']);

/**
 * Fires "notice" with words for the person, "account", "storage", "shortcuts" and "sign-out" when these are wanted, "waiting-shown"
 * when it is said otherwise who waits, and "away" with whether the user is.
 */
export class SettingsMenu extends HTMLElement {
  /** @type {import('../parley.js').Parley | null} */
  parley = null;
  #place; // in localStorage
  #settings;
  #agent = false;
  #inputs = names.map(name => element('input', { type: 'checkbox', role: 'switch', onchange: () => this.#choose(name) }));
  /** Each with its words; that of an agent alone is hidden from others. */
  #switches = names.map((name, i) => element('label', { class: 'switch', hidden: name === 'away' }, this.#inputs[i], t.choices[name]));
  #notify = element('input', { type: 'checkbox', role: 'switch', onchange: () => this.#switchNotify() });
  #sound = element('input', { type: 'checkbox', role: 'switch', onchange: () => { this.#sound.checked = setSounds(this.#sound.checked); } });
  #waiting = element('input', { type: 'checkbox', role: 'switch', checked: saysWhoWaits(), onchange: () => this.#sayWhoWaits() });
  #language = element('select', { onchange: () => this.#speak() },
    element('option', { value: '' }, t.languageOfBrowser),
    ...languages.map(({ tag, name }) => element('option', { value: tag, lang: tag, selected: tag === chosenLanguage() }, name)));
  #panel = element('div', { class: 'menu', id: 'settings', popover: 'auto', role: 'group', 'aria-label': t.settings },
    ...this.#switches,
    element('label', { class: 'switch' }, this.#waiting, t.sayWhoWaits),
    ...(canNotify ? [element('label', { class: 'switch' }, this.#notify, t.notify)] : []),
    ...(canSound ? [element('label', { class: 'switch' }, this.#sound, t.sound)] : []),
    ...(keepsIdentity() ? [element('label', { class: 'choice' }, t.language, this.#language)] : []), // a page that forgets who is signed in is not loaded again
    ...[['account', t.account], ['storage', t.storage], ['shortcuts', t.shortcuts], ['sign-out', t.signOut]].map(([name, words]) => element('button', {
      class: 'menu-item', type: 'button', onclick: () => this.#want(name),
    }, words)));

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
  show({ shareTyping, sharePresence, listed, away }) {
    this.#settings = { shareTyping, sharePresence, listed, away };
    store(this.#place, this.#settings);
    this.#paint();
    this.#tellAway();
  }

  /** Whether the user answers for a service. @param {boolean} is */
  set agent(is) {
    this.#switches[names.indexOf('away')].hidden = !is;
    this.#agent = is;
    this.#tellAway();
  }

  /** Undoes away, for who pressed what says so. */
  async comeBack() {
    await this.#choose('away', false);
  }

  #tellAway() {
    this.dispatchEvent(new CustomEvent('away', { detail: this.#agent && this.#settings.away }));
  }

  /** @param {string} name */
  #want(name) {
    this.#panel.hidePopover();
    this.dispatchEvent(new Event(name));
  }

  #paint() {
    names.forEach((name, i) => { this.#inputs[i].checked = this.#settings[name]; });
    this.#notify.checked = notifies();
    this.#sound.checked = sounds();
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

  /** @param {keyof Settings} name @param {boolean} [value] */
  async #choose(name, value = this.#inputs[names.indexOf(name)].checked) {
    try {
      if (!this.parley) throw new ParleyError('there is no engine yet', 0, { reasonCode: 'server-unreachable' });
      await this.parley.settings({ [name]: value });
    } catch (error) {
      this.#paint();
      this.dispatchEvent(new CustomEvent('notice', { detail: t.notChanged(reasonOf(error, t.unknownError)), bubbles: true }));
    }
  }
}

/** @param {string} place @returns {Settings} */
function read(place) {
  const settings = { shareTyping: true, sharePresence: true, listed: true, away: false };
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
