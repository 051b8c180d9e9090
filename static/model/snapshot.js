// @ts-check
// What was shown last, kept over a reload and for the next visit, so that there is something to read before
// the engine has answered: the first conversations, and of the open one the messages around those on the
// screen. It is a picture: nothing counts as read by it, and what the engine says takes its place. Whatever is
// odd about what is found is reason to drop it; the page then starts without.
import { keepsIdentity, storedIdentity } from './identity.js';

/**
 * @typedef {import('../parley.js').Conversation} Conversation
 * @typedef {import('../parley.js').Message} Message
 * @typedef {object} Shown the messages of the open conversation
 * @property {string} key
 * @property {Conversation | null} conversation
 * @property {Message[]} messages in the order to show
 * @property {number} [from] the one from which on they are kept, while there is room; by default the last
 * @property {[number, number]} [near] those to keep at most, from one on and up to another: each costs a start its time
 * @property {boolean} more older ones exist before the first
 * @property {bigint} head the highest seq that was told of
 * @property {Place | null} place where the person read; null at the end
 * @typedef {{ id: string, top: number }} Place a row's id, and how far below the top of the list it began, px
 * @typedef {object} Snapshot
 * @property {bigint} user whose it is
 * @property {bigint} unread messages in all conversations
 * @property {number} archived how many conversations are
 * @property {boolean} agent the user answers for a service
 * @property {Conversation[]} conversations
 * @property {[bigint, string][]} names of people beside those whom the conversations name
 * @property {Shown | null} open
 */

const place = 'parley.snapshot';
const stores = /** @type {const} */ (['sessionStorage', 'localStorage']); // of this tab, and of all
const version = 6; // rises when what is kept means something else
const mostLength = 64 << 10; // UTF-16 units
const lowest = { conversation: 56, message: 32 }; // px: a screen holds no more of them than have this height, of which each costs a start its time
const rows = 20; // conversations of each list, at most
const pause = 2000; // ms that changes are gathered for

/**
 * What is kept for a user: by this tab or, for a new one, by that which kept last; null if nothing, and if it is
 * not as this version keeps it.
 * @param {bigint} user @returns {Snapshot | null}
 */
export function readSnapshot(user) {
  for (const name of stores) {
    try {
      const text = globalThis[name].getItem(place);
      if (text === null) continue;
      const snapshot = parse(text);
      if (snapshot.user === user) return snapshot;
    } catch {
      // It is not there to be read, or of another version, or damaged.
    }
    forget(name);
  }
  return null;
}

/**
 * What is shown now, of an agent both lists.
 * @param {import('./page-context.js').PageContext} context @param {import('./conversations.js').Conversations} conversations
 * @param {boolean} agent @param {Shown | null} open
 * @returns {Snapshot}
 */
export function snapshotOf({ me, names }, { own, queue, unread, archivedCount }, agent, open) {
  const conversations = agent ? alternately(queue.all.slice(0, rows), own.all.slice(0, rows)) : own.all.slice(0, rows);
  const messages = [...open?.messages ?? [], ...conversations.map(({ last }) => last)];
  const people = new Set(messages.flatMap(message => (message ? [message.agent, message.target, message.recalledBy, ...message.reactions.map(({ user }) => user)] : [])));
  return { user: me, unread, archived: archivedCount, agent, conversations, open, names: [...people].filter(id => names.bare(id)).map(id => [id, names.bare(id)]) };
}

/** One of each in turn, so that whoever takes the first ones has some of both. @template T @param {readonly T[]} a @param {readonly T[]} b */
function alternately(a, b) {
  const both = [];
  for (let i = 0; i < Math.max(a.length, b.length); i++) both.push(...a.slice(i, i + 1), ...b.slice(i, i + 1));
  return both;
}

export function forgetSnapshot() {
  stores.forEach(forget);
}

/** @param {typeof stores[number]} name */
function forget(name) {
  try {
    globalThis[name].removeItem(place);
  } catch {
    // Nothing is kept, nor was.
  }
}

