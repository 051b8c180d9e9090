// @ts-check
// The page of somebody signed in: what stands beside the conversation, the one that is open or what the address
// leads to instead, and the engine's word to all of them.
import { act, unmark } from '../model/conversation-acts.js';
import { Conversations } from '../model/conversations.js';
import { Attention } from '../model/attention.js';
import { EachFrame } from '../model/each-frame.js';
import { currentToken, keepsIdentity, renameIdentity } from '../model/identity.js';
import { ListHistory } from '../model/list-history.js';
import { NewDevices } from '../model/new-devices.js';
import { PageContext } from '../model/page-context.js';
import { ReadingPlaces } from '../model/reading-places.js';
import { parseRoute } from '../model/route.js';
import { forgetSnapshot, readSnapshot, SnapshotKeeper } from '../model/snapshot.js';
import { connect, directKey, ParleyError, serviceKey } from '../parley.js';
import { isolated } from '../texts/foreign-text.js';
import { reasonOf, userName, wordsOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { ConnectionStatus } from './connection-status.js';
import { ConversationMenu } from './conversation-menu.js';
import { ConversationPane } from './conversation-pane.js';
import { element, set } from './dom.js';
import { emptyPane, failurePane } from './empty-pane.js';
import { NoticeList } from './notice-list.js';
import { asksToPrint, PrintDialog } from './print-dialog.js';
import { ServiceLinks } from './service-links.js';
import { Session } from './session.js';
import { SidePane } from './side-pane.js';
import { asksForShortcuts, showShortcuts } from './shortcuts-dialog.js';

/**
 * @typedef {import('../parley.js').Parley} Parley
 * @typedef {import('../parley.js').Conversation} Conversation
 * @typedef {import('../parley.js').Connection} Connection
 * @typedef {import('../parley.js').Message} Message
 * @typedef {import('../model/conversation-acts.js').ConversationAct} ConversationAct
 */

const calls = 300; // ms between two changes of title and icons
const keptRows = 20; // of each list are kept over a reload
/** Where there is room for one pane at a time. */
const narrow = matchMedia('(max-width: 759.98px)');
/** On a touch screen the keyboard would hide what there is to read. */
const typesAtOnce = matchMedia('(pointer: fine)');
const tokenRefused = [401, 0x86, 0x87]; // HTTP status and MQTT reason codes

/**
 * Fires "started" once the engine is there, or has failed to be, and "signed-out", with words for the person, when
 * nobody is signed in any more, or somebody by a code.
 */
export class ChatPanes extends HTMLElement {
  /** @type {Parley | null} */
  #parley = null;
  /** The same, as soon as the engine is there. @type {Promise<Parley>} */
  #connecting = new Promise(() => {});
  /** What is shown until the engine has answered. @type {import('../model/snapshot.js').Snapshot | null} */
  #snapshot = null;
  #keeper;
  #attention;
  #conversations = new Conversations();
  /** They are all there, and not only those that changed; or those that were kept are. */
  #listed = false;
  #context;
  #history = new ListHistory();
  #places = new ReadingPlaces();
  /** @type {ConversationPane | null} */
  #pane = null;
  /** Why there is no connection; null while there is one. @type {string | null} */
  #offline = null;
  #saidNotKept = false;
  #title = ''; // of what is open
  #left = ''; // key of the conversation that was open last
  #frame = new EachFrame(() => this.#paintLists());
  /** What stands outside the page takes the browser long: not for each of many messages. */
  #calling = new EachFrame(() => this.#paintTitle(), calls);
  #done = new AbortController();

  #side;
  #main = element('section', { class: 'main', id: 'main', tabindex: -1 });
  /** Of the rows of the lists. */
  #menu = new ConversationMenu();
  #status = new ConnectionStatus();
  #notices = new NoticeList();
  #session;

  /** @param {import('../model/identity.js').Identity} identity */
  constructor({ id, name }) {
    super();
    this.#context = new PageContext(id);
    this.#side = new SidePane(this.#context, name);
    this.#keeper = new SnapshotKeeper(id, () => this.#shown());
    this.#attention = new Attention(this.#context);
    this.#session = new Session(this, this.#context, () => this.#conversations.all, this.#notices, this.#done.signal);
  }

  /** Why nobody is signed in any more, where another tab came to know of it before. */
  get parting() {
    return this.#session.parting;
  }

  /** Whether the server mints tokens, as far as is known. */
  get mints() {
    return this.#session.mints;
  }

  connectedCallback() {
    this.setAttribute('role', 'main');
    this.append(element('a', { class: 'skip', href: '#main', onclick: event => this.#skip(event) }, t.skipToConversation), this.#session.banner,
      this.#side, this.#main, this.#menu, this.#status, this.#notices);
    this.#status.show({ state: 'connecting' });
    this.#status.addEventListener('try-now', () => (this.#parley ? this.#parley.tryNow() : this.#startAgain()));
    this.addEventListener('notice', event => this.#notices.add(/** @type {CustomEvent<string>} */ (event).detail));
    this.#side.addEventListener('conversation-menu', event => this.#openMenu(/** @type {CustomEvent<{ key: string, x: number, y: number }>} */ (event).detail));
    this.addEventListener('conversation-act', event => this.#act(/** @type {CustomEvent<{ key: string, act: ConversationAct }>} */ (event).detail));
    this.#side.addEventListener('sign-out', () => this.#session.signOut(false));
    this.#side.addEventListener('account', () => this.#session.showAccount());
    this.#side.addEventListener('waiting-shown', () => this.#showPresence());
    this.#context.names.addEventListener('change', () => this.#rename());
    this.#context.services.addEventListener('change', () => {
      this.#rename();
      if (!this.#pane) this.#route();
    }, { signal: this.#done.signal });
    this.#main.addEventListener('click', event => this.#clickBack(event));
    this.#notices.addEventListener('focus-lost', () => this.settleFocus());
    this.#side.addEventListener('shortcuts', () => showShortcuts(this));
    document.addEventListener('keydown', event => this.#key(event), { signal: this.#done.signal });
    window.addEventListener('hashchange', event => {
      this.#history.changed(event);
      const before = this.#pane;
      this.#route();
      if (this.#pane !== before && !typesAtOnce.matches) this.#pane?.focusTitle();
      this.settleFocus();
    }, { signal: this.#done.signal });
    set(this, 'data-view', parseRoute(location.hash).name === 'home' ? 'list' : 'conversation');
    this.#connect();
  }

  disconnectedCallback() {
    this.#done.abort();
    this.#frame.cancel();
    this.#calling.cancel();
    this.#keeper.close();
    this.#attention.close();
    this.#context.services.close();
    this.#parley?.close();
    document.title = t.title(0);
  }

  async #connect() {
    this.#closePane();
    this.#connecting = connect({ token: currentToken });
    try {
      this.#showSnapshot();
      const parley = await this.#connecting;
      if (this.#done.signal.aborted) return parley.close();
      this.#parley = parley;
      this.#take(parley);
      this.#listen(parley);
      await this.#readAll(parley);
    } catch (error) {
      this.#showFailure(error);
    }
    this.dispatchEvent(new Event('started'));
  }

  /** Paints what this tab showed last, until the engine has answered. */
  #showSnapshot() {
    this.#snapshot = readSnapshot(this.#context.me);
    try {
      if (this.#snapshot) this.#takeSnapshot(this.#snapshot);
      set(this, 'data-kept', this.#snapshot !== null); // what is shown is not the engine's word
      this.#route();
    } catch (error) {
      // Nobody waits for more than a picture of what the engine is about to tell.
      console.warn(error);
      forgetSnapshot();
      this.#snapshot = null;
      this.#listed = false;
      set(this, 'data-kept', false);
      this.#closePane();
    }
  }

  /** @param {import('../model/snapshot.js').Snapshot} snapshot */
  #takeSnapshot({ conversations, unread, agent, names, open }) {
    for (const [id, name] of names) this.#context.names.set(id, name);
    if (open?.conversation) this.#learnNames([open.conversation]);
    this.#side.agent = agent;
    this.#takeConversations(conversations, true);
    this.#conversations.unread = unread; // those of all, of which only the first are here
  }

  /** What is shown, to be painted again after a reload; null while the engine has not answered. @returns {import('../model/snapshot.js').Snapshot | null} */
  #shown() {
    if (!this.#parley || !this.#listed || this.#snapshot) return null;
    const { own, queue, unread } = this.#conversations;
    const { names } = this.#context;
    const open = this.#pane?.shown ?? null;
    const { agent } = this.#side;
    const conversations = agent ? alternately(queue.all.slice(0, keptRows), own.all.slice(0, keptRows)) : own.all.slice(0, keptRows);
    const messages = [...open?.messages ?? [], ...conversations.map(({ last }) => last)];
    const people = new Set(messages.flatMap(message => (message ? [message.agent, message.target] : [])));
    return {
      user: this.#context.me, unread, agent, conversations, open,
      names: [...people].filter(id => names.bare(id)).map(id => [id, names.bare(id)]),
    };
  }

  /** @param {Parley} parley */
  #take(parley) {
    this.#context.names.parley = parley;
    this.#session.parley = parley;
    this.#side.take(parley);
    this.#learnUser(parley);
    this.#showConnection(parley.connection);
  }

  /** Keeps what the newest token says of the user. @param {Parley} parley */
  #learnUser({ user: { id, name } }) {
    this.#context.names.set(id, name);
    renameIdentity(name);
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
      this.#side.takeUser(parley);
      this.#learnUser(parley);
      if (!this.#pane && parseRoute(location.hash).name === 'conversation') this.#route(); // now it may be theirs to read
      this.#paintLists();
    }, { signal });
    parley.addEventListener('settings', ({ detail }) => this.#side.show(detail), { signal });
    new NewDevices(parley, devices => this.#session.tellDevices(devices), signal);
    parley.addEventListener('error', ({ detail }) => this.#notices.add(reasonOf(detail, t.unknownError)), { signal });
    parley.addEventListener('reset', () => {
      this.#closePane();
      this.#places = new ReadingPlaces();
      this.#readAll(parley).catch(error => this.#notices.add(reasonOf(error, t.unknownError)));
    }, { signal });
  }

  /** @param {Parley} parley */
  async #readAll(parley) {
    this.#conversations = new Conversations();
    this.#listed = false;
    const conversations = parley.conversations();
    this.#route(); // and its messages are read meanwhile
    if (this.#snapshot) this.#pane?.ask();
    this.#snapshot = null;
    this.#takeConversations(await conversations, true);
    set(this, 'data-kept', false);
    this.#context.names.ask(this.#pane?.participants.person ?? 0n);
  }

  /** @param {Conversation[]} changed @param {boolean} [all] these are all there are */
  #takeConversations(changed, all = false) {
    this.#listed ||= all;
    this.#learnNames(changed);
    if (!all) for (const conversation of changed) this.#attention.take(this.#conversations.get(conversation.key), conversation);
    this.#conversations.take(changed);
    if (all) this.#paintLists();
    else this.#frame.want();
    this.#keeper.changed();
    const { key = '' } = this.#pane?.participants ?? {};
    const told = changed.some(conversation => conversation.key === key);
    if (!told && !all) return;
    const conversation = this.#conversations.get(key);
    if (told && !conversation && this.#pane?.participants.agent) location.replace('#/'); // a service that the user answers for no more
    else this.#pane?.update(conversation);
  }

  /** @param {Conversation[]} conversations */
  #learnNames(conversations) {
    const { names } = this.#context;
    for (const { peer, customer, agent, peerName, assignee, assigneeName } of conversations) {
      if (peer || agent) names.set(peer || customer, peerName);
      names.set(assignee, assigneeName);
    }
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
    this.#keeper.changed();
  }

  #paintLists() {
    this.#frame.cancel();
    if (!this.#listed) return;
    this.#side.paint(this.#conversations, this.#pane?.participants.key ?? '');
    this.#calling.want();
  }

  #paintTitle() {
    const { unread } = this.#conversations;
    const what = this.#pane?.participants.name ?? this.#title;
    const title = what ? t.titleOf(Number(unread), isolated(what)) : t.title(Number(unread));
    if (document.title !== title) document.title = title;
    this.#attention.mark(unread);
    set(this.#main, 'aria-label', what || t.nothingChosen);
  }

  #showPresence() {
    this.#frame.want();
    this.#pane?.showPresence();
  }

  #rename() {
    this.#frame.want();
    this.#pane?.rename();
  }

  #route() {
    const parley = this.#parley;
    if (!parley && !this.#snapshot) return;
    const route = parseRoute(location.hash);
    const key = this.#keyOf(route);
    if (parley && this.#pane && this.#pane.participants.key !== key) this.#leave(this.#pane);
    set(this, 'data-view', ['home', 'invite', 'link'].includes(route.name) ? 'list' : 'conversation');
    if (parley) this.#show(parley, route, key);
    else if (key && key === this.#snapshot?.open?.key) this.#open(key, this.#snapshot.open);
    else this.#closePane(); // until the engine is there
    this.#paintLists();
  }

  /** The conversation that a route leads to; '' if to none that can be shown. @param {import('../model/route.js').Route} route */
  #keyOf(route) {
    const { me } = this.#context;
    if (route.name === 'to') return route.user === me ? '' : directKey(me, route.user);
    if (route.name === 'service') return serviceKey(me, route.service);
    return route.name === 'conversation' && this.#context.participants(route.key).known ? route.key : '';
  }

  /** @param {Parley} parley @param {import('../model/route.js').Route} route @param {string} key of the conversation that it leads to */
  #show(parley, route, key) {
    const { id, name, services } = parley.user;
    const { agent, service, serviceName, gone } = this.#context.participants(key);
    if (agent && !services.includes(service)) {
      const links = gone ? [] : [new ServiceLinks(this.#context.services, () => [service])];
      return this.#showEmpty(t.notYours, t.notYoursHint(serviceName), ...links);
    }
    if (route.name === 'service' && gone && !this.#conversations.get(key)) {
      return this.#showEmpty(t.noService, t.noServiceHint, new ServiceLinks(this.#context.services));
    }
    if (key) {
      this.#open(key);
      unmark(parley, this.#conversations.get(key)).catch(() => {}); // it stays marked: nobody asked for more than to see it
      return;
    }
    switch (route.name) {
      case 'to':
        this.#showEmpty(t.ownLink, t.ownLinkHint);
        break;
      case 'conversation':
        this.#showEmpty(t.unknownKindTitle, t.unknownKindHint);
        break;
      case 'bad':
        this.#showEmpty(t.badLink, t.badLinkHint);
        break;
      case 'invite':
        this.#notices.add(t.inviteWhileSignedIn(isolated(userName(name, id))));
        location.replace('#/');
        break;
      case 'link':
        location.replace('#/'); // whoever looks at the address later has no business with it
        this.#session.signInInstead(route.code);
        break;
      default:
        this.#showEmpty(t.nothingChosen, t.nothingChosenHint, element('h2', {}, t.customerService), new ServiceLinks(this.#context.services));
    }
  }

  /** @param {string} key @param {import('../model/snapshot.js').Shown | null} [kept] what is shown of it until the engine has answered */
  #open(key, kept = null) {
    if (this.#pane?.participants.key !== key) {
      const shown = kept ?? this.#places.of(key);
      const conversation = this.#conversations.get(key) ?? shown?.conversation ?? undefined;
      this.#pane = new ConversationPane(this.#connecting, key, this.#context, conversation, shown);
      this.#main.replaceChildren(this.#pane);
      if (!kept && shown) this.#pane.ask();
      this.#pane.showOffline(this.#offline);
      if (this.#listed) this.#context.names.ask(this.#pane.participants.person);
    } else if (this.#snapshot) {
      return; // it was there before the engine: the person may have turned to something else
    }
    if (typesAtOnce.matches) this.#pane.focusComposer();
  }

  /** Gives the focus, where it is on nothing that is shown, to what the person came to. */
  settleFocus() {
    const { activeElement, body } = document;
    if (activeElement && activeElement !== body && activeElement.checkVisibility()) return;
    if (this.#pane) {
      if (typesAtOnce.matches) this.#pane.focusComposer();
      else this.#pane.focusTitle();
    } else if (this.getAttribute('data-view') === 'conversation') {
      this.#main.focus();
    } else {
      this.#side.focusOn(this.#left);
    }
  }

  /** @param {MouseEvent} event */
  #skip(event) {
    event.preventDefault(); // it is no address of the page's
    if (this.#pane) this.#pane.focusComposer();
    else this.#main.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.defaultPrevented || event.isComposing) return;
    if (asksForShortcuts(event)) showShortcuts(this);
    else if (asksToPrint(event) && this.#pane && !this.#pane.whole) this.#print(this.#pane.participants.key);
    else if (event.key !== 'Escape' || !this.#escape()) return;
    event.preventDefault();
  }

  /** Closes what is open, or else, on a narrow screen, the conversation; says whether there was anything. */
  #escape() {
    if (document.querySelector(':popover-open, dialog[open]')) return false; // the browser closes these
    if (this.#notices.dismissNewest()) return true;
    const leaves = narrow.matches && this.getAttribute('data-view') === 'conversation';
    if (leaves) this.#history.toList();
    return leaves;
  }

  /** The arrow is a link to the list, for who wants that in another tab. @param {MouseEvent} event */
  #clickBack(event) {
    const { target, ctrlKey, metaKey, shiftKey, altKey } = event;
    if (!(target instanceof Element && target.closest('a[href="#/"]')) || ctrlKey || metaKey || shiftKey || altKey) return;
    event.preventDefault();
    this.#history.toList();
  }

  /** @param {{ key: string, x: number, y: number }} place */
  #openMenu({ key, x, y }) {
    this.#menu.show(key, this.#context.participants(key).name, this.#conversations.get(key));
    this.#menu.openAt(x, y);
  }

  /** Does what the menu of a conversation offers. @param {{ key: string, act: ConversationAct }} what */
  async #act({ key, act: what }) {
    if (what === 'print') return this.#print(key);
    try {
      await act(await this.#connecting, what, key, this.#context.participants(key).peer, this.#conversations.get(key));
      // Who looks at it reads it.
      if (what === 'mark-unread' && this.#pane?.participants.key === key) this.#history.toList();
    } catch (error) {
      this.#notices.add(t.notDone(reasonOf(error, t.unknownError)));
    }
  }

  /** @param {string} key */
  #print(key) {
    if (!this.#parley) return this.#notices.add(t.notDone(t.serverAway));
    this.append(new PrintDialog(this.#parley, this.#context.participants(key), this.#conversations.get(key), this.#context.clock));
  }

  /** Notes where the person read, while it is still on the screen. @param {ConversationPane} pane */
  #leave(pane) {
    const { shown } = pane;
    if (shown) this.#places.leave(shown);
  }

  #closePane() {
    this.#left = this.#pane?.participants.key ?? this.#left;
    this.#pane = null;
    this.#title = '';
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
    const { state, serverOffset } = connection;
    const reason = wordsOf(connection.reason, connection.reasonCode, connection.reasonArgs);
    const memoryOnly = wordsOf(connection.memoryOnly, connection.memoryOnlyCode);
    if (memoryOnly) this.#keeper.close();
    this.#sayNotKept(memoryOnly);
    const { clock, names, presence } = this.#context;
    clock.set(serverOffset);
    this.#status.show({ ...connection, reason });
    if (state === 'offline') this.#offline = reason;
    else if (state !== 'connecting') this.#offline = null;
    this.#pane?.showOffline(this.#offline);
    if (state === 'live') {
      this.#context.services.ask();
      names.forgive();
      if (this.#listed) names.ask(this.#pane?.participants.person ?? 0n);
    }
    presence.known = state === 'live';
    this.#showPresence();
    this.#session.show(connection, reason);
  }

  /** @param {string} title @param {string} hint @param {...Element} more */
  #showEmpty(title, hint, ...more) {
    this.#closePane();
    if (title !== t.nothingChosen) this.#title = title;
    this.#main.replaceChildren(...emptyPane(title, hint, ...more));
  }

  /** @param {unknown} error */
  #showFailure(error) {
    const words = t.startFailed(reasonOf(error, t.unknownError));
    // A guest who signs in again is somebody else: offered only where the token is of no more use.
    const refused = error instanceof ParleyError && tokenRefused.includes(error.code);
    this.#status.show({ state: 'offline', reason: words });
    this.#snapshot = null;
    set(this, 'data-kept', false);
    this.#pane = null;
    set(this, 'data-view', 'conversation');
    this.#main.replaceChildren(failurePane(words, () => this.#startAgain(), refused ? this.#session.ways() : []));
  }
}

/** One of each in turn, so that whoever takes the first ones has some of both. @template T @param {readonly T[]} a @param {readonly T[]} b */
function alternately(a, b) {
  const both = [];
  for (let i = 0; i < Math.max(a.length, b.length); i++) both.push(...a.slice(i, i + 1), ...b.slice(i, i + 1));
  return both;
}

customElements.define('chat-panes', ChatPanes);
