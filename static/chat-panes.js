// @ts-check
// The page of somebody signed in: the list of conversations, and the one that
// is open.
import { ConnectionStatus } from './connection-status.js';
import { ConversationList } from './conversation-list.js';
import { ConversationPane } from './conversation-pane.js';
import { element, reasonOf, set, text } from './dom.js';
import { icon } from './icons.js';
import { avatar, paintAvatar, peerName, userName } from './labels.js';
import { NoticeList } from './notice-list.js';
import { connect, directKey, ParleyError } from './parley.js';
import { PeopleSearch } from './people-search.js';
import { linkTo, parseRoute } from './route.js';
import { clearSession, currentToken } from './session.js';
import { t } from './strings.js';

/**
 * @typedef {import('./parley.js').Parley} Parley
 * @typedef {import('./parley.js').Conversation} Conversation
 * @typedef {import('./parley.js').Connection} Connection
 */

const tokenRefused = [401, 0x86, 0x87]; // HTTP status and MQTT reason codes
const copiedFor = 2000; // ms that the button says so

export class ChatPanes extends HTMLElement {
  #session;
  /** @type {Parley | null} */
  #parley = null;
  /** @type {Map<string, Conversation>} */
  #conversations = new Map();
  /** @type {Map<bigint, string>} names of people without a conversation */
  #names = new Map();
  /** @type {ConversationPane | null} */
  #pane = null;
  #offlineNote = '';
  #done = new AbortController();

