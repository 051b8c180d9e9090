// @ts-check
// A list of conversations on the screen: entries keep their elements and the focus when they move, and only those on
// the screen and near it are in the page, however many there are. Room is left for the others.
import { arrange, element, hide, set } from './dom.js';
import { RovingFocus } from './roving-focus.js';

/**
 * @typedef {import('../parley.js').Conversation} Conversation
 * @typedef {import('../model/sorted-conversations.js').SortedConversations} SortedConversations
 * @typedef {object} Entry
 * @property {HTMLElement} item
 * @property {(conversation: Conversation, open: boolean) => void} paint
 * @property {() => void} tick shows what changes with time alone
 */

const near = 6; // entries above and below the screen
const usual = 68; // px that an entry is high until one was measured
const atFirst = 12; // entries, before it is known how many there is room for
const few = 50; // entries that are all in the page, and cost no measuring

/** Its list fires "conversation-menu" with the key of a conversation whose menu is wanted, and where, in px. */
export class EntryList {
  #make;
  #list;
  /** Those in the page. @type {Map<string, Entry>} */
  #entries = new Map();
  /** All that are listed, in order. @type {readonly Conversation[]} */
  #all = [];
  /** Which of these are in the page, from one on and up to one, and their elements. */
  #first = 0;
  #end = 0;
  /** @type {HTMLElement[]} */
  #items = [];
  #open = '';
  #height = usual; // of an entry, px
  #roving;
  element;

