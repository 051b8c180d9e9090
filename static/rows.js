// @ts-check
// What the message list shows, row by row: days, gaps, authors' groups.
import { dayOf } from './labels.js';

/**
 * @typedef {import('./parley.js').Message} Message
 * @typedef {{ kind: 'day', id: string, time: number }
 *   | { kind: 'gap' | 'unread', id: string }
 *   | { kind: 'message', id: string, message: Message, own: boolean, author: string, first: boolean, last: boolean }} Row
 * first and last tell where a group of one author's messages begins and ends.
 */

const groupSpan = 5 * 60_000; // ms between messages of one group

/**
 * @param {Message[]} messages in the order to show
 * @param {object} view
 * @param {bigint} view.me
 * @param {bigint | null} view.unreadAfter the mark of unread messages stands before the first foreign message after this seq
 * @param {(sender: bigint) => string} view.nameOf
 * @returns {Row[]}
 */
export function rowsOf(messages, { me, unreadAfter, nameOf }) {
  /** @type {Row[]} */
  const rows = [];
  /** @type {Set<number>} */
  const days = new Set();
  let lastDay = NaN;
  let marked = unreadAfter === null;
  /** @type {Extract<Row, { kind: 'message' }> | null} */
  let previous = null;
  for (const [i, message] of messages.entries()) {
    const own = message.sender === me;
    const day = dayOf(message.time);
    if (day !== lastDay) {
      lastDay = day;
      rows.push({ kind: 'day', id: dayID(day, message, days), time: message.time });
      previous = null;
    }
    // Before the first row the list itself tells whether there is more.
    if (message.gap && i > 0) {
      rows.push({ kind: 'gap', id: `gap:${idOf(message)}` });
      previous = null;
    }
    if (!marked && !own && message.seq > /** @type {bigint} */ (unreadAfter)) {
      rows.push({ kind: 'unread', id: 'unread' });
      marked = true;
      previous = null;
    }
    /** @type {boolean} */
    const follows = previous !== null && previous.message.sender === message.sender
      && message.time - previous.message.time < groupSpan;
    if (previous && follows) previous.last = false;
    previous = { kind: 'message', id: idOf(message), message, own, author: nameOf(message.sender), first: !follows, last: true };
    rows.push(previous);
  }
  return rows;
}

/** What stays the same of a message from the moment Send is pressed. @param {Message} message */
export function idOf({ ref, sender, seq }) {
  return ref ? `${sender}:${ref}` : String(seq);
}

/**
 * The same as long as the day is shown. Clocks never order, so a day may come twice.
 * @param {number} day @param {Message} message @param {Set<number>} days
 */
function dayID(day, message, days) {
  if (days.has(day)) return `day:${day}:${idOf(message)}`;
  days.add(day);
  return `day:${day}`;
}
