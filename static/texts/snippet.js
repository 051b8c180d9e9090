// @ts-check
// What a search shows of a message: some of it around what was found first.
import { cutBefore, presentable } from './foreign-text.js';
import { briefly } from './labels.js';

const before = 30; // UTF-16 units before the first mark
const most = 160; // UTF-16 units in all

/**
 * Its parts in their order.
 * @param {import('../parley.js').Hit} hit @returns {{ words: string, marked: boolean }[]}
 */
export function snippetOf({ message, marks }) {
  const { content, attachments } = message;
  if (!marks.length) {
    const names = attachments.map(({ name }) => name).filter(Boolean);
    return [{ words: briefly(content ? message : { ...message, content: names.join(', ') }, most), marked: false }];
  }
  const from = marks[0].start > before ? cutBefore(content, marks[0].start - before) : 0;
  const end = from + cutBefore(content.slice(from), most);
  const parts = from > 0 ? [{ words: '…', marked: false }] : [];
  let at = from;
  for (const { start, end: stop } of marks) {
    if (start >= end) break;
    parts.push({ words: content.slice(at, start), marked: false }, { words: content.slice(start, Math.min(stop, end)), marked: true });
    at = Math.min(stop, end);
  }
  parts.push({ words: content.slice(at, end), marked: false });
  return parts.filter(({ words }) => words).map(({ words, marked }) => ({ words: presentable(words), marked }));
}