/** @param {typeof stores[number]} name @param {string} text */
function keep(name, text) {
  try {
    // A page is hidden by one that starts, which all that is written would slow down.
    if (globalThis[name].getItem(place) !== text) globalThis[name].setItem(place, text);
  } catch {
    forget(name); // there is no room, and what was kept before is old
  }
}

/** Keeps what a user is shown: a while after it changed, and when the page is left or hidden. */
export class SnapshotKeeper {
  #user;
  #take;
  #timer = 0;
  #closed = new AbortController();

  /** @param {bigint} user @param {() => Snapshot | null} take null while the engine has not answered: what is kept stays */
  constructor(user, take) {
    this.#user = user;
    this.#take = take;
    const { signal } = this.#closed;
    addEventListener('pagehide', () => this.#keep(), { signal });
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'hidden') this.#keep();
    }, { signal });
  }

  /** Something else is shown. */
  changed() {
    if (this.#timer || this.#closed.signal.aborted) return;
    this.#timer = setTimeout(() => {
      if ('requestIdleCallback' in globalThis) requestIdleCallback(() => this.#keep(), { timeout: pause });
      else this.#keep();
    }, pause);
  }

  /** Keeps nothing any more. */
  close() {
    clearTimeout(this.#timer);
    this.#closed.abort();
    forgetSnapshot();
  }

  #keep() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#closed.signal.aborted) return;
    // Another tab may have signed out, or the site's data been deleted, of which this page has not heard.
    if (!keepsIdentity() || storedIdentity()?.id !== this.#user) return forgetSnapshot();
    const snapshot = this.#take();
    if (!snapshot) return;
    const text = textOf(snapshot);
    for (const name of stores) keep(name, text);
  }
}

/** How many of a kind a screen may show. @param {number} height px, of the lowest */
function screenful(height) {
  return Math.ceil(innerHeight / height);
}

/** As it is kept: as much as there is room for. @param {Snapshot} snapshot */
function textOf(snapshot) {
  const { open: whole, ...rest } = snapshot;
  const conversations = rest.conversations.slice(0, screenful(lowest.conversation)); // which do not have all of its height
  let text;
  do {
    text = JSON.stringify({ version, ...rest, conversations, open: null }, plain);
  } while (text.length > mostLength / 2 && conversations.length && conversations.splice(conversations.length >> 1));
  if (!whole) return text;
  const { from = whole.messages.length - 1, near: [first, end] = [0, whole.messages.length], ...open } = whole;
  const messages = fitting(open.messages.slice(first, end), from - first, mostLength - text.length - JSON.stringify({ ...open, messages: [] }, plain).length);
  if (messages.length === 0) return text;
  const more = open.more || messages[0] !== open.messages[0];
  return JSON.stringify({ version, ...rest, conversations, open: { ...open, messages, more } }, plain);
}

/** Messages that follow one another, so many as there is room for: from one on, then those above it. @param {Message[]} messages @param {number} from @param {number} room UTF-16 units */
function fitting(messages, from, room) {
  let [first, end] = [from, from];
  const most = screenful(lowest.message) + 4; // a few above or below
  /** @param {number} i */
  const fits = i => i in messages && end - first < most && (room -= JSON.stringify(messages[i], plain).length + 1) >= 0;
  while (fits(end)) end++;
  while (fits(first - 1)) first--;
  return messages.slice(first, end);
}

/** JSON has no BigInt. @param {string} _name @param {unknown} value */
function plain(_name, value) {
  return typeof value === 'bigint' ? String(value) : value;
}

// ------------------------------------------------------- what it looks like

/** Each takes a value of JSON and returns what stands for it; throws if that is nothing of the kind. @typedef {(value: any) => any} Kind */

/** @param {any} value @param {boolean} right */
function want(value, right) {
  if (!right) throw new TypeError(`${value} is not what was kept`);
  return value;
}

