// @ts-check
// The messages of one conversation. However much comes, it is painted once a frame;
// painting touches only rows that changed, and what the person looks at stays where it is.
import { mark } from '../client/marks.js';
import { EachFrame } from '../model/each-frame.js';
import { isChoosable, isEditable } from '../model/message-acts.js';
import { longestPage, MessageWindow, stepLength } from '../model/message-window.js';
import { ownReaction } from '../model/reactions.js';
import { idOf, isCrossed, isTurnedDown, notesAmong, rowsOf } from '../model/rows.js';
import { isolated } from '../texts/foreign-text.js';
import { reasonOf, shortCount, untilMidnight } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { AttachmentLoader } from './attachment-loader.js';
import { arrange, element, hide, set, text } from './dom.js';
import { icon } from './icons.js';
import { onLongPress } from './long-press.js';
import { MessageMenu } from './message-menu.js';
import { viewOf } from './message-row.js';
import { viewPictures } from './picture-viewer.js';
import { ReadTracker } from './read-tracker.js';
import { RovingFocus } from './roving-focus.js';
import { SelectionBar } from './selection-bar.js';

/**
 * @typedef {import('../parley.js').Conversation} Conversation
 * @typedef {import('../parley.js').Attachment} Attachment
 * @typedef {import('./message-row.js').RowView} RowView
 * @typedef {import('../model/snapshot.js').Shown} Shown
 * @typedef {object} Place
 * @property {Promise<import('../parley.js').Parley>} parley
 * @property {import('../parley.js').Parley | null} engine the same, if it is there already
 * @property {import('../model/participants.js').Participants} participants
 * @property {import('../model/clock.js').Clock} clock
 * @property {import('../model/notes.js').Notes} notes
 * @property {import('../model/quotes.js').Quotes} quotes
 * @property {import('../model/voice-player.js').VoicePlayer} player
 */

/** @typedef {import('../parley.js').Message} Message */

/** What is known of a conversation before anything is. */
const nothing = { head: 0n, read: 0n, unread: 0n };
const nearEnd = 48; // px from the end that still count as at the end
/** How many messages are kept over a reload, from one on that the person reads, and before it. */
const keptFrom = 45;
const keptBefore = 15;
const early = 650; // px above and below the screen within which messages are asked for
const smallest = 38; // px that a message is high, at least
const usual = 52; // px that it is high as a rule
const marking = 2000; // ms

/**
 * Fires "retry" and "discard" with the ref of a refused message, "turned-down" with a control entry that was
 * refused, "crossed" with an answer that was since another agent did something meanwhile, "notice" with words for the person,
 * and as MessageMenu and SelectionBar do.
 */
