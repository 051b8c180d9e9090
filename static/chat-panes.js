// @ts-check
// The page of somebody signed in: the list of conversations, an agent's queue,
// and the conversation that is open.
import { ConnectionStatus } from './connection-status.js';
import { ConversationList } from './conversation-list.js';
import { ConversationPane } from './conversation-pane.js';
import { Conversations } from './conversations.js';
import { element, reasonOf, set, text } from './dom.js';
import { icon } from './icons.js';
import { PageContext } from './page-context.js';
import { avatar, paintAvatar, userName } from './labels.js';
import { NoticeList } from './notice-list.js';
import { connect, directKey, ParleyError, serviceKey } from './parley.js';
import { PeopleSearch } from './people-search.js';
import { parseRoute } from './route.js';
import { serviceLinks, servicesNamed } from './service-links.js';
import { ServiceQueue } from './service-queue.js';
import { clearIdentity, currentToken, keepsIdentity } from './identity.js';
import { SettingsMenu } from './settings-menu.js';
import { ShareLink } from './share-link.js';
import { t } from './strings.js';

/**
 * @typedef {import('./parley.js').Parley} Parley
 * @typedef {import('./parley.js').Conversation} Conversation
 * @typedef {import('./parley.js').Connection} Connection
 * @typedef {import('./parley.js').Message} Message
 */

const tokenRefused = [401, 0x86, 0x87]; // HTTP status and MQTT reason codes

export class ChatPanes extends HTMLElement {
  /** @type {Parley | null} */
  #parley = null;
  #conversations = new Conversations();
  /** They are all there, and not only those that changed. */
  #listed = false;
  #context;
  /** @type {ConversationPane | null} */
  #pane = null;
  #offlineNote = '';
  #saidNotKept = false;
  #done = new AbortController();

  #avatar;
  #name;
  #share;
  #settings;
  #search;
  #queue;
  #list;
  #lists;
  #main = element('div', { class: 'main' });
  #status = new ConnectionStatus();
  #notices = new NoticeList();
  #banner = element('div', { class: 'banner', role: 'alert', hidden: true });

  /** @param {import('./identity.js').Identity} identity */
  constructor({ id, name }) {
    super();
    this.#context = new PageContext(id);
    this.#avatar = avatar(name, id);
    this.#name = element('h1', { dir: 'auto' }, userName(name, id));
    this.#search = new PeopleSearch(this.#context.names);
    this.#share = new ShareLink(id);
    this.#settings = new SettingsMenu(id);
    this.#queue = new ServiceQueue(this.#context);
    this.#queue.hidden = true;
    this.#list = new ConversationList(this.#context);
    this.#lists = element('div', { class: 'lists' }, this.#queue, this.#list);
  }

  connectedCallback() {
    this.setAttribute('role', 'main');
    this.append(this.#banner,
      element('div', { class: 'side' },
        element('div', { class: 'bar own' }, this.#avatar, this.#name, this.#settings),
        this.#share, this.#search, this.#lists),
      this.#main, this.#status, this.#notices);
    this.#status.show({ state: 'connecting' });
    this.#status.addEventListener('try-now', () => (this.#parley ? this.#parley.tryNow() : this.#startAgain()));
    this.addEventListener('notice', event => this.#notices.add(/** @type {CustomEvent<string>} */ (event).detail));
    this.#search.addEventListener('search', event => { this.#lists.hidden = /** @type {CustomEvent<boolean>} */ (event).detail; });
    this.#search.addEventListener('chosen', () => this.#search.clear());
    this.#search.addEventListener('found', event => {
      for (const { id, name } of /** @type {CustomEvent<import('./parley.js').User[]>} */ (event).detail) this.#context.names.set(id, name);
    });
    this.#context.names.addEventListener('change', () => this.#rename());
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
      this.#take(parley);
      this.#listen(parley);
      await this.#readAll(parley);
    } catch (error) {
      this.#showFailure(error);
    }
  }

  /** @param {Parley} parley */
  #take(parley) {
    this.#context.names.parley = parley;
    this.#takeUser(parley);
    this.#search.parley = parley;
    this.#settings.parley = parley;
    if (parley.chosen) this.#settings.show(parley.chosen);
    this.#showConnection(parley.connection);
  }