  #avatar;
  #name;
  #copy = element('button', { class: 'button copy', type: 'button', onclick: () => this.#copyLink() }, icon('link'), element('span', { 'aria-live': 'polite' }, t.copyLink));
  #link;
  #search = new PeopleSearch();
  #list = new ConversationList();
  #main = element('div', { class: 'main' });
  #status = new ConnectionStatus();
  #notices = new NoticeList();
  #banner = element('div', { class: 'banner', role: 'alert', hidden: true });

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    super();
    this.#session = session;
    this.#avatar = avatar(session.name, session.id);
    this.#name = element('h1', { dir: 'auto' }, userName(session.name, session.id));
    this.#link = element('span', { class: 'own-link', dir: 'ltr', title: t.yourLink }, linkTo(session.id).replace(/^https?:\/\//, ''));
  }

  connectedCallback() {
    this.setAttribute('role', 'main');
    this.append(this.#banner,
      element('div', { class: 'side' },
        element('div', { class: 'bar own' }, this.#avatar, this.#name),
        element('div', { class: 'share' }, this.#link, this.#copy),
        this.#search, this.#list),
      this.#main, this.#status, this.#notices);
    this.#status.show({ state: 'connecting', since: Date.now(), next: 0, reason: '', serverOffset: 0 });
    this.#status.addEventListener('try-now', () => (this.#parley ? this.#parley.tryNow() : location.reload()));
    this.addEventListener('notice', event => this.#notices.add(/** @type {CustomEvent<string>} */ (event).detail));
    this.#search.addEventListener('search', event => { this.#list.hidden = /** @type {CustomEvent<boolean>} */ (event).detail; });
    this.#search.addEventListener('chosen', () => this.#search.clear());
    this.#search.addEventListener('found', event => {
      for (const { id, name } of /** @type {CustomEvent<import('./parley.js').User[]>} */ (event).detail) this.#names.set(id, name);
    });
    addEventListener('hashchange', () => this.#route(), { signal: this.#done.signal });
    set(this, 'data-view', parseRoute(location.hash).name === 'home' ? 'list' : 'conversation');
    this.#connect();
  }

  disconnectedCallback() {
    this.#done.abort();
    this.#parley?.close();
    document.title = t.title(0);
  }

  async #connect() {
    this.#main.replaceChildren();
    try {
      const parley = await connect({ token: currentToken });
      if (this.#done.signal.aborted) return parley.close();
      this.#parley = parley;
      this.#listen(parley);
      await this.#readAll(parley);
    } catch (error) {
      this.#showFailure(error);
    }
  }

  /** @param {Parley} parley */
  #listen(parley) {
    const name = userName(parley.user.name, parley.user.id);
    text(this.#name, name);
    paintAvatar(this.#avatar, name, parley.user.id);
    this.#search.parley = parley;
    this.#showConnection(parley.connection);
    const { signal } = this.#done;
    parley.addEventListener('connection', ({ detail }) => this.#showConnection(detail), { signal });
    parley.addEventListener('conversations', ({ detail }) => this.#takeConversations(detail), { signal });
    parley.addEventListener('messages', ({ detail }) => {
      if (detail.key === this.#pane?.key) this.#pane.apply(detail);
    }, { signal });
    parley.addEventListener('typing', ({ detail }) => {
      if (detail.key === this.#pane?.key && detail.user !== parley.user.id) this.#pane.showTyping(detail.active);
    }, { signal });
    parley.addEventListener('error', ({ detail }) => this.#notices.add(reasonOf(detail, t.unknownError)), { signal });
    parley.addEventListener('reset', () => {
      this.#closePane();
      this.#readAll(parley).catch(error => this.#notices.add(reasonOf(error, t.unknownError)));
    }, { signal });
  }

  /** @param {Parley} parley */
  async #readAll(parley) {
    const conversations = await parley.conversations();
    this.#conversations.clear();
    this.#takeConversations(conversations);
    this.#route();
  }

  /** @param {Conversation[]} changed */
  #takeConversations(changed) {
    for (const conversation of changed) {
      const empty = conversation.head === 0n && !conversation.last; // its only message was deleted unsent
      if (empty) this.#conversations.delete(conversation.key);
      else this.#conversations.set(conversation.key, conversation);
    }
    this.#paintList();
    const { key } = this.#pane ?? {};
    if (key && changed.some(conversation => conversation.key === key)) this.#updatePane();
  }

  #paintList() {
    if (!this.#parley) return;
    const list = [...this.#conversations.values()].sort(byActivity);
    this.#list.show(list, this.#parley.user.id, this.#pane?.key ?? '');
    const unread = list.reduce((sum, conversation) => sum + conversation.unread, 0n);
    const title = t.title(Number(unread));
    if (document.title !== title) document.title = title;
  }

  #route() {
    const parley = this.#parley;
    if (!parley) return;
    const route = parseRoute(location.hash);
    set(this, 'data-view', route.name === 'home' || route.name === 'invite' ? 'list' : 'conversation');
    switch (route.name) {
      case 'to':
        if (route.user === parley.user.id) this.#showEmpty(t.ownLink, t.ownLinkHint);
        else this.#open(parley, directKey(parley.user.id, route.user), route.user);
        break;
      case 'conversation':
        this.#open(parley, route.key, 0n);
        break;
      case 'bad':
        this.#showEmpty(t.badLink, t.badLinkHint);
        break;
      case 'invite':
        this.#notices.add(t.inviteWhileSignedIn(userName(parley.user.name, parley.user.id)));
        location.replace('#/');
        break;
      default:
        this.#showEmpty(t.nothingChosen, t.nothingChosenHint);
    }
    this.#paintList();
  }

  /** @param {Parley} parley @param {string} key @param {bigint} peer */
  #open(parley, key, peer) {
    if (this.#pane?.key !== key) {
      const whom = { key, peer, name: this.#nameIn(key, peer) };
      this.#pane = new ConversationPane(parley, whom, this.#conversations.get(key), user => this.#nameOf(user));
      this.#main.replaceChildren(this.#pane);
      this.#updatePane();
      this.#pane.showNote(this.#offlineNote);
      if (peer) this.#learnName(parley, key, peer);
    }
    // On a touch screen the keyboard would hide what there is to read.
    if (matchMedia('(pointer: fine)').matches) this.#pane.focusComposer();
  }

  #updatePane() {
    const { key = '', peer = 0n } = this.#pane ?? {};
    this.#pane?.update(this.#nameIn(key, peer), this.#conversations.get(key));
  }

  #closePane() {
    this.#pane = null;
    this.#main.replaceChildren();
  }

  /** Asks for the name of somebody a link led to. @param {Parley} parley @param {string} key @param {bigint} peer */
  async #learnName(parley, key, peer) {
    if (this.#conversations.get(key)?.peerName || this.#names.get(peer)) return;
    try {
      const user = (await parley.users(String(peer))).find(({ id }) => id === peer);
      if (!user) return;
      this.#names.set(peer, user.name);
      if (this.#pane?.key === key) this.#updatePane();
    } catch {
      // Offline. The number names the person until the connection is back.
    }
  }

  /** @param {string} key @param {bigint} peer */
  #nameIn(key, peer) {
    const conversation = this.#conversations.get(key);
    if (conversation?.peerName || !peer) return peerName(conversation ?? { key, peer, peerName: '' });
    return userName(this.#names.get(peer) ?? '', peer);
  }

  /** @param {bigint} user */
  #nameOf(user) {
    const parley = /** @type {Parley} */ (this.#parley);
    if (user === parley.user.id) return t.you;
    return this.#nameIn(directKey(parley.user.id, user), user);
  }

  /** @param {Connection} connection */
  #showConnection(connection) {
    const { state, reason } = connection;
    this.#status.show(connection);
    if (state === 'offline') this.#offlineNote = t.offlineNote(reason);
    else if (state !== 'connecting') this.#offlineNote = '';
    this.#pane?.showNote(this.#offlineNote);
    if (state === 'live' && this.#pane?.peer && this.#parley) this.#learnName(this.#parley, this.#pane.key, this.#pane.peer);
    this.#showBanner(state === 'signed-out' ? t.signedOut(reason) : '');
  }

  /** @param {string} words */
  #showBanner(words) {
    this.#banner.hidden = !words;
    if (words) this.#banner.replaceChildren(element('p', { dir: 'auto' }, words), this.#startOver());
  }

  #startOver() {
    return element('button', { class: 'button', type: 'button', onclick: () => {
      clearSession();
      location.reload();
    } }, t.startOver);
  }

  /** @param {string} title @param {string} hint */
  #showEmpty(title, hint) {
    this.#pane = null;
    this.#main.replaceChildren(
      element('div', { class: 'bar back' },
        element('a', { class: 'icon-button', href: '#/', 'aria-label': t.back, title: t.back }, icon('back')),
        element('img', { class: 'avatar', src: './icon.svg', alt: '', width: 40, height: 40 }),
        element('p', { class: 'bar-title' }, t.product)),
      element('div', { class: 'empty' }, icon('bubbles'),
        element('h1', { class: 'empty-title' }, title), element('p', {}, hint)));
  }

  /** @param {unknown} error */
  #showFailure(error) {
    const words = t.startFailed(reasonOf(error, t.unknownError));
    // A guest who signs in again is somebody else: offered only where the token is of no more use.
    const refused = error instanceof ParleyError && tokenRefused.includes(error.code);
    this.#status.show({ state: 'offline', since: Date.now(), next: 0, reason: words, serverOffset: 0 });
    this.#pane = null;
    set(this, 'data-view', 'conversation');
    this.#main.replaceChildren(element('div', { class: 'empty', role: 'alert' }, icon('warning'),
      element('p', { dir: 'auto' }, words),
      element('div', { class: 'choices' },
        element('button', { class: 'button primary', type: 'button', onclick: () => location.reload() }, t.tryAgain),
        ...(refused ? [this.#startOver()] : []))));
  }

  async #copyLink() {
    const label = /** @type {HTMLElement} */ (this.#copy.lastElementChild);
    try {
      await navigator.clipboard.writeText(linkTo(this.#session.id));
      text(label, t.copied);
      setTimeout(() => text(label, t.copyLink), copiedFor);
    } catch {
      getSelection()?.selectAllChildren(this.#link);
      this.#notices.add(t.copyByHand);
    }
  }
}

/**
 * Puts what waits to be sent first, then the highest id of the newest message:
 * ids rise by the server's clock.
 * @param {Conversation} a @param {Conversation} b
 */
function byActivity(a, b) {
  const pending = descending(waiting(a), waiting(b));
  return pending || descending(a.last?.id ?? 0n, b.last?.id ?? 0n) || (a.key < b.key ? -1 : 1);
}

/** @param {Conversation} conversation */
function waiting({ last }) {
  return last && last.seq === 0n ? last.number : 0n;
}

/** @param {bigint} a @param {bigint} b */
function descending(a, b) {
  return a > b ? -1 : a < b ? 1 : 0;
}

customElements.define('chat-panes', ChatPanes);