export class MessageList extends HTMLElement {
  #older = element('div', { class: 'older' });
  #rows = element('div', { class: 'rows' });
  /** Stands where newer messages will. */
  #newer = element('p', { class: 'newer', hidden: true }, t.loadingNewer);
  #log = element('div', { class: 'log', role: 'log', tabindex: 0, 'aria-busy': 'true' },
    element('div', { class: 'page' }, this.#older, this.#rows, this.#newer));
  #down = element('button', { class: 'down', type: 'button', hidden: true, onclick: () => this.#toNewest() }, icon('down'), element('span'));
  #up = element('button', { class: 'up', type: 'button', hidden: true, 'aria-label': t.toUnread, title: t.toUnread, onclick: () => this.#toUnread() }, icon('up'), element('span', { 'aria-hidden': 'true' }));
  /** @type {Map<string, RowView>} */
  #views = new Map();
  #place;
  #window;
  #readTracker;
  /** The mark of unread messages stands after this seq; null: nowhere. @type {bigint | null} */
  #unreadAfter = null;
  #name;
  #unread = 0n;
  #read = 0n;
  #min = 0n; // what stands before was deleted
  #head = 0n; // of the conversation when it was opened
  #live = false; // what is shown is the engine's
  #atEnd = true;
  #height = 0; // of what is shown of the log, px
  #placed = false; // the first messages have been scrolled to where reading goes on
  #placedAgain = false; // what was kept stands where it did
  #seeking = false; // nothing is shown before the message that one came for is
  #jumps = 0; // only the last one counts
  /** What one came for last. @type {Element | null} */
  #marked = null;
  #unmarks = 0; // the timer
  /** What was shown before the page was reloaded. */
  #kept;
  #newest = 0n; // seq of the newest message of others
  #heard = 0n; // likewise, of those that were told of, whether the window holds them or not
  #missed = 0n; // unread messages that came below, or that stood there when the list was opened
  #olderState = '';
  #frame = new EachFrame(() => this.#paint());
  #endObserver = new IntersectionObserver(entries => this.#nearEnd(entries), { root: this.#log, rootMargin: `${early}px 0px` });
  #sizeObserver = new ResizeObserver(() => this.#resized());
  /** Among the signs of how far own messages have come. */
  #roving = new RovingFocus(this.#rows, '.state');
  /** Among the buttons for what can be done with each message. */
  #acting = new RovingFocus(this.#rows, '.acts');
  #menu = new MessageMenu();
  #selection = new SelectionBar();
  /** The messages that are chosen, by the ids of their rows; null: none are to be. @type {Map<string, Message> | null} */
  #chosen = null;
  /** @type {WeakMap<Element, Message>} */
  #messages = new WeakMap();
  #midnight = 0;
  #loader;
  #gone = new AbortController();

  /** @param {Place} place @param {Conversation | undefined} conversation @param {Shown | null} kept what was shown before the page was reloaded */
  constructor(place, conversation, kept) {
    super();
    const { parley, engine, participants } = place;
    this.#place = place;
    this.#loader = new AttachmentLoader(parley, place.player, this.#log);
    this.#name = participants.name;
    this.#kept = kept;
    this.#window = new MessageWindow(parley, engine, participants.key, kept, () => !this.#atEnd, () => this.#least, () => this.#most);
    this.#readTracker = new ReadTracker(this.#log, conversation?.read ?? 0n, message => !message.mine && participants.shows(message), seq => {
      parley.then(engine => engine.markRead(participants.key, seq)).catch(error => {
        this.dispatchEvent(new CustomEvent('notice', { detail: t.reasonAlone(reasonOf(error, t.unknownError)), bubbles: true }));
      });
    });
    this.#log.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    place.notes.addEventListener('change', () => this.#frame.want());
    place.quotes.addEventListener('change', () => this.#frame.want());
    this.#listen();
    this.#rows.addEventListener('unfold', () => this.#unfolds());
    this.#rows.addEventListener('open-picture', event => this.#viewPicture(/** @type {CustomEvent<Attachment>} */ (event).detail));
    this.#begin(conversation);
    this.#keepFrom(conversation?.min ?? 0n);
    if (!kept) this.ask(); // the engine answers while the rest of the page is built
  }

