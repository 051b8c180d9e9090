// @ts-check
// Messages that were found, the newest first, more of them as one scrolls. Each is a link to its place.
import { hashOfMessage } from '../model/route.js';
import { isolated } from '../texts/foreign-text.js';
import { briefTime, fullTime, reasonOf } from '../texts/labels.js';
import { snippetOf } from '../texts/snippet.js';
import { t } from '../texts/strings.js';
import { avatar, paintAvatar } from './avatar.js';
import { element, hide, set, text } from './dom.js';
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
  #more = false;
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
      const { hits, more, indexed } = await this.#search(0n, signal);
      if (signal.aborted) return;
      this.#more = more;
      this.#show(hits, '');
      text(this.#count, hits.length ? t.messagesFound(hits.length, more) : t.noMessageFound);
      this.#tellIndexed(indexed, signal);
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
        ({ indexed } = await this.#search(0n, signal, 1));
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
    const last = [...this.#hits.keys()].at(-1);
    if (!this.#more || !last || this.#hits.size >= most) return;
    this.#more = false; // until the answer says so
    try {
      const { hits, more } = await this.#search(last, signal);
      if (signal.aborted) return;
      this.#more = more;
      this.#append(hits);
    } catch (error) {
      if (signal.aborted) return;
      this.#more = true;
      text(this.#note, t.searchFailed(reasonOf(error, t.unknownError)));
    }
  }

  /** @param {bigint} before @param {AbortSignal} signal @param {number} [limit] */
  #search(before, signal, limit = page) {
    const { text: words, ...options } = /** @type {Query} */ (this.#query);
    return /** @type {import('../parley.js').Parley} */ (this.#parley).search(words, { ...options, before, limit, signal });
  }

  /** @param {Hit[]} hits @param {string} note */
  #show(hits, note) {
    text(this.#count, '');
    text(this.#note, note);
    this.#hits.clear();
    if (!hits.length) this.#more = false;
    this.#list.replaceChildren();
    this.#append(hits);
    this.#roving.rest(this.#list.querySelector('a'));
  }

  /** @param {Hit[]} hits */
  #append(hits) {
    for (const hit of hits) {
      const { id } = hit.message;
      if (this.#hits.has(id)) continue;
      const row = this.#row(hit);
      this.#hits.set(id, { hit, row });
      this.#list.append(row);
    }
    hide(this.#list, this.#hits.size === 0);
    const full = this.#more && this.#hits.size >= most;
    if (full) text(this.#note, t.onlyNewestFound(this.#hits.size));
    hide(this.#further, !this.#more || full);
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
