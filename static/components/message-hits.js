// @ts-check
// Messages that were found, the newest first, more of them as one scrolls. Each is a link to its place.
import { hashOfMessage } from '../model/route.js';
import { isolated } from '../texts/foreign-text.js';
import { briefTime, fullTime, reasonOf, wordsOf } from '../texts/labels.js';
import { snippetOf } from '../texts/snippet.js';
import { t } from '../texts/strings.js';
import { avatar, paintAvatar } from './avatar.js';
import { arrange, element, hide, set, text } from './dom.js';
import { RovingFocus } from './roving-focus.js';

/**
 * @typedef {import('../parley.js').Hit} Hit
 * @typedef {import('../parley.js').Message} Message
 * @typedef {import('./search-filters.js').Filters} Filters
 * @typedef {Filters & { text: string, key: string }} Query
 */

const pause = 200; // ms without typing before the engine is asked
const indexing = 1000; // ms after which is asked again how much is indexed
const page = 30; // hits that are asked for at once
const most = 480; // hits that are shown

/** Fires "revisit" when the place of a hit is wanted again that the address names already. */
export class MessageHits extends HTMLElement {
  /** @type {import('../parley.js').Parley | null} */
  #parley = null;
  #context;
  /** @type {Query | null} */
  #query = null;
  #asking = new AbortController();
  #timer = 0;
  /** The answer that is awaited. @type {Promise<void>} */
  #answer = Promise.resolve();
  /** By their ids, the newest first. @type {Map<bigint, { hit: Hit, row: HTMLElement }>} */
  #hits = new Map();
  /** Where what is older begins; 0n if there is none, or that is being asked for. */
  #next = 0n;
  /** Is heard once for what was looked for, however many come as one scrolls. */
  #count = element('p', { class: 'note count', role: 'status' });
  #note = element('p', { class: 'note' });
  #list = element('ul', { role: 'list', class: 'hits', 'aria-label': t.messagesFoundList, hidden: true });
  #further = element('button', { class: 'button more', type: 'button', hidden: true, onclick: () => this.#ask() }, t.showMore);
  #roving = new RovingFocus(this.#list, 'a');
  #observer = new IntersectionObserver(entries => { if (entries.some(({ isIntersecting }) => isIntersecting)) this.#ask(); });
  #gone = new AbortController();

  /** @param {import('../model/page-context.js').PageContext} context */
  constructor(context) {
    super();
    this.#context = context;
  }

  connectedCallback() {
    this.#gone = new AbortController();
    const { signal } = this.#gone;
    if (!this.firstChild) this.append(element('h2', {}, t.messages), this.#count, this.#note, this.#list, this.#further);
    hide(this, this.#query === null);
    this.#observer.observe(this.#further);
    this.#context.names.addEventListener('change', () => this.#rename(), { signal });
    window.addEventListener('hashchange', () => this.#markOpen(), { signal });
    this.#list.addEventListener('click', ({ target }) => {
      const link = target instanceof Element ? target.closest('a') : null;
      if (link?.hash === location.hash) this.dispatchEvent(new Event('revisit', { bubbles: true }));
    }, { signal });
    this.#list.addEventListener('focusin', ({ target }) => {
      if (target instanceof Element && target.closest('li') === this.#list.lastElementChild) this.#ask();
    }, { signal });
  }

  disconnectedCallback() {
    this.#observer.disconnect();
    this.#gone.abort();
    this.look(null);
  }

