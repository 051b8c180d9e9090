// @ts-check
// A message's text as nodes: plain text, with its web addresses as links. It
// takes time in proportion to the length of the text, whatever is in it.
import { isShort } from '../texts/foreign-text.js';
import { shownAddress } from '../texts/shown-host.js';
import { element } from './dom.js';

// No white space, controls or signs for them, quotes, angle brackets, or characters that change the direction of text.
const address = /(?:\bhttps?:\/\/|(?<![\p{L}\p{M}\p{N}_.@/-])(?:www\.|mailto:))[^\s\0-\x1f\x7f\u2400-\u2424\u2039\u203a<>"'`\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/giu;
/** What ends a sentence, or emphasises it, and is no end of an address. */
const punctuation = '.,;:!?…»”’*_~';
const opening = new Map([['(', ')'], ['[', ']'], ['{', '}']]);
/** The longest address that is a link, in UTF-16 units; most servers take no more. */
export const longestLink = 2048;
/** The longest authority in one: a name of 253 characters (RFC 1035), with its port. */
const longestHost = 260;
/** How many links one message has; each costs as much as some kilobytes of text. */
const mostLinks = 50;

/** How an address may look that names no scheme: www, and a name of two parts or more. */
const bareHost = /^www\.[^./?#\\:@]+\.[^./?#\\:@]/i;
/** One address of mail and nothing else: what more there may be, such as who else gets it, nobody reads before they click. */
const mail = /^mailto:[\w.+-]{1,64}@(?:[a-z\d-]{1,63}\.)+[a-z]{2,63}$/i;

/** With all that joins them, colours them, or spells the flag of a region. */
const emoji = /^(?:\p{Emoji_Presentation}|\p{Emoji}\ufe0f\u20e3?|\p{Emoji_Modifier_Base}\p{Emoji_Modifier}|\u200d|[\u{e0020}-\u{e007f}])+$/u;
const mostEmoji = 4;
const longestEmoji = 32; // UTF-16 units

/** Whether a text is a few emoji and nothing else. @param {string} content */
export function isEmoji(content) {
  return content.length <= mostEmoji * longestEmoji && emoji.test(content) && isShort(content, mostEmoji);
}

/** What stands in the text where a link shows something else. @type {WeakMap<HTMLElement, string>} */
const writtenFor = new WeakMap();

/** What a part of richText stands for in the text. @param {string | HTMLElement} part */
export function writtenOf(part) {
  return typeof part === 'string' ? part : writtenFor.get(part) ?? part.textContent;
}

/** @param {string} content @returns {(string | HTMLElement)[]} */
export function richText(content) {
  const parts = [];
  let done = 0;
  let links = 0;
  for (const match of content.matchAll(address)) {
    const shown = withoutPunctuation(match[0]);
    const link = linkOf(shown);
    if (!link) continue;
    if (match.index > done) parts.push(content.slice(done, match.index));
    parts.push(link);
    done = match.index + shown.length;
    if (++links === mostLinks) break;
  }
  if (done < content.length) parts.push(content.slice(done));
  return parts;
}

/** Leaves to the sentence what belongs to it: "(see https://parley.example/a_(b))." @param {string} shown */
function withoutPunctuation(shown) {
  const surplus = closing(shown);
  let end = shown.length;
  for (; end > 0; end--) {
    const last = shown[end - 1];
    const unopened = surplus.get(last) ?? 0;
    if (unopened > 0) surplus.set(last, unopened - 1);
    else if (!punctuation.includes(last)) break;
  }
  return shown.slice(0, end);
}

/** How many brackets of each kind close more than were opened. @param {string} shown @returns {Map<string, number>} */
function closing(shown) {
  const surplus = new Map([...opening.values()].map(bracket => [bracket, 0]));
  for (const c of shown) {
    const closed = opening.get(c);
    if (closed) surplus.set(closed, /** @type {number} */ (surplus.get(closed)) - 1);
    else if (surplus.has(c)) surplus.set(c, /** @type {number} */ (surplus.get(c)) + 1);
  }
  return surplus;
}

/** A link, or null where the address is no good or would mislead about where it leads. @param {string} shown */
function linkOf(shown) {
  const href = shown.length > longestLink ? '' : /^mailto:/i.test(shown) ? mailAddress(shown) : webAddress(shown);
  if (!href) return null;
  const words = href.startsWith('mailto:') || href === shown ? shown : shownAddress(shown, new URL(href).hostname);
  const link = element('a', { href, target: '_blank', rel: 'noopener noreferrer', dir: 'ltr' }, words);
  if (words !== shown) writtenFor.set(link, shown);
  return link;
}

/** @param {string} shown */
function mailAddress(shown) {
  return mail.test(shown) ? shown : '';
}

/** @param {string} shown */
function webAddress(shown) {
  const bare = /^www\./i.test(shown);
  const whole = bare ? `https://${shown}` : shown;
  const authority = authorityOf(whole);
  if (bare && !bareHost.test(shown) || authority.length > longestHost || authority.includes('@') || !URL.canParse(whole)) return '';
  const url = new URL(whole);
  return ['http:', 'https:'].includes(url.protocol) && !url.username && !url.password ? url.href : '';
}

/** @param {string} shown */
function authorityOf(shown) {
  return shown.slice(shown.indexOf('//') + 2).split(/[/?#\\]/, 1)[0];
}
