// @ts-check
// A message as a line of an export: JSON, in which ids are strings, as no number of JSON is sure to hold one.
import { cutBefore } from '../texts/foreign-text.js';

/** @typedef {import('../parley.js').Message} Message */

const longestName = 80; // UTF-16 units

/** One line, with its end. @param {Message} message @param {string} author what the person sees as its author's name */
export function recordOf(message, author) {
  const { key, seq, id, type, sender, time, content, mine, agent, target, extend, quote, of, edited, reactions, mentions, members, memberNames } = message;
  const attachments = message.attachments.map(attachment => {
    const { id, name, mediaType, size, width, height, duration } = attachment;
    return { id, name, mediaType, size, width, height, duration, file: fileOf(attachment) };
  });
  const record = {
    key, seq, id, type, sender, author, mine, time, content, agent, target, extend, quote, of, edited, reactions, mentions, members, memberNames, attachments,
  };
  return JSON.stringify(record, (_, value) => (typeof value === 'bigint' ? String(value) : value)) + '\n';
}

/** Where an attachment stands in the archive. @param {import('../parley.js').Attachment} attachment */
export function fileOf({ id, name }) {
  const safe = fileName(name);
  return `attachments/${id}${safe && '-'}${safe}`;
}

/** What every system takes as a file's name of a name that anybody may have given. @param {string} name */
export function fileName(name) {
  const safe = name.replace(/[\\/:*?"<>|\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, '_').replace(/^[\s.]+|[\s.]+$/g, '');
  const dot = safe.lastIndexOf('.');
  const ending = dot > 0 && safe.length - dot <= 10 ? safe.slice(dot) : '';
  const stem = ending ? safe.slice(0, dot) : safe;
  return stem.slice(0, cutBefore(stem, longestName)) + ending;
}
