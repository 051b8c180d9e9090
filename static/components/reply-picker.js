// @ts-check
// Finds a canned reply for the composer: what stands behind a slash at its start is looked for, or the button
// shows them all. The focus stays in the composer, whose text names the option that is chosen.
import { fillIn } from '../model/placeholders.js';
import { previewOf } from '../texts/foreign-text.js';
import { reasonOf } from '../texts/labels.js';
import { formats, t } from '../texts/strings.js';
import { element, isInputMethods, set, text } from './dom.js';
import { icon } from './icons.js';
import { manageReplies } from './reply-dialog.js';

/** @typedef {import('../parley.js').Reply} Reply */

const previewLength = 120; // UTF-16 units
const id = 'canned-replies';

/** Fires "reply" with the text to write, its placeholders filled in. */
export class ReplyPicker extends HTMLElement {
  #parley;
  #service;
  #values;
  #text;
  #list = element('ul', { role: 'listbox', id, 'aria-label': t.cannedReplies, hidden: true });
  #note = element('p', { class: 'note', role: 'status' });
  /** @type {Reply[]} */
  #replies = [];
  /** Those that the list shows. @type {Reply[]} */
  #found = [];
  #at = 0;
  #asked = 0;
  #failure = '';
  #loaded = false;
  /** Escape was pressed: it stays closed until the slash is gone. */
  #dismissed = false;
  /** Opens and closes it, without a slash. */
  button = element('button', {
    class: 'icon-button', type: 'button', 'aria-label': t.cannedReplies, title: t.cannedReplies, 'aria-expanded': 'false', onclick: () => this.#toggle(),
  }, icon('reply'));

  /**
   * @param {Promise<import('../parley.js').Parley>} parley
   * @param {number} service whose replies
   * @param {() => import('../model/placeholders.js').Values} values what is filled in now
   * @param {HTMLTextAreaElement} textarea in which the person writes
   */
  constructor(parley, service, values, textarea) {
    super();
    this.#parley = parley;
    this.#service = service;
    this.#values = values;
    this.#text = textarea;
    this.hidden = true;
  }

  connectedCallback() {
    if (this.firstChild) return;
    // A press takes the focus from nobody.
    this.#list.addEventListener('pointerdown', event => event.preventDefault());
    this.#list.addEventListener('click', event => {
      const option = event.target instanceof Element && event.target.closest('li');
      if (option) this.#choose([...this.#list.children].indexOf(option));
    });
    this.append(this.#list, element('div', { class: 'foot' }, this.#note,
      element('button', { class: 'link-button', type: 'button', onclick: () => this.#manage() }, t.manageReplies)));
    set(this.#text, 'aria-autocomplete', 'list');
  }

  /** What stands in the composer changed. */
  changed() {
    const slash = this.#text.value.startsWith('/');
    if (!slash) this.#dismissed = false;
    if (slash && !this.#dismissed && !this.#text.value.includes('\n')) this.#open();
    else this.close();
  }

  /** Whether a key was one of the list's. @param {KeyboardEvent} event */
  takes(event) {
    if (this.hidden || isInputMethods(event)) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.#found.length) this.#point((this.#at + step + this.#found.length) % this.#found.length);
    else if (event.key === 'Enter' && !event.shiftKey && this.#found.length) this.#choose(this.#at);
    else if (event.key === 'Escape') this.#dismiss();
    else return false;
    event.preventDefault();
    return true;
  }

  close() {
    if (this.hidden) return;
    this.hidden = true;
    this.#point(-1);
    set(this.#text, 'aria-controls', null);
    set(this.button, 'aria-expanded', 'false');
  }

  #dismiss() {
    this.#dismissed = true;
    this.close();
    this.#text.focus();
  }

  #toggle() {
    if (!this.hidden) return this.#dismiss();
    this.#open();
    this.#text.focus();
  }

  #open() {
    if (this.hidden) {
      this.hidden = false;
      set(this.#text, 'aria-controls', id);
      set(this.button, 'aria-expanded', 'true');
      this.#ask();
    }
    this.#show();
  }

  async #ask() {
    const asked = ++this.#asked;
    this.#failure = '';
    try {
      const { replies } = await (await this.#parley).replies(this.#service);
      if (asked !== this.#asked) return;
      this.#replies = replies;
      this.#loaded = true;
    } catch (error) {
      if (asked === this.#asked) this.#failure = reasonOf(error, t.unknownError);
    }
    if (!this.hidden) this.#show();
  }

  get #query() {
    return this.#text.value.startsWith('/') ? this.#text.value.slice(1).trim() : '';
  }

  #show() {
    const query = this.#query;
    const low = query.toLocaleLowerCase();
    this.#found = this.#replies.filter(({ title, content }) => formats.find(title, query) >= 0 || content.toLocaleLowerCase().includes(low));
    this.#list.hidden = this.#found.length === 0;
    this.#list.replaceChildren(...this.#found.map(({ title, content }, i) => element('li', { role: 'option', id: `${id}-${i}`, 'aria-selected': String(i === 0) },
      element('span', { class: 'reply-title', dir: 'auto' }, previewOf(title, previewLength)),
      element('span', { class: 'reply-preview', dir: 'auto' }, previewOf(content, previewLength)))));
    text(this.#note, this.#failure ? t.repliesNotShown(this.#failure) : this.#loaded ? t.repliesFound(this.#found.length) : t.searching);
    this.#point(this.#found.length ? 0 : -1);
  }

  /** @param {number} at which option is the chosen one; -1 is none */
  #point(at) {
    this.#list.children[this.#at]?.setAttribute('aria-selected', String(false));
    this.#at = Math.max(0, at);
    const option = at < 0 ? null : this.#list.children[at];
    option?.setAttribute('aria-selected', 'true');
    option?.scrollIntoView({ block: 'nearest' });
    set(this.#text, 'aria-activedescendant', option?.id);
  }

  /** @param {number} at */
  #choose(at) {
    const { content } = this.#found[at];
    this.close();
    this.dispatchEvent(new CustomEvent('reply', { detail: fillIn(content, this.#values()) }));
  }

  async #manage() {
    this.close();
    await manageReplies(this.closest('conversation-pane') ?? document.body, await this.#parley, this.#service);
    this.#text.focus();
  }
}

customElements.define('reply-picker', ReplyPicker);
