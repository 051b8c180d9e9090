// @ts-check
// People found by name or number, and services by name.
import { serviceKey } from '../parley.js';
import { isolated } from '../texts/foreign-text.js';
import { inOrder, reasonOf } from '../texts/labels.js';
import { formats, t } from '../texts/strings.js';
import { avatar } from './avatar.js';
import { element, text } from './dom.js';
import { RovingFocus } from './roving-focus.js';
import { ServiceLinks } from './service-links.js';

const pause = 200; // ms without typing before the server is asked

/** Fires "found" with the users, "chosen" when one was opened. */
export class PeopleSearch extends HTMLElement {
  /** @type {import('../parley.js').Parley | null} */
  #parley = null;
  #note = element('p', { class: 'note', 'aria-live': 'polite' });
  #list = element('ul', { role: 'list', class: 'people', 'aria-label': t.people, hidden: true });
  #links;
  #services;
  #roving = new RovingFocus(this.#list, 'a');
  #asked = 0;
  #timer = 0;
  #query = '';
  /** What the people shown were found for. */
  #answered = '';
  /** The answer that is awaited. */
  #answer = Promise.resolve();
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
    this.#links = new ServiceLinks(services, () => services.named(this.#query));
    this.#services = element('section', { class: 'services', hidden: true }, element('h2', {}, t.customerService), this.#links);
  }

  /** @param {import('../parley.js').Parley} parley */
  set parley(parley) {
    this.#parley = parley;
    this.look(this.#query);
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(this.#note, this.#list, this.#services);
    this.addEventListener('click', event => this.#click(event));
  }

  /** Looks for people, soon; '' for none. @param {string} query */
  look(query) {
    this.#query = query;
    this.#asked++;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#showServices(query);
    if (!query) {
      this.#show('', [], '');
    } else if (this.#parley) {
      if (this.#list.hidden) text(this.#note, t.searching);
      this.#timer = setTimeout(() => this.settle(), pause);
    }
  }

  /** Does not wait for more to be typed; resolves when those who were looked for are there. */
  settle() {
    if (this.#timer) {
      clearTimeout(this.#timer);
      this.#timer = 0;
      this.#answer = this.#ask(this.#query);
    }
    return this.#answer;
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
      this.#note.classList.add('nobody'); // which is no news where there are messages
    } catch (error) {
      if (asked === this.#asked) this.#show(query, [], t.searchFailed(reasonOf(error, t.unknownError)));
    }
  }

  /** @param {string} query @param {import('../parley.js').Person[]} users @param {string} note */
  #show(query, users, note) {
    this.#answered = query;
    this.#note.classList.remove('nobody');
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
}

/** A name in which what was looked for is marked. @param {string} name @param {string} query */
function marked(name, query) {
  const at = query ? formats.find(name, query) : -1;
  if (at < 0) return [name];
  return [name.slice(0, at), element('mark', {}, name.slice(at, at + query.length)), name.slice(at + query.length)];
}

customElements.define('people-search', PeopleSearch);
