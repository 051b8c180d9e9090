// @ts-check
// The user's name, devices and ways back, and signing out.
import { ParleyError } from '../parley.js';
import { isolated } from '../texts/foreign-text.js';
import { briefTime, reasonOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { showLinkCode, showRecoveryCode } from './code-dialogs.js';
import { element, text } from './dom.js';

/** @typedef {import('../parley.js').Device} Device */

/** Fires "sign-out" with whether it is to be everywhere, and "export" when all conversations are wanted as a file. */
export class AccountDialog extends HTMLElement {
  #parley;
  #clock;
  #asked = 0; // how often for the devices
  #done = new AbortController();
  /** Closes the link code, once it was used. */
  #linked = new AbortController();
  #name = element('input', {
    id: 'own-name', type: 'text', required: true, maxlength: 64, autocomplete: 'nickname', dir: 'auto', spellcheck: 'false', 'aria-describedby': 'account-said',
    onfocus: () => this.#name.select(),
  });
  #list = element('ul', { class: 'devices', 'aria-label': t.devices, role: 'list' });
  #recovery = element('p', { class: 'note' });
  #said = element('p', { class: 'error', id: 'account-said', role: 'status', dir: 'auto' });
  #others = element('button', { class: 'button', type: 'button', onclick: () => this.#do(() => this.#parley.endDevices({ others: true }), t.signedOutElsewhere) }, t.signOutOthers);
  #naming = element('form', { class: 'row', novalidate: true, onsubmit: event => this.#rename(event) },
    element('div', { class: 'field' }, element('label', { for: 'own-name' }, t.ownName), this.#name),
    element('button', { class: 'button', type: 'submit' }, t.rename));
  #linking = element('button', { class: 'button', type: 'button', onclick: () => this.#make(() => this.#link()) }, t.linkDevice);
  #devices = element('section', {}, element('h3', {}, t.devices), this.#list, element('div', { class: 'choices' }, this.#others, this.#linking));
  #recovering = element('section', {}, element('h3', {}, t.recoveryCode), this.#recovery,
    element('div', { class: 'choices' },
      element('button', { class: 'button', type: 'button', onclick: () => this.#make(async () => showRecoveryCode(this, await this.#parley.recoveryCode())) }, t.makeRecoveryCode)));
  /** Who does what this server does not. */
  #elsewhere = element('p', { hidden: true }, t.accountElsewhere);
  #close = element('button', { class: 'button', type: 'button', onclick: () => this.#dialog.close() }, t.close);
  #dialog = element('dialog', { class: 'ask account', 'aria-labelledby': 'account', onclose: () => this.remove() },
    element('h2', { id: 'account' }, t.account),
    this.#naming, this.#elsewhere, this.#said, this.#devices, this.#recovering,
    element('section', {}, element('h3', {}, t.exportOf), element('div', { class: 'choices' }, element('button', { class: 'button', type: 'button', onclick: () => this.#export() }, t.exportAll))),
    element('div', { class: 'choices end' },
      element('button', { class: 'button', type: 'button', onclick: () => this.#signOut(true) }, t.signOutEverywhere),
      element('button', { class: 'button', type: 'button', onclick: () => this.#signOut(false) }, t.signOut),
      this.#close));

  /** @param {import('../parley.js').Parley} parley @param {import('../model/clock.js').Clock} clock the server's */
  constructor(parley, clock) {
    super();
    this.#parley = parley;
    this.#clock = clock;
    this.#name.value = parley.user.name;
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(this.#dialog);
    this.#dialog.showModal();
    this.#refresh();
    this.#parley.addEventListener('settings', () => this.#refresh(), { signal: this.#done.signal });
  }

  disconnectedCallback() {
    this.#done.abort();
  }

  #export() {
    this.#dialog.close();
    this.dispatchEvent(new Event('export'));
  }

  /** Says that a device signed in: by the code that is shown, if one is. @param {string} words */
  tell(words) {
    this.#linked.abort();
    this.#say(words);
  }

  /** Asks the server anew, as far as the dialog is still there. */
  async #refresh() {
    const asked = ++this.#asked;
    try {
      const { devices, recoveryMade, mints } = await this.#parley.devices();
      if (asked !== this.#asked) return;
      this.#show(devices, recoveryMade);
      this.#offer(mints, devices.length > 0);
    } catch (error) {
      this.#say(t.devicesUnknown(reasonOf(error, t.unknownError)));
    }
  }

  /** @param {Device[]} devices @param {number} recoveryMade */
  #show(devices, recoveryMade) {
    const focused = document.activeElement?.closest('[data-device]')?.getAttribute('data-device');
    this.#list.replaceChildren(...devices.map(device => this.#row(device)));
    this.#others.hidden = !devices.some(({ current }) => !current);
    text(this.#recovery, recoveryMade ? t.recoveryMade(briefTime(recoveryMade, this.#clock.now())) : t.recoveryNone);
    if (!focused) return;
    const same = this.#list.querySelector(`[data-device="${focused}"] button`);
    /** @type {HTMLElement} */ (same ?? this.#list.querySelector('button') ?? this.#name).focus(); // the one that was pressed is gone
  }

  /** Offers what the server does not refuse. @param {boolean} mints the tokens of its users @param {boolean} some devices there are */
  #offer(mints, some) {
    this.#naming.hidden = this.#linking.hidden = this.#recovering.hidden = !mints;
    this.#elsewhere.hidden = mints;
    this.#devices.hidden = !mints && !some;
    if (!document.activeElement?.checkVisibility()) this.#close.focus();
  }

  /** @param {Device} device */
  #row({ id, label, seen, online, current }) {
    const name = label ? isolated(label) : t.unnamedDevice;
    const when = current ? t.thisDevice : online ? t.online : t.lastSeen(briefTime(seen, this.#clock.now()));
    return element('li', { 'data-device': String(id), 'data-current': current },
      element('span', {}, element('span', { class: 'name' }, name), element('span', { class: 'when' }, when)),
      ...(current ? [] : [element('button', {
        class: 'button', type: 'button', 'aria-label': t.signOutDevice(name), onclick: () => this.#do(() => this.#parley.endDevice(id), t.signedOutDevice(name)),
      }, t.signOut)]));
  }

  /** @param {SubmitEvent} event */
  #rename(event) {
    event.preventDefault();
    const name = this.#name.value.trim();
    if (!name) {
      this.#say(t.nameMissing);
      return this.#name.focus();
    }
    this.#do(() => this.#parley.rename(name), t.renamed);
  }

  /** Does something, and says what came of it. @param {() => Promise<void>} act @param {string} done */
  async #do(act, done) {
    try {
      await act();
      this.#say(done);
    } catch (error) {
      this.#say(t.notDone(reasonOf(error, t.unknownError)));
    }
    await this.#refresh();
  }

  async #link() {
    this.#linked = new AbortController();
    await showLinkCode(this, await this.#parley.linkCode(), this.#clock, this.#linked.signal);
  }

  /** Makes a code and shows it. @param {() => Promise<void>} show */
  async #make(show) {
    this.#say('');
    try {
      await show();
    } catch (error) {
      if (!(error instanceof ParleyError)) console.error(error);
      this.#say(t.notDone(reasonOf(error, t.unknownError)));
    }
    await this.#refresh();
  }

  /** @param {string} words */
  #say(words) {
    text(this.#said, words);
  }

  /** @param {boolean} everywhere */
  #signOut(everywhere) {
    this.#dialog.close();
    this.dispatchEvent(new CustomEvent('sign-out', { detail: everywhere, bubbles: true }));
  }
}

customElements.define('account-dialog', AccountDialog);
