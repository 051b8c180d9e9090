// @ts-check
// The list of conversations, the most recently active first, and those that are archived.
import { t } from '../texts/strings.js';
import { ConversationEntry } from './conversation-entry.js';
import { element, hide, set, text } from './dom.js';
import { EntryList } from './entry-list.js';
import { icon } from './icons.js';
import { ServiceLinks } from './service-links.js';

/**
 * @typedef {import('../model/sorted-conversations.js').SortedConversations} SortedConversations
 * @typedef {import('../model/page-context.js').PageContext} PageContext
 */

const minute = 60_000; // ms

export class ConversationList extends HTMLElement {
  #context;
  #list;
  #archive = false; // the archived ones are shown
  #repeat = () => {};
  #title = element('h2', { class: 'list-title' });
  #turn = element('button', { class: 'link-button', type: 'button', hidden: true, onclick: () => this.#turnOver() });
  #empty;
  #done = new AbortController();

  /** @param {PageContext} context */
  constructor(context) {
    super();
    this.#context = context;
    this.#empty = element('div', { class: 'empty', hidden: true }, icon('bubbles'),
      element('p', { class: 'empty-title' }, t.noConversations), element('p', { class: 'beyond' }, t.noConversationsHint),
      element('div', { class: 'services beyond' }, element('h2', {}, t.customerService), new ServiceLinks(context.services)));
    this.#list = new EntryList(t.conversations, key => new ConversationEntry(key, context));
  }

  connectedCallback() {
    if (!this.firstChild) this.append(element('div', { class: 'list-head' }, this.#title, this.#turn), this.#list.element, this.#empty);
    this.#done = new AbortController();
    this.#list.follow(this.#done.signal);
    this.#context.clock.every(minute, () => this.#list.tick(), this.#done.signal);
  }

  disconnectedCallback() {
    this.#done.abort();
  }

  /** Whether a conversation in it has the focus now. @param {string} key */
  focusOn(key) {
    return this.#list.focus(key);
  }

  /**
   * @param {SortedConversations} conversations @param {SortedConversations} archived
   * @param {number} archivedCount how many are archived, of which some may not be here yet
   * @param {string} open key of the conversation on the screen
   */
  show(conversations, archived, archivedCount, open) {
    this.#repeat = () => this.show(conversations, archived, archivedCount, open);
    this.#archive &&= archivedCount > 0;
    text(this.#title, this.#archive ? t.archived : t.conversations);
    text(this.#turn, this.#archive ? t.allConversations : t.archivedCount(archivedCount));
    set(this, 'data-archive', this.#archive);
    hide(this.#turn, archivedCount === 0);
    this.#list.show(this.#archive ? archived : conversations, open);
    hide(this.#empty, conversations.size + archivedCount > 0);
  }

  #turnOver() {
    this.#archive = !this.#archive;
    this.#repeat();
  }
}

customElements.define('conversation-list', ConversationList);
