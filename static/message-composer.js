// @ts-check
// Where a message is written. What is written and not sent yet is kept per
// conversation, over reloads.
import { element, set, text } from './dom.js';
import { icon } from './icons.js';
import { t } from './strings.js';

const typingEvery = 3000; // ms between two reports that the user types
const typingEnds = 5000; // ms without a key after which the user types no more
const tallest = 200; // px

/**
 * @typedef {object} Draft
 * @property {string} content
 * @property {boolean} note it is an internal note
 */

/** Fires "send" with a Draft, "typing" with whether the user types to the other side. */
export class MessageComposer extends HTMLElement {
  #place; // of the draft in localStorage
  #text = element('textarea', {
    rows: 1, 'aria-label': t.message, dir: 'auto', enterkeyhint: 'send', autocapitalize: 'sentences',
    oninput: () => this.#changed(), onkeydown: event => this.#key(event), onblur: () => this.#stopTyping(),
  });
  #send = element('button', { class: 'send', type: 'submit', 'aria-label': t.send, title: t.send }, icon('send'));
  #offline = element('p', { class: 'offline-note', hidden: true });
  #toggle = element('button', {
    class: 'note-toggle', type: 'button', hidden: true, 'aria-pressed': 'false', 'aria-label': t.internalNote, title: t.internalNote,
    onclick: () => this.#setNote(!this.#note, true),
  }, icon('note'), element('span', { 'aria-hidden': 'true' }, t.internalNote));
  #note = false;
  #peerName = '';
  #typingSince = 0;
  #timer = 0;

  /** @param {bigint} user @param {string} key of the conversation @param {boolean} notes the user may write internal notes */
  constructor(user, key, notes) {
    super();
    this.#toggle.hidden = !notes;
    this.#place = `parley.draft.${user}.${key}`;
  }

  connectedCallback() {
    this.append(this.#offline, element('form', { onsubmit: event => this.#submit(event) }, this.#toggle, this.#text, this.#send));
    this.#setNote(!this.#toggle.hidden && read(this.#notePlace) !== '');
    this.#write(read(this.#place));
  }

  disconnectedCallback() {
    this.#stopTyping();
  }

  focus() {
    this.#text.focus({ preventScroll: true });
  }

  /** @param {string} peerName @param {string} reason why sending takes longer now; '' if it does not */
  show(peerName, reason) {
    this.#peerName = peerName;
    this.#paintPlaceholder();
    text(this.#offline, reason);
    this.#offline.hidden = !reason;
  }

  /** Sending is over: the draft has been stored as a message. */
  sent() {
    if (!this.#text.value) this.#keep('');
  }

  /** Gives back what could not be sent, before anything written since. @param {Draft} draft */
  restore({ content, note }) {
    const since = this.#text.value;
    // What was written as a note, and what since, never goes to the other side by mistake.
    if (note) this.#setNote(true);
    this.#write(since.trim() ? `${content}\n${since}` : content);
    this.#keep(this.#text.value);
  }

  /** A draft of a note stays one over a reload. */
  get #notePlace() {
    return `${this.#place}.note`;
  }

  /** @param {string} content */
  #keep(content) {
    store(this.#place, content);
    store(this.#notePlace, content && this.#note ? 'note' : '');
  }

  /** @param {boolean} note @param {boolean} [chosen] by the person, just now */
  #setNote(note, chosen = false) {
    this.#note = note;
    set(this.#toggle, 'aria-pressed', String(note));
    this.classList.toggle('noting', note);
    this.#paintPlaceholder();
    if (!chosen) return;
    this.#keep(this.#text.value);
    this.#stopTyping();
    this.focus();
  }

  #paintPlaceholder() {
    set(this.#text, 'placeholder', this.#note ? t.notePlaceholder : t.messagePlaceholder(this.#peerName));
  }

  /** @param {string} content */
  #write(content) {
    this.#text.value = content;
    this.#grow();
  }

  #grow() {
    const { style } = this.#text;
    style.height = 'auto';
    const { scrollHeight, offsetHeight, clientHeight } = this.#text;
    const height = scrollHeight + offsetHeight - clientHeight;
    style.height = `${Math.min(height, tallest)}px`;
    style.overflowY = height > tallest ? 'auto' : 'hidden';
    this.#send.classList.toggle('ready', this.#text.value.trim() !== '');
  }

  #changed() {
    this.#grow();
    this.#keep(this.#text.value);
    if (this.#text.value.trim() && !this.#note) this.#type();
    else this.#stopTyping();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    // 229: the key belongs to an input method, also where isComposing is late.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.#submit(event);
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    // Empty lines before and white space after it are no part of a message.
    const content = this.#text.value.replace(/^(?:[ \t]*\n)+/, '').trimEnd();
    this.focus();
    if (!content.trim()) return;
    this.#stopTyping();
    this.#write('');
    this.dispatchEvent(new CustomEvent('send', { detail: { content, note: this.#note } }));
  }

  #type() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#stopTyping(), typingEnds);
    const now = Date.now();
    if (now - this.#typingSince < typingEvery) return;
    this.#typingSince = now;
    this.dispatchEvent(new CustomEvent('typing', { detail: true }));
  }

  #stopTyping() {
    clearTimeout(this.#timer);
    if (!this.#typingSince) return;
    this.#typingSince = 0;
    this.dispatchEvent(new CustomEvent('typing', { detail: false }));
  }
}

// A browser that stores nothing loses drafts, and nothing else.

/** @param {string} place */
function read(place) {
  try {
    return localStorage.getItem(place) ?? '';
  } catch {
    return '';
  }
}

/** @param {string} place @param {string} content */
function store(place, content) {
  try {
    if (content) localStorage.setItem(place, content);
    else localStorage.removeItem(place);
  } catch {
    // see above
  }
}

customElements.define('message-composer', MessageComposer);
