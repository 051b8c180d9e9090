// @ts-check
// Prints a conversation whole: reads what of it is not there, shows how far that has come, and prints. A page can only
// lay out so many messages: of a longer conversation it prints part after part, as the person wants.
import { readPart } from '../model/conversation-pages.js';
import { notesAmong } from '../model/rows.js';
import { reasonOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { element, set, text } from './dom.js';
import { PrintedConversation } from './printed-conversation.js';

const longestPart = 5000; // messages that are printed at once

/** @typedef {import('../model/conversation-pages.js').Part} Part */

/** Is gone when it is closed, and closes itself when there is nothing more to print. */
export class PrintDialog extends HTMLElement {
  #parley;
  #participants;
  #clock;
  #head;
  #min;
  /** What was printed last, or is to be. @type {Part} */
  #part = { messages: [], more: true, incomplete: '' };
  #newer = false; // messages that stand behind it were printed
  /** Of an agent's conversation. @type {import('../parley.js').Note[]} */
  #notes = [];
  #gone = new AbortController();
  #words = element('p', { role: 'status', dir: 'auto' });
  #bar = element('div', { class: 'progress', role: 'progressbar', 'aria-label': t.readingToPrint, 'aria-valuemin': 0, 'aria-valuemax': 100 }, element('span'));
  #go = element('button', { class: 'button primary', type: 'button', hidden: true });
  #cancel = element('button', { class: 'button', type: 'button', autofocus: true, onclick: () => this.#close() }, t.cancel);
  #dialog = element('dialog', { class: 'ask print', 'aria-labelledby': 'print', onclose: () => this.remove() },
    element('h2', { id: 'print' }, t.printConversation), this.#words, this.#bar,
    element('div', { class: 'choices' }, this.#cancel, this.#go));

  /**
   * @param {import('../parley.js').Parley} parley
   * @param {import('../model/participants.js').Participants} participants
   * @param {import('../parley.js').Conversation | undefined} conversation
   * @param {import('../model/clock.js').Clock} clock the server's
   */
  constructor(parley, participants, conversation, clock) {
    super();
    this.#parley = parley;
    this.#participants = participants;
    this.#clock = clock;
    this.#head = conversation?.head ?? 0n;
    this.#min = conversation?.min || 1n;
    this.#go.addEventListener('click', () => {
      if (this.#part.incomplete) this.#print();
      else this.#read();
    });
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(this.#dialog);
    this.#dialog.showModal();
    this.#read();
  }

  disconnectedCallback() {
    this.#gone.abort();
  }

  /** Reads the part before the one that was printed last, and prints it. */
  async #read() {
    const { signal } = this.#gone;
    const { key, agent } = this.#participants;
    const before = this.#part.messages.find(({ seq }) => seq > 0n)?.seq ?? 0n;
    const all = Math.min(longestPart, Number((before ? before - 1n : this.#head) - this.#min) + 1);
    this.#newer = before > 0n;
    this.#show(t.readingToPrint, '');
    this.#progress(0);
    try {
      if (agent) this.#notes = await this.#parley.notes(key);
      this.#part = await readPart(this.#parley, key, before, longestPart, read => this.#progress(read / all), signal);
      if (this.#part.incomplete) this.#show(t.printIncomplete(this.#part.incomplete), this.#part.messages.length ? t.printWhatIsHere : '');
      else await this.#print();
    } catch (error) {
      if (!signal.aborted) this.#show(t.notDone(reasonOf(error, t.unknownError)), '');
    }
  }

  /** Prints what was read; resolves when the person is done with that. */
  async #print() {
    const { messages, more } = this.#part;
    const notes = notesAmong(this.#notes, { messages, more, newer: this.#newer });
    const paper = new PrintedConversation(this.#participants, this.#part, notes, this.#clock.now());
    const done = new Promise(resolve => addEventListener('afterprint', resolve, { once: true, signal: this.#gone.signal }));
    document.body.append(paper);
    this.#gone.signal.addEventListener('abort', () => paper.remove());
    print();
    await done;
    paper.remove();
    if (more && !this.#part.incomplete) this.#show(t.printedPart(messages.length), t.printBefore);
    else this.#close();
  }

  #close() {
    this.#dialog.close(); // which gives the focus back
    this.remove();
  }

  /** @param {string} words @param {string} go what can be gone on with; '' for nothing */
  #show(words, go) {
    text(this.#words, words);
    text(this.#go, go);
    this.#bar.hidden = words !== t.readingToPrint;
    this.#go.hidden = !go;
    text(this.#cancel, words === t.readingToPrint ? t.cancel : t.close);
    (go ? this.#go : this.#cancel).focus();
  }

  /** @param {number} part that was read, from 0 to 1 */
  #progress(part) {
    const percent = Math.min(100, Math.floor(100 * part));
    set(this.#bar, 'aria-valuenow', percent);
    this.#bar.style.setProperty('--done', `${percent}%`);
  }
}

/**
 * Whether a key that was pressed asks to print the page. Pressed again, over what is open by then, the browser does as it would.
 * @param {KeyboardEvent} event
 */
export function asksToPrint({ key, ctrlKey, metaKey, shiftKey, altKey }) {
  const mac = /^(Mac|iP)/.test(navigator.platform); // where Ctrl and P go up a line
  const command = mac ? metaKey && !ctrlKey : ctrlKey && !metaKey;
  return key.toLowerCase() === 'p' && command && !shiftKey && !altKey && !document.querySelector('dialog[open]');
}

customElements.define('print-dialog', PrintDialog);
