// @ts-check
// What one can do with one message.

/**
 * @typedef {import('../parley.js').Message} Message
 * @typedef {import('./participants.js').Participants} Participants
 * @typedef {'reply' | 'quoted' | 'edit' | 'copy' | 'link' | 'forward' | 'select' | 'recall'} MessageAct
 */

/** Entries that only speak of others. */
const speaking = new Set(['edit', 'recall', 'react']);

/** Whether an entry only speaks of another, which is shown as it is then. @param {Message} message */
export const speaksOfAnother = ({ type }) => speaking.has(type);

/** Whether it is what a person wrote to the other side, and is on its way or there. @param {Message} message */
const isWritten = ({ type, state }) => ['text', 'image', 'file', 'voice', 'unknown'].includes(type) && state !== 'refused';

/** Whether one can answer it with an emoji. @param {Message} message */
export const takesReactions = message => isWritten(message) && message.seq > 0n;

/** Whether it can be chosen among several, and passed on: there is something to it, and the server has that. @param {Message} message */
export const isChoosable = message => isWritten(message) && (message.content !== '' || message.attachments.length > 0) && message.attachments.every(({ id }) => id !== 0n);

/** @param {Message} message @param {Participants} participants @param {number} now @returns {MessageAct[]} */
export function actsOnMessage(message, participants, now) {
  if (message.type === 'note') return ['copy'];
  if (!isWritten(message)) return [];
  /** @type {MessageAct[]} */
  const acts = [];
  if (message.seq > 0n && !participants.gone) acts.push('reply');
  if (message.quote) acts.push('quoted');
  if (isEditable(message, now)) acts.push('edit');
  if (message.content) acts.push('copy');
  if (message.seq > 0n) acts.push('link');
  if (isChoosable(message)) acts.push('forward', 'select');
  if (now < message.changeableUntil) acts.push('recall');
  return acts;
}

/** @param {Message} message @param {number} now */
export function isEditable(message, now) {
  return message.mine && message.type === 'text' && isWritten(message) && now < message.changeableUntil;
}
