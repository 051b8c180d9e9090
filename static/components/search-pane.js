// @ts-check
// One box that finds people, services and messages, of all conversations or of one.
import { isolated } from '../texts/foreign-text.js';
import { t } from '../texts/strings.js';
import { element, hide, isInputMethods, set, text } from './dom.js';
import { icon } from './icons.js';
import { MessageHits } from './message-hits.js';
import { PeopleSearch } from './people-search.js';
import { SearchFilters } from './search-filters.js';

const mostOffered = 200; // conversations whose people can be chosen as those who wrote

/**
 * Fires "search" with whether something is being looked for, "left" when one is done that began elsewhere; "found" and
 * "chosen" of PeopleSearch and "revisit" of MessageHits.
 */
export class SearchPane extends HTMLElement {
  #context;
  /** @type {import('../parley.js').Parley | null} */
  #parley = null;
  #input = element('input', {
    type: 'search', autocomplete: 'off', spellcheck: 'false', enterkeyhint: 'search', dir: 'auto', maxlength: 64,
    oninput: event => { if (!event.isComposing) this.#changed(); }, oncompositionend: () => this.#changed(),
  });
  #clear = element('button', { class: 'icon-button clear', type: 'button', 'aria-label': t.clearSearch, title: t.clearSearch, hidden: true, onclick: () => this.#emptied() }, icon('close'));
  #toggle = element('button', {
    class: 'icon-button', type: 'button', 'aria-label': t.filterMessages, title: t.filterMessages, 'aria-expanded': 'false', onclick: () => this.#showFilters(this.#filters.matches('[hidden]')),
  }, icon('filter'));
  #scopeName = element('bdi');
  /** In which conversation alone is searched. */
  #scope = element('p', { class: 'scope', hidden: true }, this.#scopeName, element('button', {
    class: 'icon-button', type: 'button', 'aria-label': t.searchEverywhere, title: t.searchEverywhere, onclick: () => this.begin(''),
  }, icon('close')));
  #filters = new SearchFilters();
  #hits;
  #found;
  #within = '';
  /** What had the focus before. @type {Element | null} */
  #before = null;
  /** Where in what was found one left. */
  #place = { top: 0, link: /** @type {HTMLElement | null} */ (null) };
  people;
  /** The conversations of the user, the most recently active first. @type {readonly import('../parley.js').Conversation[]} */
  conversations = [];

  /** @param {import('../model/page-context.js').PageContext} context */
  constructor(context) {
    super();
    this.#context = context;
    this.people = new PeopleSearch(context);
    this.#hits = new MessageHits(context);
    this.#found = element('div', { class: 'found' }, this.people, this.#hits);
    this.#filters.hidden = true;
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.setAttribute('role', 'search');
    this.append(element('div', { class: 'search' }, icon('search'), this.#input, this.#clear, this.#toggle), this.#scope, this.#filters, this.#found);
    this.addEventListener('keydown', event => this.#key(event));
    this.#filters.addEventListener('change', () => this.#changed());
    this.#found.addEventListener('focusin', ({ target }) => { if (target instanceof HTMLElement) this.#place.link = target; });
    this.#found.addEventListener('scroll', () => { if (this.checkVisibility()) this.#place.top = this.#found.scrollTop; }, { passive: true });
    this.#context.names.addEventListener('change', () => this.#paintScope());
    this.#paintScope();
  }

  /** @param {import('../parley.js').Parley} parley */
  set parley(parley) {
    this.#parley = parley;
    this.people.parley = this.#hits.parley = parley;
  }

  /** Something is being looked for. */
  get active() {
    return this.#input.value.trim() !== '' || this.#within !== '' || !this.#filters.hidden;
  }

  /** Begins to search where one types, in one conversation or in all. @param {string} key '' for all @param {Element | null} [before] what has the focus again afterwards */
  begin(key, before = null) {
    this.#before = before ?? this.#before;
    if (this.#within !== key) {
      this.#within = key;
      this.#filters.clear();
      if (!this.#filters.hidden) this.#offerPeople();
      this.#paintScope();
      this.#changed();
    }
    this.#input.focus();
    this.#input.select();
  }

  /** Gives the focus to what one left of what was found, where it was; else to the box. */
  focus() {
    const { link, top } = this.#place;
    if (!link?.isConnected || !this.#found.contains(link)) return this.#input.focus();
    this.#found.scrollTop = top;
    link.focus({ preventScroll: true });
  }

  /** What was looked for is found, or not wanted any more. */
  clear() {
    const before = this.#before;
    this.#before = null;
    this.#input.value = '';
    this.#within = '';
    this.#filters.clear();
    this.#filters.hidden = true;
    set(this.#toggle, 'aria-expanded', 'false');
    this.#paintScope();
    this.#changed();
    return before;
  }

  /** Ends the search, and goes where one was before. */
  #leave() {
    const before = this.clear();
    if (before instanceof HTMLElement && before.isConnected && before.checkVisibility()) before.focus();
    else this.#input.focus();
    this.dispatchEvent(new Event('left'));
  }

  #emptied() {
    this.#input.value = '';
    this.#changed();
    this.#input.focus();
  }

  #paintScope() {
    const name = this.#within && isolated(this.#context.participants(this.#within).name);
    text(this.#scopeName, name && t.searchedIn(name));
    hide(this.#scope, !name);
    set(this.#input, 'aria-label', name ? t.searchIn(name) : t.search);
    set(this.#input, 'placeholder', name ? t.searchMessages : t.searchHint);
  }

  #changed() {
    const words = this.#input.value.trim();
    const { active } = this;
    this.#clear.hidden = this.#input.value === '';
    this.#place.link = null;
    this.dispatchEvent(new CustomEvent('search', { detail: active }));
    this.people.look(this.#within ? '' : words);
    this.#hits.look(active ? { text: words, key: this.#within, ...this.#filters.value } : null);
  }

  /** @param {boolean} shown */
  #showFilters(shown) {
    this.#filters.hidden = !shown;
    set(this.#toggle, 'aria-expanded', String(shown));
    if (shown) this.#offerPeople();
    else this.#filters.clear();
    this.#changed();
  }

  /** Offers those to choose from who may have written: in a group its members, else with whom one has conversations. */
  async #offerPeople() {
    const key = this.#within;
    const { me, names } = this.#context;
    /** @type {Map<bigint, string>} */
    const people = new Map([[me, t.you]]);
    const within = this.conversations.filter(conversation => !key || conversation.key === key).slice(0, mostOffered);
    for (const { peer, customer, agent } of within) {
      const id = peer || (agent ? customer : 0n);
      if (id) people.set(id, names.user(id));
    }
    this.#filters.offer(people);
    if (!key.startsWith('g:') || !this.#parley) return;
    const group = await this.#parley.group(key).catch(() => null); // without a connection there are only those who are known
    if (!group || key !== this.#within) return;
    names.learnMembers(group.members);
    for (const { user } of group.members) if (user !== me) people.set(user, names.user(user));
    this.#filters.offer(people);
  }

  /** The keys that lead from the box to what was found, through it, and back. @param {KeyboardEvent} event */
  #key(event) {
    if (isInputMethods(event) || event.defaultPrevented) return;
    const links = [...this.#found.querySelectorAll('a')].filter(link => link.checkVisibility());
    const at = links.indexOf(/** @type {HTMLAnchorElement} */ (document.activeElement));
    const typing = event.target === this.#input;
    if (event.key === 'Escape') this.#leave();
    else if (!typing && at < 0) return;
    else if (event.key === 'ArrowDown') links[Math.min(at + 1, links.length - 1)]?.focus();
    else if (event.key === 'ArrowUp') (at > 0 ? links[at - 1] : this.#input).focus();
    else if (event.key === 'Enter' && typing) this.#enter();
    else return;
    event.preventDefault();
  }

  /** Opens the first found for what stands in the box, a person before a message, now or when it is found. */
  async #enter() {
    const words = this.#input.value;
    // Else the key, which is down still, would press what has the focus there.
    const released = new Promise(resolve => addEventListener('keyup', resolve, { once: true }));
    for (const part of [this.people, this.#hits]) {
      await part.settle();
      if (words !== this.#input.value) return;
      const link = part.querySelector('a');
      if (!link?.checkVisibility()) continue;
      await released;
      return link.click();
    }
  }
}

customElements.define('search-pane', SearchPane);
