// @ts-check
// The list of conversations, the most recently active first.
import { arrange, element, set, spoken, text } from './dom.js';
import { icon } from './icons.js';
import { avatar, briefTime, fullTime, paintAvatar, peerName } from './labels.js';
import { hashOf } from './route.js';
import { stateSign } from './state-sign.js';
import { t } from './strings.js';

/** @typedef {import('./parley.js').Conversation} Conversation */

const previewLength = 160;

export class ConversationList extends HTMLElement {
  #list = element('ul', { role: 'list', 'aria-label': t.conversations });
  #empty = element('div', { class: 'empty', hidden: true }, icon('bubbles'),
    element('p', { class: 'empty-title' }, t.noConversations), element('p', {}, t.noConversationsHint));
  /** @type {Map<string, ConversationEntry>} */
  #entries = new Map();

  connectedCallback() {
    if (this.firstChild) return;
    this.append(this.#list, this.#empty);
    this.#list.addEventListener('keydown', event => this.#key(event));
  }

  /**
   * @param {Conversation[]} conversations in the order to show
   * @param {bigint} me
   * @param {string} open key of the conversation on the screen
   */
  show(conversations, me, open) {
    const focused = this.#list.contains(document.activeElement) ? document.activeElement : null;
    const now = Date.now();
    const entries = conversations.map(conversation => {
      let entry = this.#entries.get(conversation.key);
      if (!entry) this.#entries.set(conversation.key, entry = new ConversationEntry(conversation.key));
      entry.paint(conversation, me, conversation.key === open, now);
      return entry.item;
    });
    arrange(this.#list, entries);
    const keys = new Set(conversations.map(({ key }) => key));
    for (const key of this.#entries.keys()) if (!keys.has(key)) this.#entries.delete(key);
    this.#list.hidden = conversations.length === 0;
    this.#empty.hidden = conversations.length > 0;
    // An element that is moved loses the focus.
    if (focused instanceof HTMLElement && focused.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const links = [...this.#list.querySelectorAll('a')];
    links[links.indexOf(/** @type {HTMLAnchorElement} */ (document.activeElement)) + step]?.focus();
    event.preventDefault();
  }
}

class ConversationEntry {
  #avatar = avatar('', 0n);
  #name = element('span', { class: 'entry-name', dir: 'auto' });
  #time = element('time', { class: 'entry-time' });
  #state = element('span', { class: 'entry-state' });
  #prefix = element('span');
  #preview = element('bdi');
  #count = element('span', { 'aria-hidden': 'true' });
  #countWords = spoken('');
  #badge = element('span', { class: 'badge' }, this.#count, this.#countWords);
  #link = element('a', { class: 'entry' }, this.#avatar, this.#name, this.#time,
    element('span', { class: 'entry-preview' }, this.#state, this.#prefix, this.#preview), this.#badge);
  item = element('li', {}, this.#link);
  #painted = '';
  #shownState = '';

  /** @param {string} key */
  constructor(key) {
    this.item.dataset.key = key;
  }

  /** @param {Conversation} conversation @param {bigint} me @param {boolean} open @param {number} now */
  paint(conversation, me, open, now) {
    const name = peerName(conversation);
    if (this.#painted !== name) {
      this.#painted = name;
      paintAvatar(this.#avatar, name, conversation.peer);
      text(this.#name, name);
    }
    set(this.#link, 'href', hashOf(conversation));
    set(this.#link, 'aria-current', open ? 'page' : null);
    this.#paintLast(conversation.last, me, now);
    const unread = String(conversation.unread);
    set(this.item, 'data-unread', unread);
    this.#badge.hidden = conversation.unread === 0n;
    text(this.#count, conversation.unread > 999n ? '999+' : unread);
    text(this.#countWords, conversation.unread ? t.unread(Number(conversation.unread)) : '');
  }

  /** @param {import('./parley.js').Message | null} last @param {bigint} me @param {number} now */
  #paintLast(last, me, now) {
    const own = last !== null && last.sender === me;
    text(this.#prefix, own ? t.youPrefix : '');
    text(this.#preview, last ? last.content.slice(0, previewLength) : '');
    text(this.#time, last?.time ? briefTime(last.time, now) : '');
    set(this.#time, 'datetime', last?.time ? new Date(last.time).toISOString() : null);
    set(this.#time, 'title', last?.time ? fullTime(last.time) : null);
    const state = own && last.state !== 'received' ? last.state : '';
    if (this.#shownState === state) return;
    this.#shownState = state;
    this.#state.className = `entry-state ${state}`;
    this.#state.replaceChildren(...(state ? stateSign(state) : []));
  }
}

customElements.define('conversation-list', ConversationList);
