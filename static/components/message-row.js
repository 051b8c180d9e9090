// @ts-check
// One row of the message list: a message, or what stands between messages.
import { isolated } from '../texts/foreign-text.js';
import { clockTime, dayName, dayOf, fullTime, reasonOfMessage } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { AttachmentsView } from './attachments.js';
import { element, hide, set, text } from './dom.js';
import { MessageContent } from './message-content.js';
import { NoteView } from './note-row.js';
import { QuoteBlock } from './quote-block.js';
import { ReactionRow } from './reaction-row.js';
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
  #time = 0; // of a day

  /** From a day one goes to another; by keys, from the conversation's menu. @param {'day' | 'gap' | 'unread'} kind */
  constructor(kind) {
    this.element = element('div', { class: `separator ${kind}` }, this.#words);
    if (kind !== 'day') return;
    set(this.#words, 'title', t.goToDay);
    this.#words.addEventListener('click', () => this.element.dispatchEvent(new CustomEvent('choose-day', { detail: this.#time, bubbles: true })));
  }

  /** @param {Row} row @param {number} now */
  paint(row, now) {
    if (row.kind === 'day') {
      this.#time = row.time;
      text(this.#words, dayName(row.time, now));
    } else text(this.#words, row.kind === 'gap' ? t.gap : t.unreadFromHere);
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
  #meta = element('span', { class: 'meta', 'aria-live': 'off' }, this.#time);
  /** @type {HTMLElement | null} */
  #edited = null;
  #bubble = element('div', { class: 'bubble' }, this.#author, this.#content.element, this.#meta);
  #loader;
  /** @type {AttachmentsView | null} */
  #attachments = null;
  /** Opens what can be done with it. */
  #acts = element('button', {
    class: 'acts', type: 'button', tabindex: -1, 'aria-expanded': 'false', 'aria-label': t.messageMenu, title: t.messageMenu,
  });
  /** @type {QuoteBlock | null} */
  #quote = null;
  /** @type {ReactionRow | null} */
  #reactions = null;
  /** @type {HTMLElement | null} */
  #refusal = null;
  /** The times of its steps, in sight. @type {HTMLElement | null} */
  #times = null;
  /** @type {HTMLInputElement | null} */
  #choice = null;
  /** @type {MessageRow | null} */
  #row = null;
  /** The day, as the times of the state are shown. */
  #day = NaN;
  #shownState = '';
  #shownReactions = '[]';
  #line = element('div', { class: 'message-line' }, this.#bubble, this.#acts);
  element = element('article', { class: 'message' }, this.#line);
  end = this.#meta;

  /** @param {import('./attachment-loader.js').AttachmentLoader | null} loader */
  constructor(loader) {
    this.#loader = loader;
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
    if (before?.receipt !== receipt || before.message.time !== message.time || before.message.edited !== message.edited
      || before.message.readBy !== message.readBy || before.message.readOf !== message.readOf) this.#paintReceipt(row);
    this.#paintQuote(row.quoted);
    this.#paintReactions(row.reacted);
  }

  /** @param {MessageRow['quoted']} quoted */
  #paintQuote(quoted) {
    if (!quoted) {
      this.#quote?.element.remove();
      this.#quote = null;
      return;
    }
    this.#quote ??= new QuoteBlock();
    if (!this.#quote.element.isConnected) this.#author.after(this.#quote.element);
    this.#quote.show(quoted);
  }

  /** @param {MessageRow['reacted']} reacted */
  #paintReactions(reacted) {
    const words = JSON.stringify(reacted);
    if (words === this.#shownReactions) return;
    this.#shownReactions = words;
    this.#reactions ??= new ReactionRow();
    if (!this.#reactions.element.parentNode) this.#line.after(this.#reactions.element);
    this.#reactions.show(reacted);
  }

  /** Lets the person choose it among several, or with null no more. @param {boolean | null} chosen */
  choose(chosen) {
    if (chosen === null) {
      this.#choice?.remove();
      this.#choice = null;
      return;
    }
    this.#choice ??= element('input', {
      type: 'checkbox', class: 'chooser', 'aria-label': t.selectMessage,
      onchange: () => this.element.dispatchEvent(new CustomEvent('choose', { detail: this.#row?.message, bubbles: true })),
    });
    if (!this.#choice.parentNode) this.#line.prepend(this.#choice);
    this.#choice.checked = chosen;
  }

  /** @param {MessageRow} row */
  #paintAuthor({ author, named, first, message, ours }) {
    const note = message.type === 'note';
    this.element.classList.toggle('colleague', named && ours);
    this.element.classList.toggle('note', note);
    const shown = first && (named || note);
    this.#author.className = shown ? 'author' : 'spoken';
    const name = note ? t.noteBy(isolated(author)) : author;
    text(this.#author, shown ? name : t.authorSpoken(name));
  }

  /** @param {MessageRow} row */
  #paintReceipt({ receipt, message }) {
    const { readBy, readOf } = message;
    const words = receipt === 'group' ? t.readByOf(readBy, readOf) : receipt && t.receipts[receipt];
    text(this.#receipt, words);
    if (!words) this.#receipt.remove();
    else if (!this.#receipt.parentNode) this.#time.before(this.#receipt);
    this.#receipt.className = `receipt ${receipt}`;
    // Keeps room for what stands at the end of the last line.
    this.#content.element.dataset.time = `${message.edited ? t.edited : ''} ${words} ${clockTime(message.time)}`.trim();
  }

  /** @param {Message} message @param {Message | null} before */
  #paintMessage(message, before) {
    set(this.element, 'data-seq', String(message.seq));
    set(this.element, 'data-message-id', String(message.id));
    set(this.element, 'data-state', message.state);
    set(this.element, 'data-type', message.type);
    set(this.element, 'data-ref', message.ref || null);
    this.element.classList.toggle('mentions-me', message.mentionsMe);
    if (before?.attachments !== message.attachments || before.paused !== message.paused) this.#paintAttachments(message);
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
    this.#paintEdited(message.edited);
    set(this.element, 'data-edited', message.edited ? message.edited : null);
    set(this.element, 'data-changing', message.changing);
    hide(this.#acts, message.state === 'refused');
    this.#paintRefusal(message);
  }

  /** @param {number} time when it was edited, 0 if it was not */
  #paintEdited(time) {
    if (!time) {
      this.#edited?.remove();
      this.#edited = null;
      return;
    }
    this.#edited ??= element('span', { class: 'edited' }, t.edited);
    if (!this.#edited.parentNode) this.#meta.prepend(this.#edited);
    set(this.#edited, 'title', t.editedAt(fullTime(time)));
  }

  /** @param {Message} message */
  #paintAttachments(message) {
    if (message.attachments.length === 0) {
      this.#attachments?.element.remove();
      this.#attachments = null;
      return;
    }
    this.#attachments ??= new AttachmentsView(this.#loader);
    if (!this.#attachments.element.parentNode) this.#content.element.before(this.#attachments.element);
    this.#attachments.show(message, this.#row?.author ?? '');
  }

  /** @param {Message} message @param {number} now */
  #paintState(message, now) {
    const { state, time, type } = message;
    const times = timesOf(message, now);
    // Nobody but colleagues receives a note: it is stored, or not yet.
    const shown = state !== 'received' && (type !== 'note' || !times);
    const title = shown ? times || t.stateSince(t.states[state], fullTime(time)) : '';
    const shownState = `${state}${title}${message.readBy} ${message.readOf}`;
    if (this.#shownState === shownState) return;
    this.#shownState = shownState;
    set(this.#receipt, 'title', title || null);
    if (this.#times) text(this.#times, title);
    if (!shown) {
      this.#showTimes(false);
      this.#state?.remove();
      this.#state = null;
      return;
    }
    this.#state ??= this.#stateButton();
    set(this.#state, 'aria-label', message.readOf ? t.stateAndReaders(t.states[state], t.readByOf(message.readBy, message.readOf)) : t.states[state]);
    set(this.#state, 'title', title);
    this.#state.replaceChildren(receiptPicture(state));
  }

  #stateButton() {
    const button = element('button', {
      class: 'state', type: 'button', tabindex: -1, 'aria-expanded': 'false', onclick: () => this.#tellMore(),
      onkeydown: event => {
        if (event.key !== 'Escape' || !this.#times) return;
        this.#showTimes(false);
        event.preventDefault();
      },
    });
    this.#meta.append(button);
    return button;
  }

  /** When it came how far or, in a group, to whom. */
  #tellMore() {
    const message = this.#row?.message;
    if (!message?.readOf) return this.#showTimes(!this.#times);
    this.element.dispatchEvent(new CustomEvent('readers', { detail: message.seq, bubbles: true }));
  }

  /** Shows the times, for whom no pointer can rest on the sign. @param {boolean} shown */
  #showTimes(shown) {
    if (shown === Boolean(this.#times) || !this.#state) return;
    set(this.#state, 'aria-expanded', String(shown));
    this.#times?.remove();
    this.#times = shown ? element('p', { class: 'times', 'aria-live': 'off' }, this.#state.title) : null;
    if (this.#times) this.#line.after(this.#times);
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
