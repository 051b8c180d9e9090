// @ts-check
// One open conversation: whom it is with, its messages, and where to write.
import { element, reasonOf, set, text } from './dom.js';
import { icon } from './icons.js';
import { avatar, paintAvatar } from './labels.js';
import { MessageComposer } from './message-composer.js';
import { MessageList } from './message-list.js';
import { t } from './strings.js';

const typingLasts = 10_000; // ms after which typing is over unless repeated

/**
 * @typedef {import('./parley.js').Parley} Parley
 * @typedef {import('./parley.js').Conversation} Conversation
 * @typedef {object} Whom
 * @property {string} key
 * @property {bigint} peer
 * @property {string} name
 */

/** Fires "notice" with words for the person. */
export class ConversationPane extends HTMLElement {
  key;
  #parley;
  peer;
  #name;
  #avatar;
  #title = element('h1', { dir: 'auto' });
  #typing = element('p', { class: 'typing', dir: 'auto' });
  #typingTimer = 0;
  #list;
  #composer;
  #note = '';

  /** @param {Parley} parley @param {Whom} whom @param {Conversation | undefined} conversation @param {(user: bigint) => string} nameOf */
  constructor(parley, { key, peer, name }, conversation, nameOf) {
    super();
    this.key = key;
    this.#parley = parley;
    this.peer = peer;
    this.#name = name;
    this.#avatar = avatar(name, peer);
    this.#list = new MessageList({ parley, key, peerName: name, nameOf }, conversation);
    this.#composer = new MessageComposer(parley.user.id, key);
  }

  connectedCallback() {
    text(this.#title, this.#name);
    this.append(
      element('div', { class: 'bar' },
        element('a', { class: 'icon-button back', href: '#/', 'aria-label': t.back, title: t.back }, icon('back')),
        this.#avatar, this.#title),
      this.#list, this.#typing, this.#composer);
    this.#composer.addEventListener('send', event => this.#send(/** @type {CustomEvent<string>} */ (event).detail));
    this.#composer.addEventListener('typing', event => this.#parley.typing(this.key, /** @type {CustomEvent<boolean>} */ (event).detail));
    this.#list.addEventListener('retry', event => this.#try(this.#parley.retry(/** @type {CustomEvent<string>} */ (event).detail)));
    this.#list.addEventListener('discard', event => this.#try(this.#parley.discard(/** @type {CustomEvent<string>} */ (event).detail)));
  }

  disconnectedCallback() {
    clearTimeout(this.#typingTimer);
  }

  focusComposer() {
    this.#composer.focus();
  }

  /** @param {string} name @param {Conversation | undefined} conversation */
  update(name, conversation) {
    if (name !== this.#name) {
      this.#name = name;
      text(this.#title, name);
      paintAvatar(this.#avatar, name, this.peer);
    }
    this.#list.update(conversation, name);
    this.#composer.show(name, this.#note);
  }

  /** @param {string} note why sending takes longer now; '' if it does not */
  showNote(note) {
    this.#note = note;
    this.#composer.show(this.#name, note);
    if (!note) this.#list.tryAgain();
  }

  /** @param {{ messages: import('./parley.js').Message[], gone: string[] }} change */
  apply(change) {
    if (change.messages.some(({ sender, seq }) => sender === this.peer && seq > 0n)) this.showTyping(false);
    this.#list.apply(change);
  }

  /** @param {boolean} active */
  showTyping(active) {
    clearTimeout(this.#typingTimer);
    text(this.#typing, active ? t.typing(this.#name) : '');
    if (active) this.#typingTimer = setTimeout(() => this.showTyping(false), typingLasts);
  }

  /** @param {string} content */
  async #send(content) {
    const { seen } = this.#list;
    this.#list.makeWay();
    try {
      this.#list.add(await this.#parley.send(this.key, content, { seen }));
      this.#composer.sent();
    } catch (error) {
      this.#composer.restore(content);
      this.#notice(t.notSent(reasonOf(error, t.unknownError)));
    }
  }

  /** @param {Promise<void>} work */
  async #try(work) {
    try {
      await work;
    } catch (error) {
      this.#notice(reasonOf(error, t.unknownError));
    }
  }

  /** @param {string} words */
  #notice(words) {
    this.dispatchEvent(new CustomEvent('notice', { detail: words, bubbles: true }));
  }
}

customElements.define('conversation-pane', ConversationPane);