/** @type {Kind} */
const text = value => want(value, typeof value === 'string');
/** @type {Kind} */
const flag = value => want(value, typeof value === 'boolean');
/** @type {Kind} */
const number = value => want(value, Number.isFinite(value));
/** Unix milliseconds. @type {Kind} */
const time = value => want(value, Number.isFinite(value) && value >= 0 && value < 8.64e15);
/** @type {Kind} */
const id = value => {
  want(value, /^(0|[1-9]\d{0,19})$/.test(text(value)) && BigInt(value) < 2n ** 64n);
  return BigInt(value);
};
/** @param {...any} values @returns {Kind} */
const oneOf = (...values) => value => want(value, values.includes(value));
/** @param {Kind} kind @returns {Kind} */
const orNull = kind => value => (value === null ? null : kind(value));
/** @param {Kind} kind @returns {Kind} */
const list = kind => value => want(value, Array.isArray(value)).map(kind);
/** @param {Record<string, Kind>} fields @returns {Kind} */
const object = fields => {
  const kinds = Object.entries(fields);
  return value => {
    want(value, typeof value === 'object' && value !== null);
    return Object.fromEntries(kinds.map(([name, kind]) => [name, kind(value[name])]));
  };
};

const key = (/** @type {any} */ value) => want(value, /^([ds]:\d+:\d+|g:\d+|(?![dsg]:)[^:]+:.*)$/s.test(text(value)));
const attachment = object({
  id, name: text, mediaType: text, size: number, width: number, height: number, preview: text, duration: number, waveform: text, file: text, uploaded: number, place: text,
});
const message = object({
  key, seq: id, id, sender: id, receiver: id, content: text, time, deliveredTime: time, readTime: time, seen: id, ref: text, number: id,
  state: oneOf('pending', 'sent', 'delivered', 'read', 'refused', 'received'), reason: text, reasonCode: text, reasonArgs: list(text), gap: flag, type: text, mine: flag,
  agent: id, target: id, extend: text, quote: id, of: id, edited: time, reactions: list(object({ user: id, emoji: text })), recalledBy: id, changeableUntil: time, changing: flag,
  senderName: text, mentions: list(id), mentionsMe: flag, members: list(id), memberNames: list(text), readBy: number, readOf: number,
  attachments: list(attachment), paused: flag,
});
const conversation = object({
  key, peer: id, peerName: text, head: id, min: id, read: id, delivered: id, peerRead: id, peerDelivered: id, unread: id,
  waitingSince: time, awaitingSince: time, last: orNull(message), unsent: number, waitingSeq: id, awaitingSeq: id, service: number, agent: flag,
  customer: id, assignee: id, assigneeName: text, closed: oneOf('open', 'resolved', 'no-reply-needed', 'moved'), lastAnswer: id, lastAnswerBy: id, notes: id,
  blocked: flag, pinned: flag, muted: flag, archived: flag, markedUnread: flag, group: id, picture: id, role: text, memberCount: number, mentions: id,
});
const snapshotKind = object({
  version: oneOf(version), user: id, unread: id, archived: number, agent: flag, conversations: list(conversation),
  names: list(pair => [id(pair[0]), text(pair[1])]),
  open: orNull(object({
    key, conversation: orNull(conversation), messages: list(message), more: flag, head: id, place: orNull(object({ id: text, top: number })),
  })),
});

/** @param {string} kept @returns {Snapshot} */
function parse(kept) {
  want(kept.length, kept.length <= 2 * mostLength);
  const snapshot = snapshotKind(JSON.parse(kept));
  if (snapshot.open) want('the order', inOrder(snapshot.open));
  return snapshot;
}

/** Confirmed messages of one conversation by seq, then those that are not. @param {Shown} open */
function inOrder({ key, messages }) {
  return messages.length > 0 && messages.every((message, i) => message.key === key
    && (i === 0 || message.seq === 0n || messages[i - 1].seq > 0n && message.seq > messages[i - 1].seq));
}
