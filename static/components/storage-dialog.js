// @ts-check
// What this browser keeps of the chat, and whether that is to be all of it, or less than was seen.
import { persistStorage, storageUse } from '../model/storage.js';
import { isolated } from '../texts/foreign-text.js';
import { reasonOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { element, hide, set, text } from './dom.js';
import { removeFromDevice } from './removal.js';

/** What one chooses from: days and bytes, 0 is no limit. */
const ages = [0, 365, 90, 30];
const sizes = [0, 1 << 30, 250 << 20, 50 << 20];

/** Is gone when it is closed. */
export class StorageDialog extends HTMLElement {
  #parley;
  #context;
  #gone = new AbortController();
  #use = element('p', {});
  #lasting = element('p', { class: 'note' });
  #keep = element('input', { type: 'checkbox', role: 'switch', onchange: () => this.#choose(this.#keep.checked ? 'on' : 'off') });
  #pause = element('button', { class: 'button', type: 'button', onclick: () => this.#choose(this.#parley.keeping.state === 'paused' ? 'on' : 'paused') });
  #bar = element('div', { class: 'progress', role: 'progressbar', 'aria-label': t.keptMessages, 'aria-valuemin': 0, 'aria-valuemax': 100 }, element('span'));
  #kept = element('p', { class: 'note' });
  #age = element('select', { onchange: () => this.#limit() }, ...ages.map(days => element('option', { value: days }, t.keepAges[days])));
  #size = element('select', { onchange: () => this.#limit() }, ...sizes.map(most => element('option', { value: most }, t.keepSizes(most))));
  #most = element('ul', { class: 'stored', 'aria-labelledby': 'stored' });
  #mostName = element('h3', { id: 'stored' }, t.storedMost);
  #said = element('p', { class: 'note', role: 'status', dir: 'auto' });
  #close = element('button', { class: 'button primary', type: 'button', autofocus: true, onclick: () => this.#dialog.close() }, t.close);
  #dialog = element('dialog', { class: 'ask storage', 'aria-labelledby': 'storage', onclose: () => this.remove() },
    element('h2', { id: 'storage' }, t.storage), element('div', { class: 'scrolled' }, this.#use, this.#lasting,
    element('label', { class: 'switch' }, this.#keep, t.keepAll), element('p', { class: 'note' }, t.keepAllMeans), this.#bar, this.#kept,
    element('label', { class: 'choice' }, t.keepAge, this.#age), element('label', { class: 'choice' }, t.keepSize, this.#size), element('p', { class: 'note' }, t.keepLessMeans),
    this.#mostName, this.#most), this.#said, element('div', { class: 'choices' }, this.#pause, this.#close));

  /** @param {import('../parley.js').Parley} parley @param {import('../model/page-context.js').PageContext} context */
  constructor(parley, context) {
    super();
    this.#parley = parley;
    this.#context = context;
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(this.#dialog);
    this.#dialog.showModal();
    this.#parley.addEventListener('keeping', () => this.#paint(), { signal: this.#gone.signal });
    this.#paint();
    this.#measure();
  }

  disconnectedCallback() {
    this.#gone.abort();
  }

  async #measure() {
    const { used, quota, persistent } = await storageUse();
    text(this.#use, quota ? t.storageUsed(used, quota) : t.storageUnknown);
    text(this.#lasting, persistent ? t.storageLasts : t.storageMayGo);
    try {
      await this.#list();
    } catch (error) {
      text(this.#said, t.notDone(reasonOf(error, t.unknownError)));
    }
  }

  async #list() {
    const stored = await this.#parley.stored();
    for (const e of [this.#mostName, this.#most]) hide(e, stored.length === 0);
    this.#most.replaceChildren(...stored.map(({ key, messages, bytes }) => {
      const { name } = this.#context.participants(key);
      return element('li', { 'data-key': key },
        element('span', { dir: 'auto' }, name), element('span', { class: 'note' }, t.storedHere(messages, bytes)),
        element('button', { class: 'button', type: 'button', 'aria-label': t.removeNamed(isolated(name)), onclick: () => this.#remove(key, name) }, t.removeHere));
    }));
  }

  /** @param {string} key @param {string} name */
  async #remove(key, name) {
    await this.#do(async () => {
      if (!await removeFromDevice(this, this.#parley, key, name)) return '';
      this.#close.focus(); // the button is gone
      return t.removedOf(isolated(name));
    });
  }

  #paint() {
    const { state, kept, all, days, bytes } = this.#parley.keeping;
    this.#age.value = String(days);
    this.#size.value = String(bytes);
    const percent = all ? Math.floor(100 * kept / all) : 100;
    this.#keep.checked = state !== 'off';
    for (const e of [this.#bar, this.#kept]) hide(e, state === 'off');
    hide(this.#pause, state === 'off' || kept === all);
    set(this.#bar, 'aria-valuenow', percent);
    this.#bar.style.setProperty('--done', `${percent}%`);
    text(this.#kept, kept === all ? t.allKept(all) : t.keptOf(kept, all, state === 'paused'));
    text(this.#pause, state === 'paused' ? t.keepOn : t.keepPause);
  }

  /** @param {import('../parley.js').Keeping['state']} state */
  async #choose(state) {
    const { days, bytes } = this.#parley.keeping;
    await this.#do(async () => {
      if (state === 'on') await persistStorage(); // now it matters
      await this.#parley.keep(state);
      return state !== 'off' && (days || bytes) ? t.keepLessEnded : '';
    });
  }

  async #limit() {
    const { state } = this.#parley.keeping;
    const days = Number(this.#age.value);
    const bytes = Number(this.#size.value);
    if (state !== 'off' && !days && !bytes) return;
    await this.#do(async () => {
      await this.#parley.keep('off', { days, bytes });
      return state === 'off' ? '' : t.keepAllEnded;
    });
  }

  /** Does it, and says what it returns, or why it did not work. @param {() => Promise<string>} what */
  async #do(what) {
    try {
      text(this.#said, '');
      text(this.#said, await what());
    } catch (error) {
      text(this.#said, t.notDone(reasonOf(error, t.unknownError)));
    }
    this.#paint();
    this.#measure();
  }
}

customElements.define('storage-dialog', StorageDialog);
