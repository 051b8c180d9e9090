// @ts-check
// What the address leads to: an open conversation or, in its place, words that say why there is none and what leads on;
// and the way from there back to the list.
import { unmark } from '../model/conversation-acts.js';
import { ListHistory } from '../model/list-history.js';
import { forgetPlaces, ReadingPlaces } from '../model/reading-places.js';
import { keyOf, seqOf } from '../model/route.js';
import { directKey, ParleyError } from '../parley.js';
import { isolated } from '../texts/foreign-text.js';
import { reasonOf, userName } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { ConversationPane } from './conversation-pane.js';
import { element, set } from './dom.js';
import { emptyPane } from './empty-pane.js';
import { joinPane } from './join-pane.js';
import { ServiceLinks } from './service-links.js';

/**
 * @typedef {import('../parley.js').Parley} Parley
 * @typedef {import('../parley.js').Conversation} Conversation
 * @typedef {import('../model/route.js').Route} Route
 * @typedef {import('../model/snapshot.js').Shown} Shown
 * @typedef {import('../model/snapshot.js').Snapshot} Snapshot
 */

/** On a touch screen the keyboard would hide what there is to read. */
const typesAtOnce = matchMedia('(pointer: fine)');

/**
 * Its element fires "opened" when another conversation is, "link" with the code of a link that signs somebody in, and
 * "notice" with words for the person.
 */
