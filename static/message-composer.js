// @ts-check
// Where a message is written. What is written and not sent yet is kept per
// conversation, over reloads.
import { element, set, text } from './dom.js';
import { icon } from './icons.js';
import { t } from './strings.js';

const typingEvery = 3000; // ms between two reports that the user types
const typingEnds = 5000; // ms without a key after which the user types no more
const tallest = 200; // px

/** Fires "send" with the content, "typing" with whether the user types. */
export class MessageComposer extends HTMLElement {
  #place; // of the draft in localStorage
  #text = element('textarea', {
    rows: 1, 'aria-label': t.message, dir: 'auto', enterkeyhint: 'send', autocapitalize: 'sentences',
    oninput: () => this.#changed(), onkeydown: event => this.#key(event), onblur: () => this.#stopTyping(),
  });
  #send = element('button', { class: 'send', type: 'submit', 'aria-label': t.send, title: t.send }, icon('send'));
  #note = element('p', { class: 'offline-note', hidden: true });
  #typingSince = 0;
  #timer = 0;

  /** @param {bigint} user @param {string} key of the conversation */
  constructor(user, key) {
    super();
    this.#place = `parley.draft.${user}.${key}`;
  }

  connectedCallback() {
    this.append(this.#note, element('form', { onsubmit: event => this.#submit(event) }, this.#text, this.#send));
    this.#write(read(this.#place));
  }

  disconnectedCallback() {
    this.#stopTyping();
  }

  focus() {
    this.#text.focus({ preventScroll: true });
  }

  /** @param {string} peerName @param {string} note why sending takes longer now; '' if it does not */
  show(peerName, note) {
    set(this.#text, 'placeholder', t.messagePlaceholder(peerName));
    text(this.#note, note);
    this.#note.hidden = !note;
  }

  /** Sending is over: the draft has been stored as a message. */
  sent() {
    if (!this.#text.value) store(this.#place, '');
  }

  /** Gives back what could not be sent, before anything written since. @param {string} content */
  restore(content) {
    const since = this.#text.value;
    this.#write(since ? `${content}\n${since}` : content);
    store(this.#place, this.#text.value);
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
    store(this.#place, this.#text.value);
    if (this.#text.value.trim()) this.#type();
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
    this.dispatchEvent(new CustomEvent('send', { detail: content }));
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
