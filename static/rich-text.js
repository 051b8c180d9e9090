// @ts-check
// A message's text as nodes: plain text, with its web addresses as links.
import { element } from './dom.js';

// No white space, quotes, angle brackets, or characters that change the direction of text.
const address = /\bhttps?:\/\/[^\s<>"'`\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/giu;
const emoji = /^(?:\p{Emoji_Presentation}|\p{Emoji}\ufe0f|[\u200d\u{1f3fb}-\u{1f3ff}])+$/u;

/** Whether a text is a few emoji and nothing else. @param {string} content */
export function isEmoji(content) {
  return content.length <= 24 && emoji.test(content);
}

/** @param {string} content @returns {(string | HTMLElement)[]} */
export function richText(content) {
  const parts = [];
  let done = 0;
  for (const match of content.matchAll(address)) {
    const shown = withoutPunctuation(match[0]);
    const link = linkOf(shown);
    if (!link) continue;
    if (match.index > done) parts.push(content.slice(done, match.index));
    parts.push(link);
    done = match.index + shown.length;
  }
  if (done < content.length) parts.push(content.slice(done));
  return parts;
}

/** Leaves to the sentence what belongs to it: "(see https://parley.example/a_(b))." @param {string} shown */
function withoutPunctuation(shown) {
  for (;;) {
    const last = shown.at(-1) ?? '';
    if (/[.,;:!?…»”’*_~]/u.test(last) || closesNothing(shown, last)) shown = shown.slice(0, -last.length);
    else return shown;
  }
}

/** @param {string} shown @param {string} last */
function closesNothing(shown, last) {
  const open = { ')': '(', ']': '[', '}': '{' }[last];
  return open !== undefined && shown.split(open).length < shown.split(last).length;
}

/** A link, or null where the address is no good or would mislead about where it leads. @param {string} shown */
function linkOf(shown) {
  if (!URL.canParse(shown)) return null;
  const url = new URL(shown);
  if (!['http:', 'https:'].includes(url.protocol) || url.username || url.password) return null;
  return element('a', { href: url.href, target: '_blank', rel: 'noopener noreferrer', dir: 'ltr' }, shown);
}