  /** Shows who the user is, by the newest token. @param {Parley} parley */
  #takeUser(parley) {
    const { id, services } = parley.user;
    const name = userName(parley.user.name, id);
    text(this.#name, name);
    paintAvatar(this.#avatar, name, id);
    this.#queue.hidden = services.length === 0;
    this.#context.names.set(id, parley.user.name);
  }

  /** @param {Parley} parley */
  #listen(parley) {
    const { signal } = this.#done;
    parley.addEventListener('connection', ({ detail }) => this.#showConnection(detail), { signal });
    parley.addEventListener('conversations', ({ detail }) => this.#takeConversations(detail), { signal });
    parley.addEventListener('messages', ({ detail }) => this.#takeMessages(detail), { signal });
    parley.addEventListener('typing', ({ detail }) => {
      if (detail.user !== parley.user.id) this.#context.presence.takeTyping(detail);
      this.#showPresence();
    }, { signal });
    parley.addEventListener('presence', ({ detail }) => {
      this.#context.presence.take(detail);
      this.#showPresence();
    }, { signal });
    parley.addEventListener('user', () => {
      this.#takeUser(parley);
      this.#paintLists();
    }, { signal });
    parley.addEventListener('settings', ({ detail }) => this.#settings.show(detail), { signal });
    parley.addEventListener('error', ({ detail }) => this.#notices.add(reasonOf(detail, t.unknownError)), { signal });
    parley.addEventListener('reset', () => {
      this.#closePane();
      this.#readAll(parley).catch(error => this.#notices.add(reasonOf(error, t.unknownError)));
    }, { signal });
  }

  /** @param {Parley} parley */
  async #readAll(parley) {
    this.#conversations = new Conversations();
    this.#listed = false;
    const conversations = parley.conversations();
    this.#route(); // and its messages are read meanwhile
    this.#takeConversations(await conversations, true);
    this.#context.names.ask(this.#pane?.participants.person ?? 0n);
  }

  /** @param {Conversation[]} changed @param {boolean} [all] these are all there are */
  #takeConversations(changed, all = false) {
    this.#listed ||= all;
    const { names } = this.#context;
    for (const { peer, customer, agent, peerName, assignee, assigneeName } of changed) {
      if (peer || agent) names.set(peer || customer, peerName);
      names.set(assignee, assigneeName);
    }
    this.#conversations.take(changed);
    this.#paintLists();
    const { key = '' } = this.#pane?.participants ?? {};
    if (!changed.some(conversation => conversation.key === key)) return;
    const conversation = this.#conversations.get(key);
    if (!conversation && this.#pane?.participants.agent) location.replace('#/'); // a service that the user answers for no more
    else this.#pane?.update(conversation);
  }

  /** @param {{ key: string, messages: Message[], gone: string[] }} change */
  #takeMessages(change) {
    const { key, messages } = change;
    for (const { mine, seq, agent, sender } of messages) {
      if (!mine && seq) this.#context.presence.sent(key, agent || sender);
    }
    if (key !== this.#pane?.participants.key) return;
    this.#pane.apply(change);
    this.#pane.showPresence();
  }

  #paintLists() {
    if (!this.#listed) return;
    const { own, queue, unread } = this.#conversations;
    const { key = '' } = this.#pane?.participants ?? {};
    this.#list.show(own, key);
    if (!this.#queue.hidden) this.#queue.show(queue, key);
    const title = t.title(Number(unread));
    if (document.title !== title) document.title = title;
  }

  #showPresence() {
    this.#paintLists();
    this.#pane?.showPresence();
  }

  #rename() {
    this.#paintLists();
    this.#pane?.rename();
  }

  #route() {
    const parley = this.#parley;
    if (!parley) return;
    const { id, name } = parley.user;
    const route = parseRoute(location.hash);
    set(this, 'data-view', route.name === 'home' || route.name === 'invite' ? 'list' : 'conversation');
    switch (route.name) {
      case 'to':
        if (route.user === id) this.#showEmpty(t.ownLink, t.ownLinkHint);
        else this.#open(parley, directKey(id, route.user));
        break;
      case 'service':
        this.#open(parley, serviceKey(id, route.service));
        break;
      case 'conversation':
        if (this.#context.participants(route.key).known) this.#open(parley, route.key);
        else this.#showEmpty(t.unknownKindTitle, t.unknownKindHint);
        break;
      case 'bad':
        this.#showEmpty(t.badLink, t.badLinkHint);
        break;
      case 'invite':
        this.#notices.add(t.inviteWhileSignedIn(userName(name, id)));
        location.replace('#/');
        break;
      default:
        this.#showEmpty(t.nothingChosen, t.nothingChosenHint, element('h2', {}, t.customerService), serviceLinks(servicesNamed('')));
    }
    this.#paintLists();
  }

  /** @param {Parley} parley @param {string} key */
  #open(parley, key) {
    if (this.#pane?.participants.key !== key) {
      this.#pane = new ConversationPane(parley, key, this.#context, this.#conversations.get(key));
      this.#main.replaceChildren(this.#pane);
      this.#pane.showNote(this.#offlineNote);
      if (this.#listed) this.#context.names.ask(this.#pane.participants.person);
    }
    // On a touch screen the keyboard would hide what there is to read.
    if (matchMedia('(pointer: fine)').matches) this.#pane.focusComposer();
  }

  #closePane() {
    this.#pane = null;
    this.#main.replaceChildren();
  }

  /** Starts what failed to start; not anew where a new page would not know who is signed in. */
  #startAgain() {
    if (keepsIdentity()) location.reload();
    else this.#connect();
  }

  /** Says, once, what this browser does not keep. @param {string} memoryOnly why it keeps no messages, '' if it does */
  #sayNotKept(memoryOnly) {
    const kept = keepsIdentity();
    if ((kept && !memoryOnly) || this.#saidNotKept) return;
    this.#saidNotKept = true;
    this.#notices.add(kept ? t.messagesNotKept(memoryOnly) : t.nothingKept(memoryOnly || t.identityNotKept));
  }

  /** @param {Connection} connection */
  #showConnection(connection) {
    const { state, reason, serverOffset, memoryOnly } = connection;
    this.#sayNotKept(memoryOnly);
    const { clock, names, presence } = this.#context;
    clock.set(serverOffset);
    this.#status.show(connection);
    if (state === 'offline') this.#offlineNote = t.offlineNote(reason);
    else if (state !== 'connecting') this.#offlineNote = '';
    this.#pane?.showNote(this.#offlineNote);
    if (state === 'live') {
      names.forgive();
      if (this.#listed) names.ask(this.#pane?.participants.person ?? 0n);
    }
    presence.known = state === 'live';
    this.#showPresence();
    this.#showBanner(state === 'signed-out' ? t.signedOut(reason) : '');
  }

  /** @param {string} words */
  #showBanner(words) {
    this.#banner.hidden = !words;
    if (words) this.#banner.replaceChildren(element('p', { dir: 'auto' }, words, ' ', t.startOverHint), this.#startOver());
  }

