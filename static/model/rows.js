// @ts-check
// What the message list shows, row by row: days, gaps, authors' groups.
import { dayOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { systemWords } from '../texts/system-words.js';
import { speaksOfAnother } from './message-acts.js';
import { isSystemMessage } from './participants.js';
import { quotedOf } from './quotes.js';
import { reactedOf } from './reactions.js';
import { hashOfService } from './route.js';

/**
 * @typedef {import('../parley.js').Message} Message
 * @typedef {import('../parley.js').Note} Note
 * @typedef {import('./participants.js').Participants} Participants
 * @typedef {{ kind: 'day', id: string, time: number }
 *   | { kind: 'gap' | 'unread', id: string }
 *   | { kind: 'control', id: string, message: Message, words: string, link: { href: string, words: string } | null, excerpt: { author: string, content: string }[] }
 *   | { kind: 'note', id: string, note: Note, author: string, mine: boolean }
 *   | MessageRow} Row
 * @typedef {object} MessageRow
 * @property {'message'} kind
 * @property {string} id
 * @property {Message} message
 * @property {boolean} ours written by the user's side
 * @property {string} author
 * @property {boolean} named the author is shown, not only spoken
 * @property {boolean} first a group of one author's messages begins here
 * @property {boolean} last and ends here
 * @property {'' | 'unread' | 'read' | 'group'} receipt what stands beside it in words
 * @property {import('./quotes.js').Quoted | null} quoted what it quotes
 * @property {import('./reactions.js').Reacted[]} reacted
 */

const groupSpan = 5 * 60_000; // ms between messages of one group

/**
 * @param {Message[]} messages in the order to show
 * @param {Participants} participants
 * @param {bigint | null} unreadAfter the mark of unread messages stands before the first foreign message after this seq
 * @param {Note[]} [notes] those that stand among these messages, by the entries behind which they stand
 * @param {(seq: bigint) => Message | null | undefined} [quoted] finds what is quoted, see Quotes
 * @returns {Row[]}
 */
export function rowsOf(messages, participants, unreadAfter, notes = [], quoted = () => null) {
  const rows = new Rows(participants, unreadAfter, messages.findLast(isReadByThem), quoted);
  let gap = false;
  let noted = 0;
  for (const [i, message] of messages.entries()) {
    for (; noted < notes.length && (message.seq === 0n || notes[noted].after < message.seq); noted++) rows.addNote(notes[noted]);
    // Before the first row the list itself tells whether there is more.
    gap ||= message.gap && i > 0;
    if (!participants.shows(message) || isTurnedDown(message)) continue;
    rows.add(message, gap);
    gap = false;
  }
  for (const note of notes.slice(noted)) rows.addNote(note);
  return rows.list;
}

/**
 * The notes that stand among the messages of a window: not those behind entries before or after it.
 * @param {Note[]} notes @param {{ messages: Message[], more: boolean, newer: boolean }} window
 */
export function notesAmong(notes, { messages, more, newer }) {
  const first = messages.find(({ seq }) => seq > 0n)?.seq ?? 0n;
  const last = messages.findLast(({ seq }) => seq > 0n)?.seq ?? 0n;
  return notes.filter(({ after }) => (!more || after >= first) && (!newer || after < last));
}

/** What was refused is told in a notice; it never came to be. @param {Message} message */
export function isTurnedDown(message) {
  return message.state === 'refused' && (isSystemMessage(message) || speaksOfAnother(message));
}

/** @param {Message} message @param {Participants} participants @returns {Row} */
function controlRow(message, participants) {
  const key = participants.elsewhere(message);
  const link = key ? {
    href: participants.agent ? `#/c/${key}` : hashOfService(Number(message.target)), words: t.goTo(participants.otherService(message)),
  } : null;
  const excerpt = message.type === 'moved' ? excerptOf(message).map(({ agent, content }) => ({ author: agent ? participants.otherService(message) : participants.name, content })) : [];
  // What was taken back was another kind of row before.
  const id = message.type === 'recalled' ? `${idOf(message)}:recalled` : idOf(message);
  return { kind: 'control', id, message, words: systemWords(message, participants), link, excerpt };
}

/** What was written last where it comes from. @param {Message} message @returns {{ agent: boolean, content: string }[]} */
function excerptOf({ extend }) {
  try {
    const { excerpt } = JSON.parse(extend);
    return excerpt.map((/** @type {any} */ { agent, content }) => ({ agent: agent === true, content: String(content) }));
  } catch {
    return [];
  }
}

class Rows {
  /** @type {Row[]} */
  list = [];
  #participants;
  #unreadAfter;
  #marked;
  #newestRead;
  #quoted;
  /** @type {Set<number>} */
  #days = new Set();
  #day = NaN;
  /** @type {MessageRow | null} */
  #previous = null;

  /**
   * @param {Participants} participants @param {bigint | null} unreadAfter @param {Message | undefined} newestRead
   * @param {(seq: bigint) => Message | null | undefined} quoted
   */
  constructor(participants, unreadAfter, newestRead, quoted) {
    this.#quoted = quoted;
    this.#participants = participants;
    this.#unreadAfter = unreadAfter ?? 0n;
    this.#marked = unreadAfter === null;
    this.#newestRead = newestRead;
  }

  /** @param {Note} note */
  addNote(note) {
    const id = `note:${note.id}`;
    this.#turnDay(note.time, id);
    this.#separate({ kind: 'note', id, note, author: this.#participants.agentName(note.author), mine: this.#participants.isMe(note.author) });
  }

  /** @param {number} time @param {string} id of what is of that day */
  #turnDay(time, id) {
    const day = dayOf(time);
    if (day === this.#day) return;
    this.#day = day;
    this.#separate({ kind: 'day', id: this.#dayID(day, id), time });
  }

  /** @param {Message} message @param {boolean} gap */
  add(message, gap) {
    this.#turnDay(message.time, idOf(message));
    if (gap) this.#separate({ kind: 'gap', id: `gap:${idOf(message)}` });
    if (!this.#marked && this.#participants.counts(message) && message.seq > this.#unreadAfter) {
      this.#separate({ kind: 'unread', id: 'unread' });
      this.#marked = true;
    }
    if (isSystemMessage(message)) this.#separate(controlRow(message, this.#participants));
    else this.#group(message);
  }

  /** @param {Row} row */
  #separate(row) {
    this.list.push(row);
    this.#previous = null;
  }

  /** @param {Message} message */
  #group(message) {
    const participants = this.#participants;
    const before = this.#previous;
    const follows = before !== null && participants.authorKey(before.message) === participants.authorKey(message)
      && message.time - before.message.time < groupSpan;
    if (before && follows) before.last = false;
    const ours = participants.ours(message);
    this.#previous = {
      kind: 'message', id: idOf(message), message, ours, author: participants.authorOf(message), named: !message.mine && (ours || participants.group),
      first: !follows, last: true, receipt: this.#receipt(message),
      quoted: message.quote ? quotedOf(message.quote, this.#quoted(message.quote), participants) : null,
      reacted: reactedOf(message.reactions, participants),
    };
    this.list.push(this.#previous);
  }

  /** @param {Message} message */
  #receipt(message) {
    if (!message.mine || message.type === 'note') return '';
    if (this.#participants.group) return message.readOf ? 'group' : '';
    if (message === this.#newestRead) return 'read';
    return message.state === 'sent' || message.state === 'delivered' ? 'unread' : '';
  }

  /** The same as long as the day is shown. Clocks never order, so a day may come twice. @param {number} day @param {string} id of what begins it */
  #dayID(day, id) {
    if (this.#days.has(day)) return `day:${day}:${id}`;
    this.#days.add(day);
    return `day:${day}`;
  }
}

/** An answer that was refused, since another agent did something that its author had not seen. @param {Message} message */
export function isCrossed({ state, reasonCode, type, mine }) {
  return mine && state === 'refused' && type === 'text' && reasonCode in t.crossed;
}

/** @param {Message} message */
function isReadByThem(message) {
  return message.mine && message.state === 'read' && message.type !== 'note' && !isSystemMessage(message);
}

/** What stays the same of a message from the moment Send is pressed. @param {Message} message */
export function idOf({ ref, sender, seq }) {
  return ref ? `${sender}:${ref}` : String(seq);
}
