// @ts-check
// The page of somebody signed in: what stands beside the conversation, the one that is open or what the address
// leads to instead, and the engine's word to all of them.
import { mark } from '../client/marks.js';
import { Conversations } from '../model/conversations.js';
import { Attention } from '../model/attention.js';
import { EachFrame } from '../model/each-frame.js';
import { currentToken, keepsIdentity, renameIdentity } from '../model/identity.js';
import { NewDevices } from '../model/new-devices.js';
import { PageContext } from '../model/page-context.js';
import { parseRoute, seqOf, viewOf } from '../model/route.js';
import { forgetSnapshot, readSnapshot, SnapshotKeeper, snapshotOf } from '../model/snapshot.js';
import { connect, ParleyError } from '../parley.js';
import { reasonOf, wordsOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { ConnectionStatus } from './connection-status.js';
import { ConversationCommands } from './conversation-commands.js';
import { set } from './dom.js';
import { failurePane } from './empty-pane.js';
import { MainPane } from './main-pane.js';
import { NoticeList } from './notice-list.js';
import { answerKeys } from './page-keys.js';
import { PageTitle } from './page-title.js';
import { PlayingBar } from './playing-bar.js';
import { Session } from './session.js';
import { SidePane } from './side-pane.js';
import { showShortcuts } from './shortcuts-dialog.js';

/**
 * @typedef {import('../parley.js').Parley} Parley
 * @typedef {import('../parley.js').Conversation} Conversation
 * @typedef {import('../parley.js').Connection} Connection
 * @typedef {import('../parley.js').Message} Message
 */

const tokenRefused = [401, 0x86, 0x87]; // HTTP status and MQTT reason codes
/** Why a browser may keep nothing for a while, by memoryOnlyCode. */
const mayPass = new Set(['storage-full', 'storage-failed', 'storage-silent']);

/**
 * Fires "started" once the engine is there, or has failed to be, and "signed-out", with words for the person, when
 * nobody is signed in any more, or somebody by a code.
 */
export class ChatPanes extends HTMLElement {
  /** @type {Parley | null} */
  #parley = null;
  /** What is shown until the engine has answered. @type {import('../model/snapshot.js').Snapshot | null} */
  #snapshot = null;
  #keeper;
  #attention;
  #title;
  #conversations = new Conversations();
  /** The address where a search was begun that took its place; '' for none. */
  #searchedFrom = '';
  /** What has the focus, or had it last. @type {Element | null} */
  #focused = null;
  /** They are all there, and not only those that changed; or those that were kept are. */
  #listed = false;
  #context;
  #frame = new EachFrame(() => this.#paintLists());
  #done = new AbortController();

  #side;
  #main;
  #commands;
  #status = new ConnectionStatus();
  #notices = new NoticeList();
  #session;

  /** @param {import('../model/identity.js').Identity} identity */
  constructor({ id, name }) {
    super();
    this.#context = new PageContext(id);
    /** @param {string} key */
    const find = key => this.#conversations.get(key);
    this.#side = new SidePane(this.#context, name);
    this.#main = new MainPane(this.#context, find);
    this.#commands = new ConversationCommands(this, this.#context, find);
    this.#keeper = new SnapshotKeeper(id, () => this.#shown());
    this.#attention = new Attention(this.#context);
    this.#title = new PageTitle(this.#attention);
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
    this.append(this.#main.skip, this.#session.banner, this.#side, this.#main.element, new PlayingBar(this.#context.player).element, this.#commands.menu, this.#status, this.#notices);
    this.#status.show({ state: 'connecting' });
    this.#status.addEventListener('try-now', () => (this.#parley ? this.#parley.tryNow() : this.#startAgain()));
    this.addEventListener('focusin', ({ target }) => { this.#focused = /** @type {Element} */ (target); });
    this.addEventListener('notice', event => this.#notices.add(/** @type {CustomEvent<string>} */ (event).detail));
    // Who looks at it reads it.
    this.addEventListener('marked-unread', event => /** @type {CustomEvent<string>} */ (event).detail === this.#main.key && this.#main.toList());
    this.addEventListener('opened', () => this.#askNames());
    this.addEventListener('link', event => this.#session.signInInstead(/** @type {CustomEvent<string>} */ (event).detail));
    this.addEventListener('search-in', event => this.#search(/** @type {CustomEvent<string>} */ (event).detail));
    this.addEventListener('revisit', () => this.#route());
    this.#side.search.addEventListener('left', () => this.#leaveSearch());
    this.#side.addEventListener('sign-out', () => this.#session.signOut(false));
    this.#side.addEventListener('account', () => this.#session.showAccount());
    this.#side.addEventListener('storage', () => this.#session.showStorage());
    this.#side.addEventListener('waiting-shown', () => this.#showPresence());
    this.#context.names.addEventListener('change', () => this.#rename());
    this.#context.pictures.addEventListener('change', () => this.#rename());
    this.#context.services.addEventListener('change', () => {
      this.#rename();
      if (!this.#main.pane) this.#route();
    }, { signal: this.#done.signal });
    this.#notices.addEventListener('focus-lost', () => this.settleFocus());
    this.#side.addEventListener('shortcuts', () => showShortcuts(this));
    answerKeys(this, this.#main, this.#side, this.#notices, this.#done.signal);
    window.addEventListener('hashchange', event => {
      this.#main.addressChanged(event);
      const before = this.#main.pane;
      this.#route();
      if (this.#main.pane && this.#main.pane !== before && !seqOf(parseRoute(location.hash))) this.#main.focus(); // a message has it when it is there
      this.settleFocus();
    }, { signal: this.#done.signal });
    set(this, 'data-view', viewOf(parseRoute(location.hash)));
    this.#connect();
  }

  disconnectedCallback() {
    this.#done.abort();
    this.#frame.cancel();
    this.#keeper.close();
    this.#attention.close();
    this.#context.services.close();
    this.#context.player.stop();
    this.#context.pictures.close();
    this.#parley?.close();
    this.#title.close();
  }

  async #connect() {
    const connecting = connect({ token: currentToken, messages: 'newest' });
    this.#commands.connecting = connecting;
    this.#main.begin(connecting);
    try {
      this.#showSnapshot();
      const parley = await connecting;
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
      this.#main.close();
    }
  }

  /** @param {import('../model/snapshot.js').Snapshot} snapshot */
  #takeSnapshot({ conversations, unread, archived, agent, names, open }) {
    for (const [id, name] of names) this.#context.names.set(id, name);
    if (open?.conversation) this.#context.names.learn([open.conversation]);
    this.#side.agent = agent;
    this.#conversations.archivedBefore = archived;
    this.#takeConversations(conversations, true);
    this.#conversations.unread = unread; // those of all, of which only the first are here
  }

  /** What is shown, to be painted again after a reload; null while the engine has not answered. @returns {import('../model/snapshot.js').Snapshot | null} */
  #shown() {
    if (!this.#parley || !this.#listed || this.#opening || this.#snapshot) return null;
    return snapshotOf(this.#context, this.#conversations, this.#side.agent, this.#main.keepPlace());
  }

  /** @param {Parley} parley */
  #take(parley) {
    this.#context.parley = this.#context.names.parley = this.#context.pictures.parley = parley;
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
    parley.addEventListener('group', ({ detail }) => this.#context.names.learnMembers(detail.members), { signal });
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
      if (!this.#main.pane && parseRoute(location.hash).name === 'conversation') this.#route(); // now it may be theirs to read
      this.#paintLists();
    }, { signal });
    parley.addEventListener('settings', ({ detail }) => this.#side.show(detail), { signal });
    new NewDevices(parley, devices => this.#session.tellDevices(devices), signal);
    parley.addEventListener('error', ({ detail }) => this.#tell(detail), { signal });
    parley.addEventListener('reset', () => {
      this.#main.reset();
      this.#readAll(parley).catch(error => this.#tell(error));
    }, { signal });
  }

  /** Tells the person of an error that nothing else shows. @param {unknown} error */
  #tell(error) {
    if (error instanceof ParleyError && error.reasonCode.startsWith('token-')) return; // the banner says that, and what can be done
    this.#notices.add(t.reasonAlone(reasonOf(error, t.unknownError)));
  }

  /** Whether conversations that this browser has stored are not all told of yet. */
  get #opening() {
    return this.#parley?.connection.opening ?? false;
  }

  /** @param {Parley} parley */
  async #readAll(parley) {
    const { archivedCount } = this.#conversations;
    this.#conversations = new Conversations();
    this.#conversations.archivedBefore = archivedCount;
    this.#listed = false;
    const conversations = parley.conversations({ opening: true });
    this.#route(); // and its messages are read meanwhile
    if (this.#snapshot) this.#main.pane?.ask();
    this.#snapshot = null;
    this.#takeConversations(await conversations, true);
    set(this, 'data-kept', false);
    this.#askNames();
  }

  /** @param {Conversation[]} changed @param {boolean} [all] there are no others, or they are still being opened */
  #takeConversations(changed, all = false) {
    this.#listed ||= all;
    this.#context.names.learn(changed);
    this.#context.pictures.learn(changed);
    if (!all && !this.#opening) for (const conversation of changed) this.#attention.take(this.#conversations.get(conversation.key), conversation);
    this.#conversations.take(changed);
    if (all) this.#paintLists();
    else this.#frame.want();
    this.#keeper.changed();
    const { key, pane } = this.#main;
    const told = changed.some(conversation => conversation.key === key);
    if (!told && (!all || this.#opening)) return; // where one has read to may still come
    const conversation = this.#conversations.get(key);
    if (told && !conversation && pane?.participants.agent) location.replace('#/'); // a service that the user answers for no more
    else pane?.update(conversation);
  }

  /** @param {{ key: string, messages: Message[], gone: string[] }} change */
  #takeMessages(change) {
    const { key, messages } = change;
    for (const { mine, seq, agent, sender } of messages) {
      if (!mine && seq) this.#context.presence.sent(key, agent || sender);
    }
    if (key !== this.#main.key) return;
    this.#main.pane?.apply(change);
    this.#main.pane?.showPresence();
    this.#keeper.changed();
  }

  #paintLists() {
    this.#frame.cancel();
    if (!this.#listed || this.#opening && !this.#conversations.all.length) return;
    if (this.#parley && !this.#snapshot && !this.#opening) this.#conversations.archivedBefore = 0;
    this.#side.paint(this.#conversations, this.#main.key);
    this.#main.rename();
    this.#keepFocus();
    if (this.#opening) return; // what counts them all, or tells that they are there
    this.#title.show(this.#conversations.unread, this.#main.title);
    if (this.#parley && !this.#snapshot) mark('conversations live');
  }

  /** Gives the focus of what is shown no more to what the person came to. Who has it on nothing by a click keeps that. */
  #keepFocus() {
    if (document.activeElement === document.body && this.#focused && !this.#focused.checkVisibility()) this.settleFocus();
  }

  /** Asks for the names that are not known, that of the open conversation's person first. */
  #askNames() {
    if (this.#listed) this.#context.names.ask(this.#main.pane?.participants.person ?? 0n);
  }

  #showPresence() {
    this.#frame.want();
    this.#main.pane?.showPresence();
  }

  #rename() {
    this.#frame.want();
    this.#main.pane?.rename();
  }

  #route() {
    if (!this.#parley && !this.#snapshot) return;
    const route = parseRoute(location.hash);
    set(this, 'data-view', viewOf(route));
    this.#main.show(route, this.#parley, this.#snapshot);
    this.#paintLists();
  }

  /** Searches one conversation, or all: where there is room for one pane, in place of what is open. @param {string} key '' for all */
  #search(key) {
    const { search } = this.#side;
    if (!search.checkVisibility()) {
      this.#searchedFrom = location.hash;
      location.hash = '#/';
      set(this, 'data-view', 'list');
    }
    search.begin(key, document.activeElement);
  }

  /** Goes back where a search was begun that took the place of that. */
  #leaveSearch() {
    if (this.#searchedFrom && location.hash === '#/') history.back();
    this.#searchedFrom = '';
  }

  /** Gives the focus, where it is on nothing that is shown, to what the person came to. */
  settleFocus() {
    const { activeElement, body } = document;
    const waits = activeElement === this.#main.element && this.#main.pane; // from before there was anything in it
    if (activeElement && activeElement !== body && !waits && activeElement.checkVisibility()) return;
    if (this.#main.pane || this.getAttribute('data-view') === 'conversation') this.#main.focus();
    else this.#side.focusOn(this.#main.left);
  }

  /** Starts what failed to start; not anew where a new page would not know who is signed in. */
  #startAgain() {
    if (keepsIdentity()) location.reload();
    else this.#connect();
  }

  /** @param {Connection} connection */
  #showConnection(connection) {
    const { state, serverOffset } = connection;
    const reason = wordsOf(connection.reason, connection.reasonCode, connection.reasonArgs);
    const memoryOnly = wordsOf(connection.memoryOnly, connection.memoryOnlyCode);
    const passing = mayPass.has(connection.memoryOnlyCode);
    if (memoryOnly && !passing) this.#keeper.close();
    this.#session.sayNotKept(memoryOnly, passing);
    const { clock, names, pictures, presence } = this.#context;
    clock.set(serverOffset);
    this.#status.show({ ...connection, reason });
    if (state !== 'connecting') this.#main.showOffline(state === 'offline' ? reason : null);
    if (state === 'live') {
      this.#context.services.ask();
      names.forgive();
      pictures.forgive();
      this.#askNames();
    }
    presence.known = state === 'live';
    this.#showPresence(); // and once no more are opened, the counts
    this.#session.show(connection, reason);
  }

  /** @param {unknown} error */
  #showFailure(error) {
    const words = t.startFailed(reasonOf(error, t.unknownError));
    // A guest who signs in again is somebody else: offered only where the token is of no more use.
    const refused = error instanceof ParleyError && tokenRefused.includes(error.code);
    this.#status.show({ state: 'offline', reason: words });
    this.#snapshot = null;
    set(this, 'data-kept', false);
    set(this, 'data-view', 'conversation');
    this.#main.showInstead(failurePane(words, () => this.#startAgain(), refused ? this.#session.ways() : [], this.#session.wayBack));
  }
}

customElements.define('chat-panes', ChatPanes);
