// @ts-check
// What this browser keeps of the chat, and whether that is to be all of it.
import { persistStorage, storageUse } from '../model/storage.js';
import { reasonOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { element, hide, set, text } from './dom.js';

/** Is gone when it is closed. */
export class StorageDialog extends HTMLElement {
  #parley;
  #gone = new AbortController();
  #use = element('p', {});
  #lasting = element('p', { class: 'note' });
  #keep = element('input', { type: 'checkbox', role: 'switch', onchange: () => this.#choose(this.#keep.checked ? 'on' : 'off') });
  #pause = element('button', { class: 'button', type: 'button', onclick: () => this.#choose(this.#parley.keeping.state === 'paused' ? 'on' : 'paused') });
  #bar = element('div', { class: 'progress', role: 'progressbar', 'aria-label': t.keptMessages, 'aria-valuemin': 0, 'aria-valuemax': 100 }, element('span'));
  #kept = element('p', { class: 'note' });
  #said = element('p', { class: 'error', role: 'status', dir: 'auto' });
  #dialog = element('dialog', { class: 'ask storage', 'aria-labelledby': 'storage', onclose: () => this.remove() },
    element('h2', { id: 'storage' }, t.storage), this.#use, this.#lasting,
    element('label', { class: 'switch' }, this.#keep, t.keepAll), element('p', { class: 'note' }, t.keepAllMeans), this.#bar, this.#kept, this.#said,
    element('div', { class: 'choices' }, this.#pause, element('button', { class: 'button primary', type: 'button', autofocus: true, onclick: () => this.#dialog.close() }, t.close)));

  /** @param {import('../parley.js').Parley} parley */
  constructor(parley) {
    super();
    this.#parley = parley;
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
  }

  #paint() {
    const { state, kept, all } = this.#parley.keeping;
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
    text(this.#said, '');
    try {
      if (state === 'on') await persistStorage(); // now it matters
      await this.#parley.keep(state);
    } catch (error) {
      text(this.#said, t.notDone(reasonOf(error, t.unknownError)));
    }
    this.#paint();
    this.#measure();
  }
}

customElements.define('storage-dialog', StorageDialog);