  /** @param {import('../parley.js').Parley} parley */
  set parley(parley) {
    this.#parley = parley;
    parley.addEventListener('messages', ({ detail }) => this.#take(detail.messages), { signal: this.#gone.signal });
    if (this.#query) this.look(this.#query);
  }

  /** Looks for messages, soon; null: for none. @param {Query | null} query */
  look(query) {
    this.#query = query;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#asking.abort();
    this.#asking = new AbortController();
    this.#next = 0n;
    hide(this, query === null);
    if (!query || !this.#parley) return this.#show([], '');
    if (!query.text && !query.sender && !query.kind) return this.#show([], t.sayWhatToFind);
    text(this.#note, t.searching);
    this.#timer = setTimeout(() => this.settle(), pause);
  }

  /** Does not wait for more to be typed; resolves when what was looked for is there. */
  settle() {
    if (this.#timer) {
      clearTimeout(this.#timer);
      this.#timer = 0;
      this.#answer = this.#first();
    }
    return this.#answer;
  }

  async #first() {
    const { signal } = this.#asking;
    try {
      const here = await this.#search(0n, signal, { server: false }); // which takes no time on the way
      if (signal.aborted) return;
      this.#show(here.hits, t.searching);
      const found = await this.#search(0n, signal);
      if (signal.aborted) return;
      this.#next = found.next;
      this.#show(found.hits, '');
      this.#tellIncomplete(found);
      text(this.#count, found.hits.length ? t.messagesFound(found.hits.length, found.more) : found.more ? '' : t.noMessageFound);
      this.#tellIndexed(found.indexed, signal);
    } catch (error) {
      if (!signal.aborted) this.#show([], t.searchFailed(reasonOf(error, t.unknownError)));
    }
  }

  /** Says how much is indexed, until it is all. @param {number} indexed @param {AbortSignal} signal */
  async #tellIndexed(indexed, signal) {
    while (indexed < 1) {
      text(this.#note, t.indexed(indexed));
      await new Promise(resolve => setTimeout(resolve, indexing));
      if (signal.aborted) return;
      try {
        ({ indexed } = await this.#search(0n, signal, { limit: 1, server: false }));
      } catch {
        return; // whoever looks for something else is told why
      }
      if (signal.aborted) return;
      text(this.#note, '');
    }
  }

  /** Asks for those that are older than the ones that are shown. */
  async #ask() {
    const { signal } = this.#asking;
    const before = this.#next;
    if (!before || this.#hits.size >= most) return;
    this.#next = 0n;
    try {
      const found = await this.#search(before, signal);
      if (signal.aborted) return;
      this.#next = found.next;
      this.#tellIncomplete(found);
      this.#append(found.hits);
    } catch (error) {
      if (signal.aborted) return;
      this.#next = before;
      text(this.#note, t.searchFailed(reasonOf(error, t.unknownError)));
    }
  }

  /** @param {bigint} before @param {AbortSignal} signal @param {{ limit?: number, server?: boolean }} [how] */
  #search(before, signal, { limit = page, server = true } = {}) {
    const { text: words, ...options } = /** @type {Query} */ (this.#query);
    return /** @type {import('../parley.js').Parley} */ (this.#parley).search(words, { ...options, before, limit, server, signal });
  }

  /** Says why only what is stored here was searched. @param {import('../parley.js').Found} found */
  #tellIncomplete({ incomplete, incompleteCode, incompleteArgs }) {
    if (incomplete) text(this.#note, t.searchedHere(wordsOf(incomplete, incompleteCode, incompleteArgs)));
  }

  /** @param {Hit[]} hits @param {string} note */
  #show(hits, note) {
    text(this.#count, '');
    text(this.#note, note);
    const shown = this.#hits;
    this.#hits = new Map();
    this.#append(hits, shown);
    if (!this.#list.contains(document.activeElement)) this.#roving.rest(this.#list.querySelector('a'));
  }

  /** @param {Hit[]} hits @param {Map<bigint, { hit: Hit, row: HTMLElement }>} [shown] those that are there already stay in their places */
  #append(hits, shown = new Map()) {
    for (const hit of hits) {
      const { id } = hit.message;
      if (this.#hits.has(id)) continue;
      const row = shown.get(id)?.row ?? this.#row(hit);
      if (shown.has(id)) this.#paint(row, hit);
      this.#hits.set(id, { hit, row });
    }
    arrange(this.#list, [...this.#hits.values()].map(({ row }) => row));
    hide(this.#list, this.#hits.size === 0);
    const full = this.#next > 0n && this.#hits.size >= most;
    if (full) text(this.#note, t.onlyNewestFound(this.#hits.size));
    hide(this.#further, !this.#next || full);
    this.#observer.unobserve(this.#further); // observed anew it is reported again where it is still in sight
    this.#observer.observe(this.#further);
    this.#markOpen();
  }

  /** @param {Hit} hit */
  #row(hit) {
    const { key, seq, time } = hit.message;
    const { clock, pictures } = this.#context;
    const { name, person } = this.#context.participants(key);
    const picture = avatar(name, person);
    paintAvatar(picture, name, person, pictures.of(key));
    const link = element('a', { class: 'entry hit', href: hashOfMessage(key, seq), tabindex: -1 }, picture,
      element('span', { class: 'entry-name', dir: 'auto' }, name),
      element('time', { class: 'entry-time', datetime: new Date(time).toISOString(), title: fullTime(time) }, briefTime(time, clock.now())),
      element('span', { class: 'entry-preview' }));
    const row = element('li', {}, link);
    this.#paint(row, hit);
    return row;
  }

  /** @param {HTMLElement} row @param {Hit} hit */
  #paint(row, hit) {
    const participants = this.#context.participants(hit.message.key);
    const author = participants.authorOf(hit.message);
    text(/** @type {Element} */ (row.querySelector('.entry-name')), participants.name);
    row.querySelector('.entry-preview')?.replaceChildren(
      ...(author === participants.name ? [] : [element('span', { class: 'hit-author' }, t.authorPrefix(isolated(author)))]),
      element('bdi', {}, ...snippetOf(hit).map(({ words, marked }) => (marked ? element('mark', {}, words) : words))));
  }

  #rename() {
    for (const { hit, row } of this.#hits.values()) this.#paint(row, hit);
  }

  /** Shows what became of messages that are shown. @param {Message[]} messages */
  #take(messages) {
    for (const message of messages) {
      const shown = this.#hits.get(message.id);
      if (!shown) continue;
      if (message.type === 'recalled') {
        this.#hits.delete(message.id);
        shown.row.remove();
      } else if (message.content !== shown.hit.message.content) {
        shown.hit = { message, marks: [] };
        this.#paint(shown.row, shown.hit);
      }
    }
    hide(this.#list, this.#hits.size === 0);
  }

  /** Marks the one whose place is shown. */
  #markOpen() {
    for (const link of this.#list.querySelectorAll('a')) set(link, 'aria-current', link.hash === location.hash && 'true');
  }
}

customElements.define('message-hits', MessageHits);