  #startOver() {
    return element('button', { class: 'button', type: 'button', onclick: () => {
      clearIdentity();
      location.reload();
    } }, t.startOver);
  }

  /** @param {string} title @param {string} hint @param {...Element} more */
  #showEmpty(title, hint, ...more) {
    this.#pane = null;
    this.#main.replaceChildren(
      element('div', { class: 'bar back' },
        element('a', { class: 'icon-button', href: '#/', 'aria-label': t.back, title: t.back }, icon('back')),
        element('img', { class: 'avatar', src: './icon.svg', alt: '', width: 40, height: 40 }),
        element('p', { class: 'bar-title' }, t.product)),
      element('div', { class: 'empty' }, icon('bubbles'),
        element('h1', { class: 'empty-title' }, title), element('p', {}, hint), ...more));
  }

  /** @param {unknown} error */
  #showFailure(error) {
    const words = t.startFailed(reasonOf(error, t.unknownError));
    // A guest who signs in again is somebody else: offered only where the token is of no more use.
    const refused = error instanceof ParleyError && tokenRefused.includes(error.code);
    this.#status.show({ state: 'offline', reason: words });
    this.#pane = null;
    set(this, 'data-view', 'conversation');
    this.#main.replaceChildren(element('div', { class: 'empty', role: 'alert' }, icon('warning'),
      element('p', { dir: 'auto' }, words),
      element('div', { class: 'choices' },
        element('button', { class: 'button primary', type: 'button', onclick: () => this.#startAgain() }, t.tryAgain),
        ...(refused ? [this.#startOver()] : [])),
      ...(refused ? [element('p', { class: 'small' }, t.startOverHint)] : [])));
  }
}

customElements.define('chat-panes', ChatPanes);