  connectedCallback() {
    // The first messages are awaited by the person.
    this.#window.addEventListener('change', () => (this.#placed ? this.#frame.want() : this.#paint()));
    set(this.#log, 'aria-label', t.messagesWith(isolated(this.#name)));
    this.append(this.#log, this.#up, this.#down, this.#selection, this.#menu);
    this.#sizeObserver.observe(this.#log);
    this.#sizeObserver.observe(this.#rows);
    this.#awaitMidnight();
    this.#place.clock.addEventListener('set', () => {
      clearTimeout(this.#midnight);
      this.#awaitMidnight();
      this.#paint();
    }, { signal: this.#gone.signal });
    this.#paint();
  }

  #listen() {
    this.#rows.addEventListener('click', ({ target }) => {
      const button = target instanceof Element ? target.closest('.acts') : null;
      if (!(button instanceof HTMLElement)) return;
      const { left, bottom } = button.getBoundingClientRect();
      this.#openMenu(button, { x: left, y: bottom });
    });
    // With the pointer's other button, a long touch, or the keyboard's key for menus; what is marked, and links, have the browser's.
    const asks = (/** @type {Element} */ target, /** @type {{ x: number, y: number }} */ point) =>
      !target.closest('a, input') && !String(getSelection()) && this.#openMenu(target, point);
    this.#rows.addEventListener('contextmenu', event => {
      const { target, clientX: x, clientY: y, shiftKey } = event;
      if (target instanceof Element && !shiftKey && asks(target, { x, y })) event.preventDefault();
    });
    onLongPress(this.#rows, asks);
    this.#rows.addEventListener('react', event => this.#react(event.target, /** @type {CustomEvent<string>} */ (event).detail));
    this.#rows.addEventListener('jump', event => this.jump(/** @type {CustomEvent<bigint>} */ (event).detail));
    this.#rows.addEventListener('choose-day', event => {
      const { key } = this.#place.participants;
      this.dispatchEvent(new CustomEvent('conversation-act', { detail: { key, act: 'date', day: /** @type {CustomEvent<number>} */ (event).detail }, bubbles: true }));
    });
    this.#rows.addEventListener('choose', event => this.#choose(/** @type {CustomEvent<Message>} */ (event).detail));
  }

  /** @param {EventTarget | null} target */
  #messageAt(target) {
    const row = target instanceof Element ? target.closest('.message') : null;
    return row ? this.#messages.get(row) : undefined;
  }

  /** @param {Element} target @param {{ x: number, y: number }} point */
  #openMenu(target, point) {
    const { participants, clock } = this.#place;
    const message = this.#messageAt(target);
    const button = target.closest('.message')?.querySelector('.acts');
    return message !== undefined && button instanceof HTMLElement
      && this.#menu.open(message, participants, clock.now(), ownReaction(message, participants), point, button);
  }

  /** @param {EventTarget | null} target @param {string} emoji */
  #react(target, emoji) {
    const message = this.#messageAt(target);
    if (message) this.dispatchEvent(new CustomEvent('reaction', { detail: { message, emoji } }));
  }

  /** The newest message of the user's own that can be edited. */
  get lastEditable() {
    const now = this.#place.clock.now();
    return this.#window.messages.findLast(message => isEditable(message, now));
  }

  /** Goes to a message, which may be far above. @param {bigint} seq */
  async jump(seq) {
    if (!await this.#reach(seq)) return;
    const row = this.#rowOf(seq);
    if (!row) return this.#missJump(seq);
    this.#height = this.#log.clientHeight;
    row.scrollIntoView({ block: 'center' });
    this.#scrolled(); // where all of it is in sight, nothing scrolls
    this.#mark(row);
    const acts = row.querySelector('.acts');
    if (acts instanceof HTMLElement) acts.focus({ preventScroll: true });
    else this.focus();
  }

  /** Marks the message that one came for, and no other, for a while. @param {Element} row */
  #mark(row) {
    clearTimeout(this.#unmarks);
    this.#marked?.classList.remove('jumped');
    this.#marked = row;
    row.classList.add('jumped');
    this.#unmarks = setTimeout(() => row.classList.remove('jumped'), marking);
  }

  /** Goes where the person read before the page was loaded; where that is gone, to the end. @param {import('../model/reading-places.js').ReadingPlace} place */
  async returnTo({ seq, top }) {
    if (seq < this.#min || this.#head && seq > this.#head) return;
    if (!await this.#reach(seq)) return;
    const row = this.#rowOf(seq);
    if (row) return this.#standAt(row, top);
    this.#atEnd = true;
    await this.#window.askNewest();
  }

  /** Has the messages around one shown; false if the person goes elsewhere meanwhile. @param {bigint} seq */
  async #reach(seq) {
    const jump = ++this.#jumps;
    this.#atEnd = false;
    this.#seeking = !this.#standing;
    if (!this.message(seq)) await this.#window.askAround(seq, this.#head);
    if (jump !== this.#jumps || !this.isConnected) return false;
    this.#seeking = false;
    this.#placed ||= this.message(seq) !== undefined;
    this.#paint();
    return true;
  }

  /** The row of an entry; null if it is not there. @param {bigint} seq */
  #rowOf(seq) {
    return this.#rows.querySelector(`[data-seq="${seq}"]`) ?? (this.message(seq) && this.#rowAfter(seq)) ?? null;
  }

  /** The row after an entry that has none, or else the last. @param {bigint} seq */
  #rowAfter(seq) {
    const rows = /** @type {HTMLElement[]} */ ([...this.#rows.querySelectorAll('[data-seq]')]);
    return rows.find(({ dataset }) => BigInt(dataset.seq ?? 0) > seq) ?? rows.at(-1);
  }

  /** Says why a message cannot be gone to. @param {bigint} seq */
  #missJump(seq) {
    const { incomplete, head } = this.#window;
    const detail = incomplete ? t.messageNotHad(incomplete) : seq > head ? t.noSuchMessage : t.quoteGone;
    this.dispatchEvent(new CustomEvent('notice', { detail, bubbles: true }));
    this.focus();
  }

  /** Lets the person choose messages, beginning with one; with null no more. @param {Message | null} first */
  select(first) {
    this.#chosen = first && new Map([[idOf(first), first]]);
    this.classList.toggle('selecting', this.#chosen !== null);
    this.#paint();
    if (!first) return;
    const choice = this.#views.get(idOf(first))?.element.querySelector('.chooser');
    if (choice instanceof HTMLElement) choice.focus({ preventScroll: true });
  }

  /** Messages are being chosen. */
  get selecting() {
    return this.#chosen !== null;
  }

  /** Those that are chosen, in the order of the log. */
  get chosen() {
    return [...this.#chosen?.values() ?? []].sort((a, b) => (a.seq && b.seq ? (a.seq < b.seq ? -1 : 1) : a.seq ? -1 : b.seq ? 1 : a.number < b.number ? -1 : 1));
  }

  /** @param {Message} message */
  #choose(message) {
    if (!this.#chosen?.delete(idOf(message))) this.#chosen?.set(idOf(message), message);
    this.#selection.show(this.#chosen && [...this.#chosen.values()]);
  }

  /** Shows what is chosen, of what there still is. @param {import('../model/rows.js').Row[]} rows */
  #paintChosen(rows) {
    for (const row of rows) {
      const view = this.#views.get(row.id);
      if (row.kind !== 'message' || !view || !('choose' in view)) continue;
      const chosen = this.#chosen?.has(row.id) ?? false;
      if (chosen) this.#chosen?.set(row.id, row.message);
      view.choose(this.#chosen && isChoosable(row.message) ? chosen : null);
    }
    for (const message of this.#window.messages) if (message.type === 'recalled') this.#chosen?.delete(idOf(message));
    this.#selection.show(this.#chosen && [...this.#chosen.values()]);
  }

  /** Asks the engine for messages; they take the place of what was kept. */
  ask() {
    this.#window.begin(this.#read, this.#head);
  }

  focus() {
    this.#log.focus({ preventScroll: true });
  }

  /** Shows a picture large, among those that are loaded. @param {Attachment} picture */
  #viewPicture(picture) {
    const pictures = this.#window.messages.filter(({ type }) => type === 'image').flatMap(({ attachments }) => attachments);
    const same = (/** @type {Attachment} */ other) => (picture.id ? other.id === picture.id : other.file === picture.file);
    viewPictures(this, this.#loader, pictures, Math.max(0, pictures.findIndex(same)));
  }

  /** All there is of the conversation is here. */
  get whole() {
    const { loaded, more, newer, incomplete } = this.#window;
    return loaded && !more && !newer && !incomplete;
  }

  /** What is shown, to be kept over a reload; null while nothing is. */
  get shown() {
    const { messages, more, incomplete, head } = this.#window;
    if (!this.#standing) return null;
    const anchor = this.#atEnd ? null : this.#anchor();
    const [id] = [...this.#views].find(([, view]) => view.element === anchor?.element) ?? [];
    const at = anchor && id ? messages.findIndex(message => idOf(message) === id) : -1;
    const first = Math.max(0, at < 0 ? messages.length - keptFrom - keptBefore : at - keptBefore);
    const some = messages.slice(first, at < 0 ? messages.length : at + keptFrom);
    return {
      messages: some, from: at < 0 ? some.length - 1 : at - first, near: this.#near(some), more: more || first > 0 || incomplete !== '', head,
      place: anchor && id && at >= 0 ? { id, top: anchor.top - this.#log.getBoundingClientRect().top } : null,
    };
  }

  /** Which of messages are on the screen, or half of one away: the first, and what follows the last. @param {Message[]} messages @returns {[number, number]} */
  #near(messages) {
    const { top, bottom, height } = this.#log.getBoundingClientRect();
    const isNear = (/** @type {Message} */ message) => {
      const row = this.#views.get(idOf(message))?.element.getBoundingClientRect();
      return row !== undefined && row.bottom > top - height / 2 && row.top < bottom + height / 2;
    };
    return [Math.max(0, messages.findIndex(isNear)), messages.findLastIndex(isNear) + 1];
  }

  /** Messages are there, where the person reads on; the engine's, or what was kept. */
  get #standing() {
    return this.#placed || this.#placedAgain;
  }

  disconnectedCallback() {
    this.#readTracker.close();
    this.#endObserver.disconnect();
    this.#sizeObserver.disconnect();
    this.#frame.cancel();
    clearTimeout(this.#midnight);
    this.#gone.abort();
  }

  /** The highest contiguous seq that was on the screen. */
  get seen() {
    return this.#readTracker.seen;
  }

  /** @param {{ messages: import('../parley.js').Message[], gone: string[] }} change */
  apply(change) {
    const { participants } = this.#place;
    for (const message of change.messages) {
      if (message.seq > this.#heard && participants.counts(message)) this.#heard = message.seq;
    }
    this.#place.quotes.take(change.messages);
    this.#window.apply(change, this.#keep);
    // Whoever sends sees at once that it stands there, and not with the answer.
    if (change.messages.some(({ mine, seq }) => mine && seq === 0n)) this.#paint();
  }

  /** How many messages fill the screen and something above it, as a rule: laying out more would keep who opens the conversation waiting. */
  get #least() {
    return Math.min(longestPage, Math.ceil((innerHeight + early / 3) / usual));
  }

  /** How many messages are held: what is early above and below the screen, and what is asked for at once, however tall that is. */
  get #most() {
    return Math.max(longestPage, Math.ceil((this.#height + 2 * early) / smallest) + stepLength);
  }

  /** Which end of the window may not be dropped. */
  get #keep() {
    return this.#atEnd ? 'end' : 'start';
  }

  /** The message with this seq, if it is there. @param {bigint} seq */
  message(seq) {
    return this.#window.messages.find(message => message.seq === seq);
  }

  /** Takes in the conversation's watermarks. @param {Conversation | undefined} conversation */
  update(conversation) {
    if (!this.#placed) {
      this.#begin(conversation);
      if (!this.#seeking) this.#window.begin(this.#read, this.#head);
    } else if (conversation) {
      this.#read = conversation.read;
      this.#miss(conversation.unread);
    }
    this.#keepFrom(conversation?.min ?? 0n);
    this.#frame.want();
  }

  /** @param {bigint} unread how many there are now */
  #miss(unread) {
    const more = unread - this.#unread;
    this.#unread = unread;
    if (more > 0n && !this.#atEnd) this.#missed += more;
    if (this.#missed > unread) this.#missed = unread;
  }

  /** Messages before a seq were deleted. @param {bigint} min */
  #keepFrom(min) {
    if (min <= this.#min) return;
    this.#min = min;
    this.#window.forget(min);
  }

  /** People have other names than before. */
  rename() {
    this.#name = this.#place.participants.name;
    set(this.#log, 'aria-label', t.messagesWith(isolated(this.#name)));
    this.#paint();
  }

  /** Asks again for what could not be had. */
  tryAgain() {
    if (!this.#window.incomplete) return;
    if (this.#window.newer) this.#window.askNewest();
    else this.#window.askOlder();
  }

  /** Makes way for a message that is being sent: what stands above it has been read. */
  makeWay() {
    this.#jumps++;
    this.#seeking = false;
    this.#unreadAfter = null;
    this.#atEnd = true;
    this.#placed = true;
    this.#window.askNewest();
    this.#paint();
  }

  /** What the person asks for, with the button. */
  #toNewest() {
    if (this.#window.newer) {
      this.#atEnd = true;
      this.#window.askNewest();
    } else {
      this.#toEnd(!matchMedia('(prefers-reduced-motion: reduce)').matches);
    }
    this.focus();
  }

  #toEnd(smooth = false) {
    this.#log.scrollTo({ top: this.#log.scrollHeight, behavior: smooth ? 'smooth' : 'instant' });
  }

  /**
   * Notes where reading goes on. The conversation tells, and that may become
   * known when the list is there already.
   * @param {Conversation | undefined} conversation
   */
  #begin({ head, read, unread } = nothing) {
    this.#read = read;
    this.#readTracker.begin(read);
    this.#unread = this.#missed = unread;
    // The first message ever, which comes while the person looks at an empty list, needs no mark.
    const awaited = this.#window.loaded && unread === 1n && document.hasFocus();
    this.#unreadAfter = unread && !awaited ? read : null;
    this.#head = head;
  }

  #paint() {
    this.#frame.cancel();
    const { loaded, kept } = this.#window;
    const messages = this.#seeking ? [] : this.#window.messages;
    this.#notice();
    const anchor = this.#standing && !this.#atEnd ? this.#anchor() : null;
    const now = this.#place.clock.now();
    // Before there are messages a note would stand alone.
    const notes = loaded ? notesAmong(this.#place.notes.list, this.#window) : [];
    const { participants, quotes } = this.#place;
    const rows = rowsOf(messages, participants, this.#unreadAfter, notes, seq => this.message(seq) ?? quotes.get(seq));
    const elements = rows.map(row => {
      let view = this.#views.get(row.id);
      if (!view) this.#views.set(row.id, view = viewOf(row, this.#loader));
      view.paint(row, now);
      if (row.kind === 'message') this.#messages.set(view.element, row.message);
      if (!kept && 'message' in row && !row.message.mine && view.end) this.#readTracker.watch(view.end, row.message.seq);
      return view.element;
    });
    arrange(this.#rows, elements);
    this.#forget(rows);
    this.#paintChosen(rows);
    if (!this.#rows.contains(document.activeElement)) this.#acting.rest(elements.findLast(row => row.classList.contains('message'))?.querySelector('.acts'));
    if (!this.#rows.contains(document.activeElement)) this.#roving.rest(elements.findLast(row => row.classList.contains('own'))?.querySelector('.state'));
    this.#paintOlder();
    this.#paintNewer();
    this.classList.toggle('loaded', loaded || kept);
    set(this, 'data-kept', kept);
    if (kept && this.#kept && !this.#placedAgain && this.isConnected) this.#placeAgain(this.#kept);
    else if (loaded && !this.#placed && messages.some(({ seq }) => seq > 0n)) this.#placeFirst(anchor);
    else if (anchor?.element.isConnected) this.#log.scrollTop += anchor.element.getBoundingClientRect().top - anchor.top;
    else if (rows.length && (this.#atEnd || anchor) && !this.#window.newer) this.#toEnd(); // where there is no anchor any more, the window moved
    this.#readOn();
    this.#paintButtons();
    this.#stay();
    this.#calm();
    if (kept) return;
    this.#markLive();
    for (const message of messages.filter(isTurnedDown)) this.dispatchEvent(new CustomEvent('turned-down', { detail: message }));
    for (const message of messages.filter(isCrossed)) this.dispatchEvent(new CustomEvent('crossed', { detail: message }));
  }

  #readOn() {
    const { messages, loaded, kept, more, incomplete } = this.#window;
    if (!kept && !this.#seeking) this.#readTracker.update(messages, loaded && !more && !incomplete, this.#read);
  }

  /** Pages of old messages are not to be read out, only what comes live. */
  #calm() {
    const busy = () => this.#window.loading || this.#window.kept;
    if (busy()) set(this.#log, 'aria-busy', 'true');
    else requestAnimationFrame(() => set(this.#log, 'aria-busy', String(busy())));
  }

  /** Notes, once, when the engine's messages were painted. */
  #markLive() {
    if (this.#live || !this.#window.loaded) return;
    this.#live = true;
    requestAnimationFrame(() => mark('messages live'));
  }

  /** Notices messages of others that came since the last painting. */
  #notice() {
    const { participants } = this.#place;
    const held = this.#window.messages.findLast(message => message.seq > 0n && participants.counts(message))?.seq ?? 0n;
    const newest = held > this.#heard ? held : this.#heard;
    if (newest <= this.#newest) return;
    const before = this.#newest;
    this.#newest = newest;
    if (!this.#standing) return;
    // Whoever comes back to the page finds where the new ones begin.
    if (!document.hasFocus() && this.#unreadAfter === null && before <= this.#read) this.#unreadAfter = this.#read;
  }

  /** @param {import('../model/rows.js').Row[]} rows */
  #forget(rows) {
    if (this.#views.size === rows.length) return;
    const shown = new Set(rows.map(({ id }) => id));
    for (const [id, { end }] of this.#views) {
      if (shown.has(id)) continue;
      this.#views.delete(id);
      if (end) this.#readTracker.forget(end);
    }
  }

  /** Shows what was kept where it stood. @param {Shown} kept */
  #placeAgain({ place }) {
    this.#placedAgain = true;
    requestAnimationFrame(() => mark('messages painted'));
    const row = place && this.#views.get(place.id)?.element;
    if (!row) return this.#placeWhereReadingGoesOn();
    this.#standAt(row, place.top);
  }

  /** Scrolls a row to where it stood. @param {Element} row @param {number} top px below that of the list */
  #standAt(row, top) {
    this.#log.scrollTop += row.getBoundingClientRect().top - this.#log.getBoundingClientRect().top - top;
    this.#height = this.#log.clientHeight;
    this.#scrolled();
  }

  /** Shows the engine's first page: where what was kept of it stands, else where reading goes on. @param {{ element: Element, top: number } | null} anchor */
  #placeFirst(anchor) {
    this.#placed = true;
    requestAnimationFrame(() => mark('messages painted'));
    if (anchor?.element.isConnected) this.#log.scrollTop += anchor.element.getBoundingClientRect().top - anchor.top;
    else this.#placeWhereReadingGoesOn();
  }

  /** Scrolls to the first unread message, or else to the end. */
  #placeWhereReadingGoesOn() {
    this.#toEnd();
    const unread = this.#rows.querySelector('.separator.unread');
    const above = unread ? this.#log.getBoundingClientRect().top - unread.getBoundingClientRect().top : -Infinity;
    if (above > -16) this.#log.scrollTop -= above + 16;
    this.#height = this.#log.clientHeight;
    this.#scrolled();
  }

  /** The first message on the screen, and where it is. */
  #anchor() {
    const top = this.#log.getBoundingClientRect().top;
    const rows = this.#rows.children;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle].getBoundingClientRect().bottom > top) high = middle;
      else low = middle + 1;
    }
    // Separators come and go.
    while (rows[low] && !rows[low].classList.contains('message')) low++;
    const row = rows[low];
    return row ? { element: row, top: row.getBoundingClientRect().top } : null;
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    // A change of size scrolls too; it is answered by #resized.
    if (clientHeight === this.#height) this.#atEnd = scrollHeight - scrollTop - clientHeight <= nearEnd && !this.#window.newer;
    if (this.#atEnd) this.#missed = 0n;
    this.#paintButtons();
    this.#stay();
  }

  /** Whoever stays at the end has read all before it. */
  #stay() {
    this.#readTracker.stay(this.#atEnd && this.#placed && !this.#window.newer && !this.#window.kept);
  }

  /** A long message is going to show more, or less: the person reads on where it stands. */
  #unfolds() {
    this.#atEnd = false;
    requestAnimationFrame(() => this.#scrolled());
  }

  #resized() {
    if (this.#standing && this.#atEnd) this.#toEnd();
    this.#height = this.#log.clientHeight;
  }

  #paintButtons() {
    this.#paintDown();
    this.#paintUp();
  }

  /** Tells of unread messages that stand above the screen. */
  #paintUp() {
    const unread = this.#placed && this.#unread > 0n;
    const row = unread ? this.#firstUnread() : null;
    const above = row !== null && row.getBoundingClientRect().bottom <= this.#log.getBoundingClientRect().top;
    hide(this.#up, !above && !(unread && this.#unreadBefore));
    const words = this.#up.lastElementChild;
    if (words) text(words, t.unreadAbove(shortCount(this.#unread)));
  }

  #firstUnread() {
    const { next } = this.#readTracker;
    return next ? this.#rows.querySelector(`[data-seq="${next}"]`) : null;
  }

  /** What follows the last that was seen stands before all that is held. */
  get #unreadBefore() {
    const { messages, more } = this.#window;
    const first = messages.find(({ seq }) => seq > 0n)?.seq ?? 0n;
    return more && this.#readTracker.reached + 1n < first;
  }

  #toUnread() {
    if (this.#unreadBefore) return this.jump(this.#readTracker.reached + 1n);
    this.#firstUnread()?.scrollIntoView({ block: 'start' });
    this.focus();
  }

  #paintDown() {
    hide(this.#down, this.#atEnd || !this.#standing);
    const missed = this.#missed > 0n;
    this.#down.classList.toggle('missed', missed);
    set(this.#down, 'aria-label', missed ? null : t.toNewest);
    set(this.#down, 'title', missed ? null : t.toNewest);
    const words = this.#down.lastElementChild;
    if (words) text(words, missed ? t.newMessages(Number(this.#missed)) : '');
  }

  /** What stands above the first message: loading, trouble, the beginning, or who to say hello to. */
  #paintOlder() {
    const { loaded, loading, kept, incomplete, more, messages } = this.#window;
    const state = incomplete ? `incomplete ${incomplete}`
      : kept ? (more ? 'more kept' : 'beginning')
      : loading ? (loaded ? 'loading' : 'first')
      : more ? 'more'
      : this.#min > 1n ? 'kept'
      : messages.length ? 'beginning' : `empty ${this.#name} ${this.#place.participants.greeting}`;
    if (state === this.#olderState) return;
    this.#olderState = state;
    this.#older.className = `older ${state.split(' ')[0]}`;
    this.#older.replaceChildren(...this.#olderContent(state));
    // Observed anew, it is reported again if the page did not fill the screen.
    this.#endObserver.unobserve(this.#older);
    if (more && !loading && !kept && !incomplete) this.#endObserver.observe(this.#older);
  }

  /** What stands below the last message while newer ones are on their way. */
  #paintNewer() {
    const { newer, loading, kept, incomplete } = this.#window;
    hide(this.#newer, !newer);
    this.#endObserver.unobserve(this.#newer); // as above
    if (newer && !loading && !kept && !incomplete) this.#endObserver.observe(this.#newer);
  }

  /** @param {string} state */
  #olderContent(state) {
    switch (state.split(' ')[0]) {
      case 'incomplete':
        return [element('p', { dir: 'auto' }, t.incomplete(this.#window.incomplete)),
          element('button', { class: 'link-button', type: 'button', onclick: () => this.tryAgain() }, t.tryAgain)];
      case 'loading':
      case 'more':
        return [element('p', {}, t.loadingOlder)];
      case 'kept':
        return [element('p', {}, t.keptFrom)];
      case 'beginning':
        return [element('p', {}, t.beginning)];
      case 'empty':
        return [icon('bubbles'), element('p', { class: 'empty-title' }, t.noMessages),
          element('p', { class: 'greeting', dir: 'auto' }, this.#place.participants.greeting || t.noMessagesHint(isolated(this.#name)))];
    }
    return [];
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #nearEnd(entries) {
    const { more, newer, incomplete } = this.#window;
    if (!this.#placed || incomplete) return;
    const near = new Set(entries.filter(({ isIntersecting }) => isIntersecting).map(({ target }) => target));
    if (more && near.has(this.#older)) this.#window.askOlder();
    else if (newer && near.has(this.#newer)) this.#window.askNewer();
  }

  /** Today becomes yesterday. */
  #awaitMidnight() {
    this.#midnight = setTimeout(() => {
      this.#paint();
      this.#awaitMidnight();
    }, untilMidnight(this.#place.clock.now()) + 1000);
  }
}

customElements.define('message-list', MessageList);
