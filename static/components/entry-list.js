// @ts-check
// A list of conversations on the screen: entries keep their elements and the
// focus when they move, and only the first ones are made until more are wanted.
import { t } from '../texts/strings.js';
import { arrange, element, hide } from './dom.js';
import { RovingFocus } from './roving-focus.js';

/**
 * @typedef {import('../parley.js').Conversation} Conversation
 * @typedef {import('../model/sorted-conversations.js').SortedConversations} SortedConversations
 * @typedef {object} Entry
 * @property {HTMLElement} item
 * @property {(conversation: Conversation, open: boolean) => void} paint
 * @property {() => void} tick shows what changes with time alone
 */

const step = 50; // entries

/** Its list fires "conversation-menu" with the key of a conversation whose menu is wanted, and where, in px. */
export class EntryList {
  #make;
  #list;
  #more = element('button', { class: 'button more', type: 'button', hidden: true, onclick: () => this.#showMore() }, t.showMore);
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  #limit = step;
  #repeat = () => {};
  #roving;
  element;

  /** @param {string} name @param {(key: string) => Entry} make */
  constructor(name, make) {
    this.#make = make;
    this.#list = element('ul', { role: 'list', 'aria-label': name, oncontextmenu: event => this.#askForMenu(event) });
    this.#roving = new RovingFocus(this.#list, 'a');
    this.element = element('div', { class: 'entries' }, this.#list, this.#more);
  }

  /** How many are shown. */
  get size() {
    return this.#entries.size;
  }

  /**
   * @param {SortedConversations} conversations
   * @param {string} open key of the conversation on the screen
   * @param {(conversation: Conversation) => boolean} [filter]
   */
  show(conversations, open, filter) {
    this.#repeat = () => this.show(conversations, open, filter);
    const { first, more } = conversations.top(this.#limit, filter);
    const focused = this.#list.contains(document.activeElement) ? document.activeElement : null;
    const entries = new Map();
    arrange(this.#list, first.map(conversation => {
      const { key } = conversation;
      const entry = this.#entries.get(key) ?? this.#make(key);
      entries.set(key, entry);
      entry.paint(conversation, key === open);
      return entry.item;
    }));
    this.#entries = entries;
    hide(this.#more, !more);
    hide(this.#list, first.length === 0);
    if (!focused) this.#roving.rest(this.#linkOf(open) ?? this.#list.querySelector('a'));
    // An element that is moved loses the focus.
    if (focused instanceof HTMLElement && focused.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
  }

  /** Whether the conversation is there to have the focus now. @param {string} key */
  focus(key) {
    const link = this.#linkOf(key);
    link?.focus();
    return link !== undefined && link === document.activeElement;
  }

  /** @param {string} key */
  #linkOf(key) {
    return this.#entries.get(key)?.item.querySelector('a') ?? undefined;
  }

  tick() {
    for (const entry of this.#entries.values()) entry.tick();
  }

  #showMore() {
    const last = this.#list.lastElementChild;
    this.#limit += step;
    this.#repeat();
    const next = last?.nextElementSibling?.querySelector('a');
    next?.focus();
  }

  /** With the pointer's other button, a long touch, or the keyboard's key for menus. @param {MouseEvent} event */
  #askForMenu(event) {
    const item = event.target instanceof Element && event.target.closest('li');
    if (!(item instanceof HTMLElement) || !item.dataset.key) return;
    event.preventDefault();
    const { clientX: x, clientY: y } = event;
    this.#list.dispatchEvent(new CustomEvent('conversation-menu', { detail: { key: item.dataset.key, x, y }, bubbles: true }));
  }
}
