// @ts-check
// Completes the name of a member for the composer: what stands behind an @ before the caret is looked for. The focus
// stays in the composer, whose text names the option that is chosen.
import { Mentions } from '../model/mentions.js';
import { formats, t } from '../texts/strings.js';
import { element, isInputMethods, set } from './dom.js';

/** @typedef {{ user: bigint, name: string }} Mentioned with the name as it is written */

const most = 8; // members that are shown
const id = 'mentions';

export class MentionPicker extends HTMLElement {
  #parley;
  #key;
  #names;
  #text;
  #list = element('ul', { role: 'listbox', id, 'aria-label': t.members });
  /** @type {Mentioned[]} */
  #found = [];
  /** Who can be mentioned, once that was asked for. @type {Mentioned[] | null} */
  #members = null;
  #mentions;
  #at = 0;
  #dismissed = -1; // the place of the @ where Escape was pressed
  #gone = new AbortController();

  /**
   * @param {Promise<import('../parley.js').Parley>} parley @param {string} key @param {import('../model/names.js').Names} names
   * @param {HTMLTextAreaElement} textarea in which the person writes @param {string} place where who is mentioned is kept
   */
  constructor(parley, key, names, textarea, place) {
    super();
    this.#parley = parley;
    this.#key = key;
    this.#names = names;
    this.#text = textarea;
    this.#mentions = new Mentions(place);
    this.hidden = true;
  }

  connectedCallback() {
    this.#gone = new AbortController();
    this.#names.addEventListener('change', () => { if (!this.hidden) this.#paint(); }, { signal: this.#gone.signal });
    if (this.firstChild) return;
    this.#list.addEventListener('pointerdown', event => event.preventDefault()); // a press takes the focus from nobody
    this.#list.addEventListener('click', event => {
      const option = event.target instanceof Element && event.target.closest('li');
      if (option) this.#choose([...this.#list.children].indexOf(option));
    });
    this.append(this.#list);
  }

  disconnectedCallback() {
    this.#gone.abort();
  }

  /** Whom a text mentions, of those who were chosen in it. @param {string} content */
  mentioned(content) {
    return this.#mentions.in(content);
  }

  /** It was sent: whoever is mentioned next is chosen again. */
  sent() {
    this.#mentions.clear();
    this.close();
  }

  /** Somebody came, or has another name. */
  forget() {
    this.#members = null;
  }

  /** What stands in the composer changed. */
  async changed() {
    const at = this.#start();
    if (at < 0) return this.close();
    if (at === this.#dismissed) return;
    this.#members ??= await this.#ask();
    const from = this.#start();
    if (from < 0) return this.close();
    this.#show(this.#text.value.slice(from + 1, this.#text.selectionStart));
  }

  /** Whether a key was one of the list's. @param {KeyboardEvent} event */
  takes(event) {
    if (this.hidden || isInputMethods(event)) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.#point((this.#at + step + this.#found.length) % this.#found.length);
    else if (event.key === 'Enter' && !event.shiftKey || event.key === 'Tab') this.#choose(this.#at);
    else if (event.key === 'Escape') {
      this.#dismissed = this.#start();
      this.close();
    } else return false;
    event.preventDefault();
    return true;
  }

  close() {
    if (this.hidden) return;
    this.hidden = true;
    this.#found = [];
    set(this.#text, 'aria-controls', null);
    set(this.#text, 'aria-activedescendant', null);
  }

  /** Where the @ stands behind which the caret is, at the start of a word; -1 if it is behind none. */
  #start() {
    const before = this.#text.value.slice(0, this.#text.selectionStart);
    const at = before.lastIndexOf('@');
    const word = before.slice(at + 1);
    return at >= 0 && (at === 0 || /[\s\p{P}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u.test(before[at - 1])) && word.length <= 64 && !word.includes('\n') ? at : -1;
  }

  /** @returns {Promise<Mentioned[]>} */
  async #ask() {
    try {
      const parley = await this.#parley;
      const { members, role } = await parley.group(this.#key);
      this.#names.learnMembers(members);
      const others = members.filter(({ user }) => user !== parley.user.id).map(({ user, name }) => ({ user, name: name || this.#names.user(user) }));
      return role === 'owner' || role === 'admin' ? [{ user: 0n, name: t.everyone }, ...others] : others;
    } catch {
      return []; // offline: nobody can be asked for now
    }
  }

  /** @param {string} query */
  #show(query) {
    const members = this.#members ?? [];
    const whole = members.some(({ name }) => query.startsWith(`${name} `)); // it is written out already
    this.#found = whole ? [] : members.filter(({ name }) => formats.find(name, query) >= 0).slice(0, most);
    if (this.#found.length === 0) return this.close();
    this.#at = 0;
    this.#paint();
    this.hidden = false;
    set(this.#text, 'aria-autocomplete', 'list');
    set(this.#text, 'aria-controls', id);
  }

  #paint() {
    const names = this.#found.map(({ user, name }) => (user ? this.#names.user(user) : name));
    this.#list.replaceChildren(...names.map((name, i) => element('li', { role: 'option', id: `${id}-${i}`, 'aria-selected': String(i === this.#at) }, element('bdi', {}, `@${name}`))));
    this.#point(this.#at);
  }

  /** @param {number} at */
  #point(at) {
    this.#list.children[this.#at]?.setAttribute('aria-selected', 'false');
    this.#at = at;
    const option = this.#list.children[at];
    option?.setAttribute('aria-selected', 'true');
    option?.scrollIntoView({ block: 'nearest' });
    set(this.#text, 'aria-activedescendant', option?.id);
  }

  /** @param {number} at */
  #choose(at) {
    const { user, name } = this.#found[at];
    const from = this.#start();
    this.close();
    if (from < 0) return;
    this.#mentions.choose(user, name);
    this.#text.setRangeText(`@${name} `, from, this.#text.selectionStart, 'end');
    this.#text.dispatchEvent(new Event('input', { bubbles: true }));
  }
}

customElements.define('mention-picker', MentionPicker);
