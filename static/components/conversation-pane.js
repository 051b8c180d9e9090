// @ts-check
// One open conversation: whom it is with, its messages, and where to write.
import { Notes } from '../model/notes.js';
import { quotedOf, Quotes } from '../model/quotes.js';
import { presenceWords } from '../model/waiting.js';
import { newRef, ParleyError } from '../parley.js';
import { isolated } from '../texts/foreign-text.js';
import { fullDate, reasonOf, reasonOfMessage } from '../texts/labels.js';
import { formats, t } from '../texts/strings.js';
import { askForAgent } from './agent-picker.js';
import { avatar, paintAvatar } from './avatar.js';
import { askToConfirm } from './confirm-dialog.js';
import { askAboutAnswer } from './conflict-dialog.js';
import { ConversationActions } from './conversation-actions.js';
import { ConversationMenu } from './conversation-menu.js';
import { ConversationStatus } from './conversation-status.js';
import { CustomerPanel } from './customer-panel.js';
import { element, hide, set, text } from './dom.js';
import { showGroup } from './group-dialog.js';
import { icon } from './icons.js';
import { MessageActions } from './message-actions.js';
import { MentionPicker } from './mention-picker.js';
import { MessageComposer } from './message-composer.js';
import { MessageList } from './message-list.js';
import { showReaders } from './readers-dialog.js';
import { ReplyPicker } from './reply-picker.js';
import { askToSend } from './send-files-dialog.js';
import { askForService } from './service-picker.js';

const answeredMeanwhile = 0x83; // the code of an answer that another agent's crossed

/**
 * @typedef {import('../parley.js').Parley} Parley
 * @typedef {import('../parley.js').Conversation} Conversation
 * @typedef {import('../parley.js').Message} Message
 * @typedef {import('./message-composer.js').Draft} Draft
 * @typedef {import('./conversation-actions.js').Act} Act
 */

