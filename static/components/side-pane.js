// @ts-check
// Beside the conversation: who the user is, their settings and link, people, their conversations, and an agent's queue.
import { userName } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { avatar, paintAvatar } from './avatar.js';
import { ConversationList } from './conversation-list.js';
import { element, set, text } from './dom.js';
import { icon } from './icons.js';
import { askForGroup } from './new-group-dialog.js';
import { SearchPane } from './search-pane.js';
import { ServiceQueue } from './service-queue.js';
import { SettingsMenu } from './settings-menu.js';
import { ShareLink } from './share-link.js';

/** @typedef {import('../parley.js').Parley} Parley */

/** What the settings ask for, and is done elsewhere. */
const wishes = ['sign-out', 'account', 'storage', 'shortcuts', 'waiting-shown'];

/** Fires "sign-out", "account", "shortcuts" and "waiting-shown" as SettingsMenu does; what its rows fire bubbles. */
export class SidePane extends HTMLElement {
  #context;
  #avatar;
  #name;
  #share;
  #settings;
  #search;
  #queue;
  #list;
  #lists;
  /** @type {Parley | null} */
  #parley = null;
  #newGroup = element('button', { class: 'icon-button', type: 'button', 'aria-label': t.newGroup, title: t.newGroup, disabled: true, onclick: () => this.#makeGroup() }, icon('group'));
  /** Tells an agent that they are away, and leads back. */
  #away = element('div', { class: 'away', role: 'status', hidden: true }, element('span', {}, t.youAreAway),
    element('button', { class: 'button', type: 'button', onclick: () => this.#comeBack() }, t.comeBack));

  /** @param {import('../model/page-context.js').PageContext} context @param {string} name the user's */
  constructor(context, name) {
    super();
    const { me } = context;
    this.#context = context;
    this.#avatar = avatar(name, me);
    this.#name = element('h1', { dir: 'auto', tabindex: -1 }, userName(name, me));
    this.#search = new SearchPane(context);
    this.#share = new ShareLink(me);
    this.#settings = new SettingsMenu(me);
    this.#queue = new ServiceQueue(context);
    this.#queue.hidden = true;
    this.#list = new ConversationList(context);
    this.#lists = element('div', { class: 'lists' }, this.#queue, this.#list);
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.className = 'side';
    set(this, 'role', 'navigation');
    set(this, 'aria-label', t.peopleAndConversations);
    this.append(element('div', { class: 'bar own' }, this.#avatar, this.#name, this.#newGroup, this.#settings), this.#away, this.#share, this.#search, this.#lists);
    for (const wish of wishes) this.#settings.addEventListener(wish, () => this.dispatchEvent(new Event(wish)));
    this.#settings.addEventListener('away', event => {
      this.#context.away = /** @type {CustomEvent<boolean>} */ (event).detail;
      this.#away.hidden = !this.#context.away;
    });
    this.#search.addEventListener('search', event => { this.#lists.hidden = /** @type {CustomEvent<boolean>} */ (event).detail; });
    this.#search.people.addEventListener('chosen', () => this.#search.clear());
    this.#search.people.addEventListener('found', event => {
      for (const { id, name } of /** @type {CustomEvent<import('../parley.js').User[]>} */ (event).detail) this.#context.names.set(id, name);
    });
  }

  /** Whether there is a queue: the user answers for a service. */
  get agent() {
    return !this.#queue.hidden;
  }

  set agent(is) {
    this.#queue.hidden = !is;
  }

  /** Works with it from now on. @param {Parley} parley */
  take(parley) {
    this.takeUser(parley);
    this.#parley = parley;
    this.#newGroup.disabled = false;
    this.#search.parley = parley;
    this.#settings.parley = parley;
    if (parley.chosen) this.show(parley.chosen);
  }

  /** Shows who the user is, by the newest token. @param {Parley} parley */
  takeUser(parley) {
    const { id, services } = parley.user;
    const name = userName(parley.user.name, id);
    text(this.#name, name);
    paintAvatar(this.#avatar, name, id);
    this.agent = services.length > 0;
    this.#settings.agent = services.length > 0;
    this.#context.services.own = services;
    this.#queue.showServices();
    this.#search.people.ownServices = services;
  }

  /** @param {import('../parley.js').Settings} settings as the server tells them */
  show(settings) {
    this.#settings.show(settings);
  }

  /** @param {import('../model/conversations.js').Conversations} conversations @param {string} open key of the one on the screen */
  paint({ own, archived, archivedCount, queue }, open) {
    this.#search.conversations = own.all;
    this.#list.show(own, archived, archivedCount, open);
    if (this.agent) this.#queue.show(queue, open);
  }

  /** What finds people and messages. */
  get search() {
    return this.#search;
  }

  /** Gives the focus to what was found, to the row of a conversation, or else to the name. @param {string} key */
  focusOn(key) {
    if (this.#search.active) return this.#search.focus();
    if (!this.#list.focusOn(key) && !this.#queue.focusOn(key)) this.#name.focus();
  }

  async #makeGroup() {
    const key = this.#parley && await askForGroup(this, this.#parley);
    if (key) location.hash = `#/c/${key}`;
  }

  /** The button goes with what it says: the focus goes where it would be undone. */
  async #comeBack() {
    await this.#settings.comeBack();
    if (this.#away.hidden) this.#settings.querySelector('button')?.focus();
  }
}

customElements.define('side-pane', SidePane);
