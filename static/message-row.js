// @ts-check
// One row of the message list: a message, or what stands between messages.
import { element, set, spoken, text } from './dom.js';
import { clockTime, dayName, fullTime } from './labels.js';
import { isEmoji, richText } from './rich-text.js';
import { stateSign } from './state-sign.js';
import { t } from './strings.js';

/**
 * @typedef {import('./parley.js').Message} Message
 * @typedef {import('./rows.js').Row} Row
 * @typedef {Extract<Row, { kind: 'message' }>} MessageRow
 * @typedef {SeparatorView | MessageView} RowView
 */

/** Makes the view of a row; paint shows another state of the same row. @param {Row} row @returns {RowView} */
export function viewOf(row) {
  return row.kind === 'message' ? new MessageView() : new SeparatorView(row.kind);
}

class SeparatorView {
  /** Where a message ends; a separator has no such place. */
  end = null;
  #words = element('span');

  /** @param {'day' | 'gap' | 'unread'} kind */
  constructor(kind) {
    this.element = element('div', { class: `separator ${kind}` }, this.#words);
  }

  /** @param {Row} row */
  paint(row) {
    if (row.kind === 'day') text(this.#words, dayName(row.time, Date.now()));
    else text(this.#words, row.kind === 'gap' ? t.gap : t.unreadFromHere);
  }
}

class MessageView {
  #author = spoken('');
  #content = element('div', { class: 'content', dir: 'auto' });
  #time = element('time');
  #state = element('span', { class: 'state' });
  #meta = element('span', { class: 'meta' }, this.#time, this.#state);
  #bubble = element('div', { class: 'bubble' }, this.#author, this.#content, this.#meta);
  /** @type {HTMLElement | null} */
  #refusal = null;
  /** @type {MessageRow | null} */
  #row = null;
  element = element('article', { class: 'message' }, this.#bubble);
  end = this.#meta;

  /** @param {Row} row */
  paint(row) {
    if (row.kind !== 'message') return;
    const before = this.#row;
    this.#row = row;
    const { message, own, first, last, author } = row;
    if (before?.own !== own) this.element.classList.toggle('own', own);
    if (before?.first !== first) this.element.classList.toggle('first', first);
    if (before?.last !== last) this.element.classList.toggle('last', last);
    if (before?.author !== author) text(this.#author, `${author}: `);
    if (before?.message !== message) this.#paintMessage(message, before?.message ?? null);
  }

  /** @param {Message} message @param {Message | null} before */
  #paintMessage(message, before) {
    set(this.element, 'data-seq', String(message.seq));
    set(this.element, 'data-message-id', String(message.id));
    set(this.element, 'data-state', message.state);
    set(this.element, 'data-ref', message.ref || null);
    if (before?.content !== message.content) {
      this.#content.replaceChildren(...richText(message.content));
      this.#content.classList.toggle('emoji', isEmoji(message.content));
    }
    if (before?.time !== message.time) {
      text(this.#time, clockTime(message.time));
      // Keeps room for the time at the end of the last line.
      this.#content.dataset.time = clockTime(message.time);
      set(this.#time, 'datetime', new Date(message.time).toISOString());
      set(this.#time, 'title', fullTime(message.time));
    }
    if (before?.state !== message.state) {
      const { state } = message;
      set(this.#state, 'title', t.states[state] || null);
      this.#state.replaceChildren(...(state === 'received' ? [] : stateSign(state)));
    }
    this.#paintRefusal(message);
  }

  /** @param {Message} message */
  #paintRefusal({ state, reason, ref }) {
    if (state !== 'refused') {
      this.#refusal?.remove();
      this.#refusal = null;
      return;
    }
    /** @param {string} name */
    const ask = name => this.element.dispatchEvent(new CustomEvent(name, { detail: ref, bubbles: true }));
    const refusal = element('div', { class: 'refusal' },
      element('p', { dir: 'auto' }, t.refused(reason)),
      element('button', { class: 'link-button', type: 'button', onclick: () => ask('retry') }, t.sendAgain),
      element('button', { class: 'link-button', type: 'button', onclick: () => ask('discard') }, t.delete));
    if (this.#refusal) this.#refusal.replaceWith(refusal);
    else this.element.append(refusal);
    this.#refusal = refusal;
  }
}
