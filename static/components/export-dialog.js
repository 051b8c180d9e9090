// @ts-check
// Writes conversations into an archive to take along, shows how far that has come, and gives it to the person.
import { archived, download } from '../model/download.js';
import { fileName } from '../model/export-record.js';
import { reasonOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { ConversationExport } from './conversation-export.js';
import { element, set, text } from './dom.js';

/**
 * @typedef {import('../parley.js').Parley} Parley
 * @typedef {import('../parley.js').Conversation} Conversation
 * @typedef {import('./conversation-export.js').Progress} Progress
 */

/** Where each part begins, of the whole, and how much of it that is: what comes from the server takes the longest. */
const parts = { messages: [0, 0.5], page: [0.5, 0.15], files: [0.65, 0.35] };

/** Is gone when it is closed, which ends what it does. */
export class ExportDialog extends HTMLElement {
  #parley;
  #context;
  #conversations;
  #gone = new AbortController();
  #words = element('p', { role: 'status', dir: 'auto' }, t.exportMeans);
  #bar = element('div', { class: 'progress', role: 'progressbar', hidden: true, 'aria-label': t.exporting, 'aria-valuemin': 0, 'aria-valuemax': 100 }, element('span'));
  #go = element('button', { class: 'button primary', type: 'button', autofocus: true, onclick: () => this.#export() }, t.exportGo);
  #close = element('button', { class: 'button', type: 'button', onclick: () => this.#dialog.close() }, t.cancel);
  #dialog = element('dialog', { class: 'ask export', 'aria-labelledby': 'export', onclose: () => this.remove() },
    element('h2', { id: 'export' }, t.exportOf), this.#words, this.#bar, element('div', { class: 'choices' }, this.#close, this.#go));

  /** @param {Parley} parley @param {import('../model/page-context.js').PageContext} context @param {Conversation[]} conversations */
  constructor(parley, context, conversations) {
    super();
    this.#parley = parley;
    this.#context = context;
    this.#conversations = conversations;
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(this.#dialog);
    this.#dialog.showModal();
  }

  disconnectedCallback() {
    this.#gone.abort();
  }

  async #export() {
    const { signal } = this.#gone;
    const wanted = new ConversationExport(this.#parley, this.#context, this.#conversations, progress => this.#show(progress), signal);
    this.#go.hidden = true;
    this.#bar.hidden = false;
    this.#close.focus();
    try {
      const file = await archived(wanted.entries(), signal);
      signal.throwIfAborted();
      const { title } = wanted;
      download(file, `${fileName(title)}.zip`);
      this.#end(wanted.missing ? t.exportedBut(wanted.missing) : t.exported, t.close);
    } catch (error) {
      if (signal.aborted) return;
      this.#end(t.notDone(reasonOf(error, t.unknownError)), t.close);
      this.#go.hidden = false;
    }
  }

  /** @param {string} words @param {string} close */
  #end(words, close) {
    text(this.#words, words);
    text(this.#close, close);
    this.#bar.hidden = true;
  }

  /** @param {Progress} progress */
  #show({ of, done, all }) {
    const [begin, length] = parts[of];
    const percent = Math.floor(100 * (begin + length * done / Math.max(1, all)));
    text(this.#words, t.exportProgress[of](done, all));
    set(this.#bar, 'aria-valuenow', percent);
    this.#bar.style.setProperty('--done', `${percent}%`);
  }
}

customElements.define('export-dialog', ExportDialog);
