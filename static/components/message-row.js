// @ts-check
// One row of the message list: a message, or what stands between messages.
import { isolated } from '../texts/foreign-text.js';
import { clockTime, dayName, dayOf, fullTime, reasonOfMessage } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { AttachmentsView } from './attachments.js';
import { element, hide, set, text } from './dom.js';
import { MessageContent } from './message-content.js';
import { NoteView } from './note-row.js';
import { receiptPicture, timesOf } from './receipt-icon.js';
import { ControlView } from './system-message.js';

/**
 * @typedef {import('../parley.js').Message} Message
 * @typedef {import('../model/rows.js').Row} Row
 * @typedef {import('../model/rows.js').MessageRow} MessageRow
 * @typedef {SeparatorView | ControlView | NoteView | MessageView} RowView
 */

/**
 * Makes the view of a row; paint shows another state of the same row.
 * @param {Row} row
 * @param {import('./attachment-loader.js').AttachmentLoader | null} loader of what messages carry; null on paper
 * @returns {RowView}
 */
export function viewOf(row, loader) {
  if (row.kind === 'message') return new MessageView(loader);
  if (row.kind === 'note') return new NoteView();
  return row.kind === 'control' ? new ControlView() : new SeparatorView(row.kind);
}

class SeparatorView {
  /** Where a message ends; a separator has no such place. */
  end = null;
  #words = element('span');