export class MainPane {
  element = element('section', { class: 'main', id: 'main', tabindex: -1, onclick: event => this.#clickBack(event) });
  /** Leads there past what stands before. */
  skip = element('a', { class: 'skip', href: '#main', onclick: event => this.#skip(event) }, t.skipToConversation);
  /** The conversation that is open. @type {ConversationPane | null} */
  pane = null;
  /** The key of the one that was open last. */
  left = '';
  #title = ''; // of what stands in its place
  #context;
  #find;
  /** The engine, as soon as it is there. @type {Promise<Parley>} */
  #connecting = new Promise(() => {});
  /** Why there is no connection; null while there is one. @type {string | null} */
  #offline = null;
  #history = new ListHistory();
  #places;

  /** @param {import('../model/page-context.js').PageContext} context @param {(key: string) => Conversation | undefined} find what is known of a conversation */
  constructor(context, find) {
    this.#context = context;
    this.#find = find;
    this.#places = new ReadingPlaces(context.me);
  }

  /** The key of the open conversation; '' if none is. */
  get key() {
    return this.pane?.participants.key ?? '';
  }

  /** What the conversation, or what stands in its place, is called; '' where nothing was chosen. */
  get title() {
    return this.pane?.participants.name ?? this.#title;
  }

  /** Keeps where the person reads. Returns what is shown of the open conversation, null while nothing is. */
  keepPlace() {
    const shown = this.pane?.shown ?? null;
    if (shown) this.#places.keep(shown);
    return shown;
  }

  /** Works with another engine. @param {Promise<Parley>} connecting */
  begin(connecting) {
    this.#connecting = connecting;
    this.close();
  }

  /** Nothing that was read is there any more. */
  reset() {
    this.close();
    forgetPlaces();
    this.#places = new ReadingPlaces(this.#context.me);
  }

  /** @param {string | null} reason why sending takes longer now, '' if that is not known; null if it does not */
  showOffline(reason) {
    this.#offline = reason;
    this.pane?.showOffline(reason);
  }

  /** Puts elements in the place of a conversation. @param {...Element} elements */
  showInstead(...elements) {
    this.close();
    this.element.classList.add('instead');
    this.element.replaceChildren(...elements);
  }

  /** Prints the open conversation. */
  print() {
    this.element.dispatchEvent(new CustomEvent('conversation-act', { detail: { key: this.key, act: 'print' }, bubbles: true }));
  }

  close() {
    this.left = this.key || this.left;
    this.pane = null;
    this.#title = '';
    this.element.classList.remove('instead');
    this.element.replaceChildren();
  }

  /** Whoever came here with nothing that has the focus writes or, where a keyboard would hide it, reads. */
  focus() {
    if (!this.pane) this.element.focus();
    else if (typesAtOnce.matches) this.pane.focusComposer();
    else this.pane.focusTitle();
  }

  /** @param {MouseEvent} event */
  #skip(event) {
    event.preventDefault(); // it is no address of the page's
    if (this.pane) this.pane.focusComposer();
    else this.element.focus();
  }

  /** Is called as what it shows. */
  rename() {
    set(this.element, 'aria-label', this.title || t.nothingChosen);
  }

  /** The address is another one. @param {HashChangeEvent} change */
  addressChanged(change) {
    this.#history.changed(change);
  }

  toList() {
    this.#history.toList();
  }

  /** The arrow is a link to the list, for who wants that in another tab. @param {MouseEvent} event */
  #clickBack(event) {
    const { target, ctrlKey, metaKey, shiftKey, altKey } = event;
    if (!(target instanceof Element && target.closest('a[href="#/"]')) || ctrlKey || metaKey || shiftKey || altKey) return;
    event.preventDefault();
    this.toList();
  }

  /**
   * Shows what a route leads to: until the engine is there, only what was kept of it.
   * @param {Route} route @param {Parley | null} parley @param {Snapshot | null} snapshot what is shown until the engine has answered
   */
  show(route, parley, snapshot) {
    const key = keyOf(route, this.#context.me);
    if (!parley) {
      if (key && key === snapshot?.open?.key) this.#open(key, snapshot, snapshot.open);
      else this.close();
      return;
    }
    if (this.pane && this.key !== key) this.#leave(this.pane);
    if (!key) this.#showNone(route, parley);
    else if (!this.#refuses(route, key, parley)) {
      this.#open(key, snapshot, null, seqOf(route));
      unmark(parley, this.#find(key)).catch(() => {}); // it stays marked: nobody asked for more than to see it
    }
  }

  /** Says why a conversation is not for the user, if it is not. @param {Route} route @param {string} key @param {Parley} parley */
  #refuses(route, key, { user: { id, services } }) {
    const { agent, service, serviceName, gone, peer } = this.#context.participants(key);
    if (peer && directKey(id, peer) !== key) {
      this.#showEmpty(t.notYours, t.notYoursOfTwo);
      return true;
    }
    if (agent && !services.includes(service)) {
      this.#showEmpty(t.notYours, t.notYoursHint(serviceName), ...(gone ? [] : [new ServiceLinks(this.#context.services, () => [service])]));
      return true;
    }
    const none = route.name === 'service' && gone && !this.#find(key);
    if (none) this.#showEmpty(t.noService, t.noServiceHint, new ServiceLinks(this.#context.services));
    return none;
  }

  /** Of what leads to no conversation. @param {Route} route @param {Parley} parley */
  #showNone(route, parley) {
    const { id, name } = parley.user;
    switch (route.name) {
      case 'to':
        this.#showEmpty(t.ownLink, t.ownLinkHint);
        break;
      case 'join':
        this.showInstead(...joinPane(parley, route.code));
        this.#title = t.groupInvite;
        break;
      case 'conversation':
        this.#showEmpty(t.unknownKindTitle, t.unknownKindHint);
        break;
      case 'bad':
        this.#showEmpty(t.badLink, t.badLinkHint);
        break;
      case 'invite':
        this.#tell('notice', t.inviteWhileSignedIn(isolated(userName(name, id))));
        location.replace('#/');
        break;
      case 'link':
        location.replace('#/'); // whoever looks at the address later has no business with it
        this.#tell('link', route.code);
        break;
      default:
        this.#showEmpty(t.nothingChosen, t.nothingChosenHint, element('h2', {}, t.customerService), new ServiceLinks(this.#context.services));
    }
  }

  /** @param {string} title @param {string} hint @param {...Element} more */
  #showEmpty(title, hint, ...more) {
    this.showInstead(...emptyPane(title, hint, ...more));
    if (title !== t.nothingChosen) this.#title = title;
  }

  /**
   * @param {string} key @param {Snapshot | null} snapshot @param {Shown | null} [kept] what is shown of it until the engine has answered
   * @param {bigint} [seq] of the message to go to, 0n for none: where a reload left off, one reads on there
   */
  #open(key, snapshot, kept = null, seq = 0n) {
    const at = this.#history.reloaded && this.key === key ? 0n : seq;
    if (this.key !== key) {
      const shown = kept ?? (at ? null : this.#places.of(key));
      const conversation = this.#find(key) ?? shown?.conversation ?? undefined;
      this.pane = new ConversationPane(this.#connecting, key, this.#context, conversation, shown);
      this.element.classList.remove('instead');
      this.element.replaceChildren(this.pane);
      const before = shown || at ? null : this.#places.before(key);
      if (before) this.pane.returnTo(before);
      if (!kept && shown) this.pane.ask();
      this.pane.showOffline(this.#offline);
      if (!conversation && this.pane.participants.group) this.#askForGroup(key, this.pane);
      this.#tell('opened', key);
    } else if (snapshot && !at) {
      return; // it was there before the engine: the person may have turned to something else
    }
    if (at) this.pane?.jump(at);
    else if (typesAtOnce.matches) this.pane?.focusComposer();
  }

  /** Says so where a group of which nothing is known lets nobody read it. @param {string} key @param {ConversationPane} pane */
  async #askForGroup(key, pane) {
    try {
      await (await this.#connecting).group(key);
    } catch (error) {
      if (this.pane === pane && error instanceof ParleyError && error.reasonCode === 'not-in-group') this.#showEmpty(t.notYours, t.reasonAlone(reasonOf(error, t.unknownError)));
    }
  }

  /** Notes where the person read, while it is still on the screen. @param {ConversationPane} pane */
  #leave({ shown }) {
    if (shown) this.#places.leave(shown);
  }

  /** @param {string} name @param {string} detail */
  #tell(name, detail) {
    this.element.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}