  /** @param {string} name @param {(key: string) => Entry} make */
  constructor(name, make) {
    this.#make = make;
    this.#list = element('ul', { role: 'list', 'aria-label': name, oncontextmenu: event => this.#askForMenu(event) });
    this.#roving = new RovingFocus(this.#list, 'a', (link, way) => this.#linkBeside(link, way));
    this.element = element('div', { class: 'entries' }, this.#list);
  }

  /** How many are listed. */
  get size() {
    return this.#all.length;
  }

  /** Shows what comes on the screen, until the signal. @param {AbortSignal} signal */
  follow(signal) {
    const sizes = new ResizeObserver(() => this.#look());
    sizes.observe(this.element);
    signal.addEventListener('abort', () => sizes.disconnect());
    // What scrolls may be around it, too.
    document.addEventListener('scroll', ({ target }) => {
      if (target instanceof Node && target.contains(this.#list)) this.#look();
    }, { capture: true, passive: true, signal });
  }

  /**
   * @param {SortedConversations} conversations
   * @param {string} open key of the conversation on the screen
   * @param {(conversation: Conversation) => boolean} [filter]
   */
  show(conversations, open, filter) {
    this.#all = filter ? conversations.all.filter(filter) : conversations.all;
    this.#open = open;
    hide(this.#list, this.#all.length === 0);
    const { length } = this.#all;
    this.element.classList.toggle('long', length > few);
    if (length > few) this.#paint(...this.#wanted(this.#seen()));
    else this.#paint(0, length);
  }

  /** Whether the conversation is there to have the focus now. @param {string} key */
  focus(key) {
    const at = this.#all.findIndex(conversation => conversation.key === key);
    const link = this.#linkAt(at);
    link?.focus();
    return link !== undefined && link === document.activeElement;
  }

  tick() {
    for (const entry of this.#entries.values()) entry.tick();
  }

  /** Has others in the page once the screen comes near to the last of those that are. */
  #look() {
    const seen = this.#all.length > few ? this.#seen() : null;
    if (!seen) return;
    const all = this.#all.length;
    const above = this.#first <= Math.max(0, seen.first - near / 2);
    const below = this.#end >= Math.min(all, seen.first + this.#fitting(seen.height) + near / 2);
    if (!above || !below) this.#paint(...this.#wanted(seen));
  }

  /** Which are to be in the page. @param {{ first: number, height: number } | null} seen @returns {[first: number, end: number]} */
  #wanted(seen) {
    const all = this.#all.length;
    const most = seen ? this.#fitting(seen.height) + 2 * near : Math.max(atFirst, this.#end - this.#first);
    const first = Math.max(0, Math.min(seen ? seen.first - near : this.#first, all - most));
    return [first, Math.min(first + most, all)];
  }

  /** How many a height has room for, or shows a piece of. @param {number} height px */
  #fitting(height) {
    return Math.ceil(height / this.#height) + 1;
  }

  /** The first on the screen, and how much of the screen there is for the list, px; null where it is not shown. */
  #seen() {
    if (!this.#list.checkVisibility()) return null;
    const frame = this.#scroller.getBoundingClientRect();
    const [top, bottom] = [Math.max(frame.top, 0), Math.min(frame.bottom, innerHeight)];
    const height = Math.max(0, bottom - top);
    const last = this.#items.at(-1);
    if (!last) return { first: 0, height };
    const [begins, ends] = [this.#items[0].getBoundingClientRect().top, last.getBoundingClientRect().bottom];
    if (top < begins) return { first: this.#first - Math.ceil((begins - top) / this.#height), height };
    if (top >= ends) return { first: this.#end + Math.floor((top - ends) / this.#height), height };
    return { first: this.#first + this.#items.findIndex(item => item.getBoundingClientRect().bottom > top), height };
  }

  /** What scrolls the list. */
  get #scroller() {
    for (let e = /** @type {Element | null} */ (this.element); e; e = e.parentElement) {
      if (e.scrollHeight > e.clientHeight && /auto|scroll/.test(getComputedStyle(e).overflowY)) return e;
    }
    return this.element;
  }

  /** @param {number} first @param {number} end */
  #paint(first, end) {
    const focused = this.#list.contains(document.activeElement) ? document.activeElement : null;
    const before = this.#entries;
    this.#entries = new Map();
    const items = this.#all.slice(first, end).map(conversation => this.#entryOf(conversation, before).item);
    const restore = this.#all.length > few ? this.#place(items) : () => {};
    const kept = this.#keepFocused(focused, before);
    const at = this.#items.findIndex(item => item.contains(focused));
    [this.#first, this.#end, this.#items] = [first, end, items];
    arrange(this.#list, kept ? [kept, ...items] : items);
    this.#leaveRoom();
    restore();
    if (!focused) this.#roving.rest(this.#linkOf(this.#open) ?? items[0]?.querySelector('a'));
    // An element that is moved loses the focus; of one that goes, what comes to stand in its place has it.
    const next = focused?.isConnected === false ? (items[Math.max(0, at)] ?? items.at(-1))?.querySelector('a') : focused;
    if (next instanceof HTMLElement && next !== document.activeElement) next.focus({ preventScroll: true });
  }

  /** Paints the entry of a conversation. @param {Conversation} conversation @param {Map<string, Entry>} before those that were in the page */
  #entryOf(conversation, before) {
    const { key } = conversation;
    const entry = before.get(key) ?? this.#make(key);
    this.#entries.set(key, entry);
    entry.paint(conversation, key === this.#open);
    entry.item.classList.remove('unseen');
    return entry;
  }

  /** What has the focus keeps it where it is not near the screen any more: it is there, unseen. @param {Element | null} focused @param {Map<string, Entry>} before */
  #keepFocused(focused, before) {
    const { key = '' } = focused?.closest('li')?.dataset ?? {};
    const at = this.#entries.has(key) ? -1 : this.#all.findIndex(conversation => conversation.key === key);
    if (at < 0) return null;
    const { item } = this.#entryOf(this.#all[at], before);
    set(item, 'aria-posinset', at + 1);
    item.classList.add('unseen');
    return item;
  }

  /**
   * Notes what stands where on the screen, and returns what scrolls it back there: in a list that was scrolled, the first
   * entry that will stand before the same one as now.
   * @param {HTMLElement[]} items that will be in the page
   */
  #place(items) {
    const scroller = this.#scroller;
    const { scrollTop } = scroller;
    if (scrollTop <= 0) return () => {};
    const from = scroller.getBoundingClientRect().top;
    const after = new Map(items.map((item, i) => [item, items[i + 1]]));
    const anchor = this.#items.find((item, i) => after.has(item) && after.get(item) === this.#items[i + 1] && item.getBoundingClientRect().bottom > from);
    const top = anchor?.getBoundingClientRect().top ?? 0;
    return () => {
      if (scroller.scrollTop !== scrollTop) scroller.scrollTop = scrollTop; // the list may have been lower for a moment
      if (anchor) scroller.scrollTop += anchor.getBoundingClientRect().top - top;
    };
  }

  /** Leaves room for those that are not in the page, and says which of all those are that are. */
  #leaveRoom() {
    const all = this.#all.length;
    const some = all > few;
    this.#items.forEach((item, i) => {
      set(item, 'aria-posinset', some ? this.#first + i + 1 : null);
      set(item, 'aria-setsize', some ? all : null);
    });
    const room = () => { this.#list.style.paddingBlock = some ? `${this.#first * this.#height}px ${(all - this.#end) * this.#height}px` : ''; };
    room();
    if (!some) return;
    const height = this.#items.reduce((sum, item) => sum + item.offsetHeight, 0) / this.#items.length;
    if (!height || height === this.#height) return;
    this.#height = height;
    room();
  }

  /** The link of a conversation that is listed, which is then in the page. @param {number} at */
  #linkAt(at) {
    const conversation = this.#all[at];
    if (!conversation) return undefined;
    if (at < this.#first || at >= this.#end) this.#paint(Math.max(0, at - atFirst), Math.min(at + atFirst, this.#all.length));
    return this.#linkOf(conversation.key);
  }

  /** @param {Element} link @param {number} way how many on, or an end */
  #linkBeside(link, way) {
    const { key } = /** @type {HTMLElement} */ (link.closest('li')).dataset;
    const at = this.#all.findIndex(conversation => conversation.key === key);
    return this.#linkAt(Number.isFinite(way) ? at + way : way < 0 ? 0 : this.#all.length - 1);
  }

  /** @param {string} key */
  #linkOf(key) {
    return this.#entries.get(key)?.item.querySelector('a') ?? undefined;
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
