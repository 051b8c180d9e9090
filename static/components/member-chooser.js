// @ts-check
// Chooses people by a search, several of them: those who are to be in a group.
import { isolated } from '../texts/foreign-text.js';
import { inOrder, reasonOf, userName } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { avatar } from './avatar.js';
import { element, isInputMethods, text } from './dom.js';
import { icon } from './icons.js';
import { RovingFocus } from './roving-focus.js';

const pause = 200; // ms without typing before the server is asked

/** Fires "change" when somebody else is chosen. */
export class MemberChooser extends HTMLElement {
  #parley;
  /** Whether somebody is not to be chosen. @type {(id: bigint) => boolean} */
  #excepts;
  #input = element('input', {
    type: 'search', 'aria-label': t.findMembers, placeholder: t.findMembers, autocomplete: 'off', spellcheck: 'false', dir: 'auto', maxlength: 64,
    oninput: () => this.#later(), onkeydown: event => this.#key(event),
  });
  #note = element('p', { class: 'note', role: 'status' });
  #found = element('ul', { role: 'list', class: 'found-members', 'aria-label': t.findMembers, hidden: true });
  #roving = new RovingFocus(this.#found, 'button');
  #list = element('ul', { role: 'list', class: 'chosen-members', 'aria-label': t.chosenMembers, hidden: true });
  /** @type {Map<bigint, string>} */
  #chosen = new Map();
  #asked = 0;
  #timer = 0;

  /** @param {import('../parley.js').Parley} parley @param {(id: bigint) => boolean} excepts */
  constructor(parley, excepts) {
    super();
    this.#parley = parley;
    this.#excepts = excepts;
  }

  connectedCallback() {
    if (!this.firstChild) this.append(this.#list, element('div', { class: 'field' }, this.#input), this.#note, this.#found);
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }

  /** @returns {bigint[]} */
  get chosen() {
    return [...this.#chosen.keys()];
  }

  clear() {
    this.#chosen.clear();
    this.#input.value = '';
    this.#show([], '');
    this.#paint();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), pause);
  }

  async #ask() {
    const asked = ++this.#asked;
    const query = this.#input.value.trim();
    if (!query) return this.#show([], '');
    text(this.#note, t.searching);
    try {
      const found = inOrder(await this.#parley.users(query), query).filter(({ id }) => id !== this.#parley.user.id && !this.#excepts(id) && !this.#chosen.has(id));
      if (asked === this.#asked) this.#show(found, found.length ? '' : t.nobodyFound(isolated(query)));
    } catch (error) {
      if (asked === this.#asked) this.#show([], t.searchFailed(reasonOf(error, t.unknownError)));
    }
  }

  /** @param {import('../parley.js').Person[]} people @param {string} note */
  #show(people, note) {
    text(this.#note, note);
    this.#found.hidden = people.length === 0;
    this.#found.replaceChildren(...people.map(({ id, name }) => {
      const shown = userName(name, id);
      return element('li', {}, element('button', {
        class: 'entry', type: 'button', tabindex: -1, 'aria-label': t.choose(isolated(shown)), 'aria-description': String(id), onclick: () => this.#choose(id, shown),
      }, avatar(shown, id), element('span', { class: 'entry-name', dir: 'auto' }, shown), element('span', { class: 'entry-preview' }, String(id))));
    }));
    this.#roving.rest(this.#found.querySelector('button'));
  }

  /** @param {bigint} id @param {string} name */
  #choose(id, name) {
    this.#chosen.set(id, name);
    this.#input.value = '';
    this.#asked++;
    this.#show([], '');
    this.#paint();
    this.#input.focus();
  }

  #paint() {
    this.#list.hidden = this.#chosen.size === 0;
    this.#list.replaceChildren(...[...this.#chosen].map(([id, name]) => element('li', {}, element('bdi', {}, name), element('button', {
      class: 'icon-button', type: 'button', 'aria-label': t.chooseNot(isolated(name)), title: t.chooseNot(isolated(name)),
      onclick: () => {
        this.#chosen.delete(id);
        this.#paint();
        this.#input.focus();
      },
    }, icon('close')))));
    this.dispatchEvent(new Event('change'));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (isInputMethods(event)) return;
    if (event.key === 'ArrowDown') this.#found.querySelector('button')?.focus();
    else if (event.key !== 'Enter') return;
    else if (this.#found.childElementCount === 1) this.#found.querySelector('button')?.click();
    event.preventDefault(); // Enter makes no group yet
  }
}

customElements.define('member-chooser', MemberChooser);