  /** @param {'day' | 'gap' | 'unread'} kind */
  constructor(kind) {
    this.element = element('div', { class: `separator ${kind}` }, this.#words);
  }

  /** @param {Row} row @param {number} now */
  paint(row, now) {
    if (row.kind === 'day') text(this.#words, dayName(row.time, now));
    else text(this.#words, row.kind === 'gap' ? t.gap : t.unreadFromHere);
  }
}

class MessageView {
  #author = element('span', { dir: 'auto' });
  #content = new MessageContent();
  // The state says it too, in its name.
  #receipt = element('span', { class: 'receipt', 'aria-hidden': 'true' });
  #time = element('time');
  /** How far an own message has come; pressed, it tells when. @type {HTMLElement | null} */
  #state = null;
  // What changes while a message is on its way is there to be read, and not read out each time.
  #meta = element('span', { class: 'meta', 'aria-live': 'off' }, this.#receipt, this.#time);
  #attachments;
  #bubble;
  /** @type {HTMLElement | null} */
  #refusal = null;
  /** The times of its steps, in sight. @type {HTMLElement | null} */
  #times = null;
  /** @type {MessageRow | null} */
  #row = null;
  /** The day, as the times of the state are shown. */
  #day = NaN;
  #shownState = '';
  element;
  end = this.#meta;

  /** @param {import('./attachment-loader.js').AttachmentLoader | null} loader */
  constructor(loader) {
    this.#attachments = new AttachmentsView(loader);
    this.#bubble = element('div', { class: 'bubble' }, this.#author, this.#attachments.element, this.#content.element, this.#content.more, this.#meta);
    this.element = element('article', { class: 'message' }, this.#bubble);
  }

  /** @param {Row} row @param {number} now */
  paint(row, now) {
    if (row.kind !== 'message') return;
    const before = this.#row;
    this.#row = row;
    const { message, ours, first, last, author, named, receipt } = row;
    const { classList } = this.element;
    if (before?.ours !== ours) classList.toggle('own', ours);
    if (before?.first !== first) classList.toggle('first', first);
    if (before?.last !== last) classList.toggle('last', last);
    if (before?.author !== author || before.named !== named || before.first !== first) this.#paintAuthor(row);
    if (before?.message !== message) this.#paintMessage(message, before?.message ?? null);
    const day = dayOf(now);
    if (before?.message !== message || this.#day !== day) this.#paintState(message, now);
    this.#day = day;
    if (before?.receipt !== receipt || before.message.time !== message.time) this.#paintReceipt(row);
  }

  /** @param {MessageRow} row */
  #paintAuthor({ author, named, first, message }) {
    const note = message.type === 'note';
    this.element.classList.toggle('colleague', named);
    this.element.classList.toggle('note', note);
    const shown = first && (named || note);
    this.#author.className = shown ? 'author' : 'spoken';
    const name = note ? t.noteBy(isolated(author)) : author;
    text(this.#author, shown ? name : t.authorSpoken(name));
  }

  /** @param {MessageRow} row */
  #paintReceipt({ receipt, message }) {
    const words = receipt && t.receipts[receipt];
    text(this.#receipt, words);
    this.#receipt.className = `receipt ${receipt}`;
    // Keeps room for what stands at the end of the last line.
    this.#content.element.dataset.time = `${words} ${clockTime(message.time)}`.trim();
  }

  /** @param {Message} message @param {Message | null} before */
  #paintMessage(message, before) {
    set(this.element, 'data-seq', String(message.seq));
    set(this.element, 'data-message-id', String(message.id));
    set(this.element, 'data-state', message.state);
    set(this.element, 'data-type', message.type);
    set(this.element, 'data-ref', message.ref || null);
    if (before?.attachments !== message.attachments || before.paused !== message.paused) this.#attachments.show(message, this.#row?.author ?? '');
    if (before?.content !== message.content || before.type !== message.type) {
      this.#content.show(message.content, message.type === 'unknown');
      hide(this.#content.element, message.content === '' && message.attachments.length > 0);
      this.element.classList.toggle('captionless', this.#content.element.hidden);
    }
    if (before?.time !== message.time) {
      text(this.#time, clockTime(message.time));
      set(this.#time, 'datetime', new Date(message.time).toISOString());
      set(this.#time, 'title', fullTime(message.time));
    }
    this.#paintRefusal(message);
  }

  /** @param {Message} message @param {number} now */
  #paintState(message, now) {
    const { state, time, type } = message;
    const times = timesOf(message, now);
    // Nobody but colleagues receives a note: it is stored, or not yet.
    const shown = state !== 'received' && (type !== 'note' || !times);
    const title = shown ? times || t.stateSince(t.states[state], fullTime(time)) : '';
    if (this.#shownState === state + title) return;
    this.#shownState = state + title;
    set(this.#receipt, 'title', title || null);
    if (this.#times) text(this.#times, title);
    if (!shown) {
      this.#showTimes(false);
      this.#state?.remove();
      this.#state = null;
      return;
    }
    this.#state ??= this.#stateButton();
    set(this.#state, 'aria-label', t.states[state]);
    set(this.#state, 'title', title);
    this.#state.replaceChildren(receiptPicture(state));
  }

  #stateButton() {
    const button = element('button', {
      class: 'state', type: 'button', tabindex: -1, 'aria-expanded': 'false', onclick: () => this.#showTimes(!this.#times),
      onkeydown: event => {
        if (event.key !== 'Escape' || !this.#times) return;
        this.#showTimes(false);
        event.preventDefault();
      },
    });
    this.#meta.append(button);
    return button;
  }

  /** Shows the times, for whom no pointer can rest on the sign. @param {boolean} shown */
  #showTimes(shown) {
    if (shown === Boolean(this.#times) || !this.#state) return;
    set(this.#state, 'aria-expanded', String(shown));
    this.#times?.remove();
    this.#times = shown ? element('p', { class: 'times', 'aria-live': 'off' }, this.#state.title) : null;
    if (this.#times) this.#bubble.after(this.#times);
  }

  /** @param {Message} message */
  #paintRefusal(message) {
    const { state, ref } = message;
    const reason = reasonOfMessage(message);
    const held = state === 'pending' && reason;
    if (state !== 'refused' && !held) {
      this.#refusal?.remove();
      this.#refusal = null;
      return;
    }
    /** @param {string} name */
    const ask = name => this.element.dispatchEvent(new CustomEvent(name, { detail: ref, bubbles: true }));
    const refusal = held
      ? element('div', { class: 'refusal held' }, element('p', { dir: 'auto' }, t.held(reason)))
      : element('div', { class: 'refusal' },
        element('p', { dir: 'auto' }, t.refused(reason)),
        element('button', { class: 'link-button', type: 'button', onclick: () => ask('retry') }, t.sendAgain),
        element('button', { class: 'link-button', type: 'button', onclick: () => ask('discard') }, t.delete));
    if (this.#refusal) this.#refusal.replaceWith(refusal);
    else this.element.append(refusal);
    this.#refusal = refusal;
  }
}