/** Fires "notice" with words for the person, and "conversation-act" as its menu does. */
export class ConversationPane extends HTMLElement {
  participants;
  #parley;
  #context;
  #conversation;
  #notes;
  #quotes;
  #avatar = avatar('', 0n);
  #picture = '';
  #title = element('h1', { dir: 'auto', tabindex: -1 });
  #typing = element('p', { class: 'typing' });
  #status;
  #actions;
  /** Shows all of where the conversation stands, where the screen is too low to do so always. */
  #unfold = element('button', {
    class: 'icon-button', type: 'button', 'aria-expanded': 'false', 'aria-label': t.showAllOfStatus, title: t.showAllOfStatus, onclick: () => this.#unfolds(),
  }, icon('fold'));
  #statusRow = element('div', { class: 'status-row' });
  #list;
  #composer;
  #menu = new ConversationMenu().withButton();
  #members = element('button', { class: 'icon-button members-button', type: 'button', 'aria-label': t.members, title: t.members, onclick: () => this.#showMembers() }, icon('group'));
  /** To agents. @type {CustomerPanel | null} */
  #customer = null;
  #blockedWords = element('span');
  #unblockButton = element('button', { class: 'button', type: 'button', onclick: () => this.#unblock() }, t.conversationActs.unblock);
  /** Stands where one would write, to whom the user blocks, and to a service that is no more. */
  #blocked = element('p', { class: 'blocked-note', role: 'note', hidden: true }, this.#blockedWords,
    this.#unblockButton);
  /** Why sending takes longer now; null if it does not. @type {string | null} */
  #offline = null;
  /** Refs of refused control entries that were told of. @type {Set<string>} */
  #turnedDown = new Set();
  /** Which files to send is asked. */
  #asking = false;

  /**
   * @param {Promise<Parley>} parley
   * @param {string} key
   * @param {import('../model/page-context.js').PageContext} context
   * @param {Conversation | undefined} conversation
   * @param {import('../model/snapshot.js').Shown | null} [kept] what was shown before the page was reloaded
   */
  constructor(parley, key, context, conversation, kept = null) {
    super();
    this.#parley = parley;
    this.#context = context;
    this.#conversation = conversation;
    this.participants = context.participants(key);
    this.#status = new ConversationStatus(this.participants, context);
    this.#actions = new ConversationActions(this.participants.agent);
    this.#notes = new Notes(parley, key);
    this.#quotes = new Quotes(parley, key);
    if (this.participants.agent) {
      this.#customer = new CustomerPanel(parley, this.participants, context);
      this.#customer.addEventListener('shown', () => this.classList.toggle('with-customer', this.#customer?.hidden === false));
    }
    this.#list = new MessageList({ parley, engine: context.parley, participants: this.participants, clock: context.clock, notes: this.#notes, quotes: this.#quotes, player: context.player }, conversation, kept);
    this.#composer = new MessageComposer(context.me, key, seq => this.#quotedOf(seq), this.participants.agent ? textarea => this.#replyPicker(textarea) : null,
      this.participants.group ? (textarea, place) => new MentionPicker(parley, key, context.names, textarea, place) : null);
  }

  connectedCallback() {
    this.#statusRow.append(this.#status, this.#actions, this.#unfold);
    this.append(
      element('div', { class: 'bar' },
        element('a', { class: 'icon-button back', href: '#/', 'aria-label': t.back, title: t.back }, icon('back')),
        this.#avatar, this.#title, this.participants.group ? this.#members : '', this.#customer?.button ?? '', this.#menu),
      this.#statusRow, this.#list, this.#typing, this.#composer, this.#blocked);
    if (this.#customer) this.append(this.#customer);
    this.#listen();
    new MessageActions(this, this.#parley, this.#context, this.#list, this.#composer).listen();
    this.#paint();
  }

  /** @param {HTMLTextAreaElement} textarea in which an agent writes */
  #replyPicker(textarea) {
    const { customer, service, serviceName } = this.participants;
    const { names, clock, me } = this.#context;
    return new ReplyPicker(this.#parley, service, () => ({
      customer: names.bare(customer) || this.participants.name, agent: names.bare(me), service: serviceName, date: fullDate(clock.now()),
    }), textarea);
  }

  /** What is shown of a message that is to be quoted; null if it is there no more. @param {bigint} seq */
  #quotedOf(seq) {
    const message = this.#list.message(seq) ?? this.#quotes.get(seq);
    return message === null || message?.type === 'recalled' ? null : quotedOf(seq, message, this.participants);
  }

  #listen() {
    this.#quotes.addEventListener('change', () => this.#composer.paintStrip());
    this.#composer.addEventListener('send', event => this.#send(/** @type {CustomEvent<Draft>} */ (event).detail));
    this.#composer.addEventListener('recorded', event => this.#sendVoice(/** @type {CustomEvent<import('../parley.js').NewFile>} */ (event).detail));
    this.#composer.addEventListener('files', event => this.sendFiles(/** @type {CustomEvent<File[]>} */ (event).detail));
    this.#composer.addEventListener('typing', event => this.#type(/** @type {CustomEvent<boolean>} */ (event).detail));
    this.#statusRow.addEventListener('keydown', event => {
      if (event.key === 'Escape' && this.#unfolds(false)) event.preventDefault();
    });
    this.#actions.addEventListener('act', event => this.#act(/** @type {CustomEvent<Act>} */ (event).detail));
    this.#actions.addEventListener('focus-lost', () => this.focusComposer());
    this.#list.addEventListener('retry', event => {
      const { seen } = this.#list;
      this.#list.focus(); // the button goes
      this.#try(this.#parley.then(parley => parley.retry(/** @type {CustomEvent<string>} */ (event).detail, { seen })));
    });
    this.#list.addEventListener('readers', event => this.#showReaders(/** @type {CustomEvent<bigint>} */ (event).detail));
    this.#list.addEventListener('discard', event => {
      this.#list.focus();
      this.#try(this.#parley.then(parley => parley.discard(/** @type {CustomEvent<string>} */ (event).detail)));
    });
    this.#list.addEventListener('pause-upload', event => {
      const { ref, paused } = /** @type {CustomEvent<{ ref: string, paused: boolean }>} */ (event).detail;
      this.#try(this.#parley.then(parley => parley.pause(ref, paused)));
    });
    this.#list.addEventListener('delete-note', event => this.#deleteNote(/** @type {CustomEvent<bigint>} */ (event).detail));
    this.#notes.addEventListener('change', () => {
      for (const { author, authorName } of this.#notes.list) this.#context.names.set(author, authorName);
    });
    this.#notes.addEventListener('notice', event => this.#notice(/** @type {CustomEvent<string>} */ (event).detail));
    this.#list.addEventListener('crossed', event => this.#askAgain(/** @type {CustomEvent<Message>} */ (event).detail));
    this.#list.addEventListener('turned-down', event => this.#turnDown(/** @type {CustomEvent<Message>} */ (event).detail));
  }

  focusComposer() {
    this.#composer.focus();
  }

  /** For whoever would have a keyboard over the messages otherwise. */
  focusTitle() {
    this.#title.focus();
  }

  /** The engine is there: its messages take the place of what was kept. */
  ask() {
    this.#list.ask();
  }

  /** Goes to a message, which may be far above. @param {bigint} seq */
  jump(seq) {
    return this.#list.jump(seq);
  }

  /** Goes where the person read before the page was loaded. @param {import('../model/reading-places.js').ReadingPlace} place */
  returnTo(place) {
    return this.#list.returnTo(place);
  }

  /** All there is of the conversation is in the page. */
  get whole() {
    return this.#list.whole;
  }

  /** What is shown, to be kept over a reload; null while nothing is. @returns {import('../model/snapshot.js').Shown | null} */
  get shown() {
    const { shown } = this.#list;
    return shown && { ...shown, key: this.participants.key, conversation: this.#conversation ?? null };
  }

  /** @param {Conversation | undefined} conversation */
  update(conversation) {
    if (standing(conversation) !== standing(this.#conversation)) this.#customer?.refresh();
    this.#conversation = conversation;
    this.#list.update(conversation);
    this.#paint();
  }

  /** People have other names than before. */
  rename() {
    this.#list.rename();
    this.#paint();
  }

  /** @param {string | null} reason why sending takes longer now, '' if that is not known; null if it does not */
  showOffline(reason) {
    this.#offline = reason;
    this.#composer.show(this.participants.name, reason);
    if (reason !== null) return;
    this.#list.tryAgain();
    this.#notes.tryAgain();
  }

  /** @param {{ messages: Message[], gone: string[] }} change */
  apply(change) {
    this.#list.apply(change);
    this.#composer.forget(change.messages);
  }

  /** Shows who is here, and who types. */
  showPresence() {
    const { participants } = this;
    const typists = this.#context.presence.typists(participants.key).map(user => participants.typistName(user));
    text(this.#typing, typists.length ? t.typing(formats.list(typists.map(isolated)), typists.length) : '');
    this.#status.show(this.#conversation);
    set(this.#avatar, 'data-online', presenceWords(participants, this.#context) === t.online);
  }

  async #showMembers() {
    const parley = await this.#parley;
    await showGroup(this, parley, this.participants.key, this.#context);
    this.#members.focus();
  }

  /** @param {bigint} seq */
  async #showReaders(seq) {
    showReaders(this, await this.#parley, this.participants.key, this.#context.names, seq);
  }

  /** Who left a group, or was removed, reads what was there until then. */
  get #left() {
    return this.participants.group && this.#conversation !== undefined && this.#conversation.head > 0n && this.#conversation.role === '';
  }

  #paint() {
    const { name, person } = this.participants;
    const picture = this.#context.pictures.of(this.participants.key);
    if (this.#title.textContent !== name || this.#picture !== picture) {
      this.#picture = picture;
      text(this.#title, name);
      paintAvatar(this.#avatar, name, person, picture);
    }
    this.#actions.show(this.#conversation, this.#context.me);
    if (this.participants.agent) this.#notes.update(this.#conversation?.notes ?? 0n);
    this.#composer.show(name, this.#offline);
    this.#menu.show(this.participants.key, name, this.#conversation);
    hide(this.#members, this.#left);
    this.#paintBlocked(name, this.participants.gone || this.#left || (this.#conversation?.blocked ?? false));
    this.showPresence();
  }

  /** @param {string} name @param {boolean} blocked */
  #paintBlocked(name, blocked) {
    const { gone } = this.participants;
    text(this.#blockedWords, this.#left ? t.notInGroup : gone ? t.serviceGone(isolated(name)) : t.youBlock(isolated(name)));
    hide(this.#unblockButton, gone || this.#left);
    const held = this.contains(document.activeElement) && blocked !== this.#composer.hidden;
    hide(this.#composer, blocked);
    hide(this.#blocked, !blocked);
    if (!held) return;
    if (blocked) this.#blocked.querySelector('button')?.focus();
    else this.focusComposer();
  }

  #unblock() {
    this.dispatchEvent(new CustomEvent('conversation-act', { detail: { key: this.participants.key, act: 'unblock' }, bubbles: true }));
  }

  /** @param {boolean} active */
  #type(active) {
    this.#parley.then(parley => parley.typing(this.participants.key, active)).catch(() => {}); // without an engine there is nobody to tell
  }

  /** @param {Draft} draft */
  async #send(draft) {
    const { seen } = this.#list;
    this.#list.makeWay();
    try {
      if (draft.note) await this.#notes.add(draft.content, seen, draft.ref).then(() => this.#composer.sent(draft));
      else await this.#sendAs(draft, seen, false);
    } catch (error) {
      this.#composer.restore(draft);
      const reason = reasonOf(error, t.unknownError);
      this.#notice(draft.note ? t.noteNotAdded(reason) : t.notSent(reason));
    }
  }

  /** @param {import('../parley.js').NewFile} file */
  async #sendVoice(file) {
    this.#list.makeWay();
    try {
      await this.#sendAs({ content: '', quote: this.#composer.takeQuote(), note: false, ref: newRef() }, this.#list.seen, false, { type: 'voice', files: [file] });
    } catch (error) {
      this.#notice(t.notSent(reasonOf(error, t.unknownError)));
    }
    this.focusComposer();
  }

  /** Whether one may write here. */
  get takesFiles() {
    return !this.#composer.hidden && !this.#asking;
  }

  /** Asks whether to send files, and how, and does. @param {File[]} files */
  async sendFiles(files) {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const parley = await this.#parley;
      const parcels = await askToSend(this, files, await parley.uploadLimits());
      this.#asking = false;
      this.#list.makeWay();
      for (const { type, caption, files } of parcels) {
        const draft = { content: caption, quote: this.#composer.takeQuote(), note: false, ref: newRef() };
        await this.#sendAs(draft, this.#list.seen, false, { type, files });
      }
    } catch (error) {
      this.#notice(t.notSent(reasonOf(error, t.unknownError)));
    }
    this.#asking = false;
    this.focusComposer();
  }

  /** @param {bigint} id */
  async #deleteNote(id) {
    if (!await askToConfirm(this, { title: t.deleteThisNote, yes: t.deleteNote })) return;
    this.#list.focus(); // the button goes
    await this.#try(this.#notes.delete(id));
  }

  /**
   * @param {Draft} draft @param {bigint} seen @param {boolean} anyway
   * @param {{ type: 'image' | 'file' | 'voice', files: import('../parley.js').NewFile[] } | null} [parcel] what goes with it
   * @returns {Promise<void>}
   */
  async #sendAs(draft, seen, anyway, parcel = null) {
    try {
      const { content, ref, quote } = draft;
      const mentions = this.#composer.mentioned(content);
      const parley = await this.#parley;
      await parley.send(this.participants.key, content, { seen, anyway, ref, quote, mentions, ...parcel });
      if (!parcel) this.#composer.sent(draft);
    } catch (error) {
      if (anyway || !isCrossed(error)) throw error;
      if (await this.#askAboutAnswer('answered-meanwhile')) return this.#sendAs(draft, this.#list.seen, true, parcel);
      if (parcel) return; // the files stay with the person
      this.#composer.restore(draft);
      this.focusComposer();
    }
  }

  /** The server found that an answer crossed: the same question as when it is found here. @param {Message} message */
  async #askAgain({ ref, content, reasonCode, quote }) {
    if (this.#turnedDown.has(ref) || document.visibilityState !== 'visible') return;
    this.#turnedDown.add(ref);
    const draft = { content, note: false, ref: newRef(), quote }; // that of what was refused is taken
    const anyway = await this.#askAboutAnswer(reasonCode);
    if (!this.isConnected) return; // it stays in the log, to be sent again or deleted there
    await this.#try(this.#parley.then(parley => parley.discard(ref)));
    if (anyway) return this.#try(this.#sendAs(draft, this.#list.seen, true));
    this.#composer.restore(draft);
    this.focusComposer();
  }

  /**
   * Shows the answer that crossed, and asks whether to send all the same; once
   * more if another comes meanwhile.
   * @param {string} what crossed, by the reason's word
   * @returns {Promise<boolean>}
   */
  async #askAboutAnswer(what) {
    const seq = this.#conversation?.lastAnswer ?? 0n;
    const message = this.#list.message(seq);
    const anyway = await askAboutAnswer(this, what, message ? { author: this.participants.authorOf(message), content: message.content } : null);
    return anyway && (seq === this.#conversation?.lastAnswer || this.#askAboutAnswer('answered-meanwhile'));
  }

  /** Says whether that changed anything. @param {boolean} [unfolded] */
  #unfolds(unfolded = !this.#statusRow.classList.contains('unfolded')) {
    if (unfolded === this.#statusRow.classList.contains('unfolded')) return false;
    if (!unfolded && this.#actions.contains(document.activeElement)) this.#unfold.focus();
    this.#statusRow.classList.toggle('unfolded', unfolded);
    set(this.#unfold, 'aria-expanded', String(unfolded));
    return true;
  }

  /** @param {Act} act */
  async #act(act) {
    this.#unfolds(false);
    const { seen } = this.#list;
    let target = 0n;
    if (act === 'claim' && this.#context.away && !await this.#comeBack()) return;
    if (act === 'hand-over') {
      const agent = await askForAgent(this, await this.#parley, this.participants.service);
      if (!agent) return;
      this.#context.names.set(agent.id, agent.name);
      target = agent.id;
    }
    let reason = '';
    if (act === 'move') {
      const to = await askForService(this, this.#context.services, this.participants.service);
      if (!to) return;
      target = BigInt(to.service);
      reason = to.reason;
    }
    try {
      const parley = await this.#parley;
      await parley.send(this.participants.key, reason, { type: act, target, seen });
    } catch (error) {
      this.#notice(t.refusedActs[act](reasonOf(error, t.unknownError)));
    }
  }

  /** Who is away claims nothing, unless they are back with that. @returns {Promise<boolean>} */
  async #comeBack() {
    if (!await askToConfirm(this, { title: t.youAreAway, hint: t.awayClaimsNothing, yes: t.comeBackAndClaim })) return false;
    try {
      await (await this.#parley).settings({ away: false });
      return true;
    } catch (error) {
      this.#notice(t.notChanged(reasonOf(error, t.unknownError)));
      return false;
    }
  }

  /** A refused control entry is told once, and does not stay in the log. @param {Message} message */
  #turnDown(message) {
    const { ref, type } = message;
    if (this.#turnedDown.has(ref)) return;
    this.#turnedDown.add(ref);
    this.#notice(t.refusedActs[type](reasonOfMessage(message) || t.unknownError));
    this.#parley.then(parley => parley.discard(ref)).catch(() => {}); // another tab may have done so
  }

  /** @param {Promise<void>} work */
  async #try(work) {
    try {
      await work;
    } catch (error) {
      this.#notice(t.reasonAlone(reasonOf(error, t.unknownError)));
    }
  }

  /** @param {string} words */
  #notice(words) {
    this.dispatchEvent(new CustomEvent('notice', { detail: words, bubbles: true }));
  }
}

/** @param {unknown} error */
function isCrossed(error) {
  return error instanceof ParleyError && error.code === answeredMeanwhile;
}

/** What is shown of a customer's conversation beside its messages. @param {Conversation | undefined} conversation */
function standing({ head, assignee, closed, waitingSince } = /** @type {any} */ ({})) {
  return [head, assignee, closed, waitingSince].join();
}

customElements.define('conversation-pane', ConversationPane);
