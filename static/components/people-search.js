// @ts-check
// Finds a person by name or number, and services by name.
import { serviceKey } from '../parley.js';
import { isolated } from '../texts/foreign-text.js';
import { inOrder, reasonOf } from '../texts/labels.js';
import { formats, t } from '../texts/strings.js';
import { avatar } from './avatar.js';
import { element, isInputMethods, text } from './dom.js';
import { icon } from './icons.js';
import { RovingFocus } from './roving-focus.js';
import { ServiceLinks } from './service-links.js';

const pause = 200; // ms without typing before the server is asked

/** Fires "search" with whether something is being looked for, "found" with the users, "chosen" when one was opened. */
export class PeopleSearch extends HTMLElement {
  /** @type {import('../parley.js').Parley | null} */
  #parley = null;
  #input = element('input', {
    type: 'search', 'aria-label': t.findPerson, placeholder: t.findPerson, autocomplete: 'off', spellcheck: 'false',
    enterkeyhint: 'search', dir: 'auto', maxlength: 64, oninput: () => this.#changed(), onkeydown: event => this.#key(event),
  });
  #clear = element('button', { class: 'icon-button clear', type: 'button', 'aria-label': t.clearSearch, title: t.clearSearch, hidden: true, onclick: () => this.clear(true) }, icon('close'));
  #note = element('p', { class: 'note', 'aria-live': 'polite' });
  #list = element('ul', { role: 'list', class: 'people', 'aria-label': t.people, hidden: true });
  #links;
  #services;
  #roving = new RovingFocus(this.#list, 'a');
  #asked = 0;
  #timer = 0;
  /** What the people shown were found for. */
  #answered = '';
  /** Enter was pressed before the answer came. */
  #entered = false;
  #names;
  #allServices;
  /** Those that the user answers for. @type {number[]} */
  ownServices = [];

  /** @param {import('../model/page-context.js').PageContext} context whose names learn those found ("found") before they are shown */
  constructor({ names, services }) {
    super();
    this.#names = names;
    names.addEventListener('change', () => this.#rename());
    this.#allServices = services;
    this.#links = new ServiceLinks(services, () => services.named(this.#input.value.trim()));
    this.#services = element('section', { class: 'services', hidden: true }, element('h2', {}, t.customerService), this.#links);
  }

  /** @param {import('../parley.js').Parley} parley */
  set parley(parley) {
    this.#parley = parley;
    this.#changed();
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.setAttribute('role', 'search');
    this.append(element('div', { class: 'search' }, icon('search'), this.#input, this.#clear),
      element('div', { class: 'found', onkeydown: event => this.#key(event), onclick: event => this.#click(event) },
        this.#note, this.#list, this.#services));
  }

  /** @param {boolean} [focus] */
  clear(focus = false) {
    this.#input.value = '';
    this.#changed();
    if (focus) this.#input.focus();
  }

  #changed() {
    const query = this.#input.value.trim();
    this.#clear.hidden = this.#input.value === '';
    this.#asked++;
    this.#entered = false;
    clearTimeout(this.#timer);
    this.dispatchEvent(new CustomEvent('search', { detail: query !== '' }));
    this.#showServices(query);
    if (!query) {
      this.#show('', [], '');
    } else if (this.#parley) {
      if (this.#list.hidden) text(this.#note, t.searching);
      this.#timer = setTimeout(() => this.#ask(query), pause);
    }
  }

  /** @param {string} query */
  async #ask(query) {
    const parley = /** @type {import('../parley.js').Parley} */ (this.#parley);
    const asked = ++this.#asked;
    try {
      const found = await parley.users(query);
      const users = inOrder(found.filter(user => user.id !== parley.user.id), query);
      if (asked !== this.#asked) return;
      this.dispatchEvent(new CustomEvent('found', { detail: users }));
      this.#show(query, users, users.length || !this.#services.hidden ? '' : t.nobodyFound(isolated(query)));
      if (this.#entered) this.querySelector('a')?.click();
    } catch (error) {
      if (asked === this.#asked) this.#show(query, [], t.searchFailed(reasonOf(error, t.unknownError)));
    }
  }

  /** Opens the first found for what stands in the box, now or when it is found. */
  #enter() {
    const query = this.#input.value.trim();
    if (query === this.#answered) {
      this.querySelector('a')?.click();
    } else if (!this.#entered) { // what is shown was found for something else
      this.#entered = true;
      clearTimeout(this.#timer);
      this.#ask(query);
    }
  }

  /** @param {string} query @param {import('../parley.js').Person[]} users @param {string} note */
  #show(query, users, note) {
    this.#answered = query;
    text(this.#note, note);
    this.#list.hidden = users.length === 0;
    this.#list.replaceChildren(...users.flatMap(user => this.#waysTo(user)
      .map(([href, words]) => element('li', {}, this.#link(user.id, href, words, query)))));
    this.#roving.rest(this.#list.querySelector('a'));
  }

  /**
   * The conversations with a person that one can open, and what is said of each: an agent comes to a customer's
   * with the service first.
   * @param {import('../parley.js').Person} user @returns {[string, string][]}
   */
  #waysTo({ id, customerOf }) {
    const services = customerOf.filter(service => this.ownServices.includes(service));
    /** @type {[string, string][]} */
    const ways = services.map(service => [`#/c/${serviceKey(id, service)}`, this.#allServices.name(service)]);
    return [...ways, [`#/to/${id}`, ways.length ? t.directly : '']];
  }

  /** @param {bigint} id @param {string} href @param {string} words @param {string} query */
  #link(id, href, words, query) {
    const name = this.#names.user(id);
    const digits = String(id);
    return element('a', { class: 'entry', href, tabindex: -1, 'data-user': digits }, avatar(name, id),
      element('span', { class: 'entry-name', dir: 'auto' }, ...marked(name, query)),
      element('span', { class: 'entry-preview' }, ...(words ? [element('bdi', {}, words)] : query === digits ? marked(query, query) : [digits])));
  }

  /** Somebody who is shown is called otherwise now, for one by what tells namesakes apart. */
  #rename() {
    for (const link of /** @type {NodeListOf<HTMLElement>} */ (this.#list.querySelectorAll('a'))) {
      const name = this.#names.user(BigInt(link.dataset.user ?? 0));
      const shown = /** @type {HTMLElement} */ (link.querySelector('.entry-name'));
      if (shown.textContent !== name) shown.replaceChildren(...marked(name, this.#answered));
    }
  }

  /** @param {string} query */
  #showServices(query) {
    this.#services.hidden = this.#links.show() === 0 || !query;
  }

  /** @param {MouseEvent} event */
  #click({ target }) {
    if (target instanceof Element && target.closest('a')) this.dispatchEvent(new Event('chosen'));
  }

  /** The keys that lead from the box to what was found, through it, and back. @param {KeyboardEvent} event */
  #key(event) {
    if (isInputMethods(event) || event.defaultPrevented) return;
    const links = [...this.querySelectorAll('a')];
    const at = links.indexOf(/** @type {HTMLAnchorElement} */ (document.activeElement));
    if (event.key === 'Escape') this.clear(true);
    else if (event.key === 'ArrowDown') links[Math.min(at + 1, links.length - 1)]?.focus();
    else if (event.key === 'ArrowUp') (at > 0 ? links[at - 1] : this.#input).focus();
    else if (event.key === 'Enter' && at < 0) this.#enter();
    else return;
    event.preventDefault();
  }
}

/** A name in which what was looked for is marked. @param {string} name @param {string} query */
function marked(name, query) {
  const at = query ? formats.find(name, query) : -1;
  if (at < 0) return [name];
  return [name.slice(0, at), element('mark', {}, name.slice(at, at + query.length)), name.slice(at + query.length)];
}

customElements.define('people-search', PeopleSearch);
