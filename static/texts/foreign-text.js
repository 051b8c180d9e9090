// @ts-check
// Text that others wrote, made fit to show. Each of these takes time in proportion
// to the length of the text, whatever is in it, and leaves a browser that lays the
// result out no more to do than that.
import { t } from './strings.js';

/** What is to be seen; proto/blank.go says of what nothing is, for servers and engines. */
const seen = /[^\p{White_Space}\p{Cc}\p{Default_Ignorable_Code_Point}\u2800\u{1d159}\ufff9-\ufffb]/u;
/** Control characters that are no white space. */
const control = /[\0-\x08\x0e-\x1f\x7f]/g;
const signOfDelete = '\u2421';
const firstSign = 0x2400; // of the signs for control characters, in their order
/** What makes text run the other way than its letters do. */
const override = /[\u202d\u202e]/g;
/** What begins and ends a stretch of text with a direction of its own. */
const stretch = /[\u202a-\u202e\u2066-\u2069]/g;
const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
/**
 * More than 30 characters that change the one before them: no script needs as
 * many (UAX 15, Stream-Safe Text Format), they are painted over what stands
 * around, and browsers lay them out in quadratic time.
 */
const stack = /([\p{M}\p{Emoji_Modifier}\u200c\u200d]{30})[\p{M}\p{Emoji_Modifier}\u200c\u200d]+/gu;

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
/** How far after a place the end of a character is looked for, in UTF-16 units: some have no end of parts. */
const reach = 128;

/** Whether nothing of a text is to be seen. @param {string} text */
export function isBlank(text) {
  return !seen.test(text);
}

/** A text that ends each stretch which it begins, so that what stands after it is not turned round. @param {string} text */
function ended(text) {
  const begun = text.match(/[\u202a\u202b\u2066-\u2068]/g) ?? [];
  return text + begun.map(c => (c < '\u2066' ? '\u202c' : '\u2069')).reverse().join('');
}

/**
 * A text with signs for control characters, which would show nothing, and for those that turn it round, and
 * without stacks of marks.
 * @param {string} text
 */
export function presentable(text) {
  return ended(text).replace(override, c => `‹U+${c.charCodeAt(0).toString(16).toUpperCase()}›`).replace(/\r\n?/g, '\n').replace(stack, '$1')
    .replace(control, c => (c === '\x7f' ? signOfDelete : String.fromCharCode(firstSign + c.charCodeAt(0))));
}

/**
 * The last place, not after limit, at which a text can be cut without taking a
 * character apart as people see it: an emoji, or a letter with its marks. If the
 * first is longer than that it is cut all the same. It takes time in proportion to limit.
 * @param {string} text @param {number} limit in UTF-16 units, as the place
 */
export function cutBefore(text, limit) {
  if (text.length <= limit) return text.length;
  const place = segmenter.segment(text.slice(0, limit + reach)).containing(limit)?.index ?? 0;
  return place || unitBefore(text, limit);
}

/** Whether a text has at most so many characters as people see them. It takes time in proportion to the text, at worst. @param {string} text @param {number} most */
export function isShort(text, most) {
  let count = 0;
  for (const _ of segmenter.segment(text)) if (++count > most) return false;
  return true;
}

/** What a list shows of a message, in one line. @param {string} content @param {number} limit in UTF-16 units */
export function previewOf(content, limit) {
  if (content && isBlank(content)) return t.emptyMessage;
  return presentable(content.slice(0, cutBefore(content, limit))).replace(stretch, '');
}

/** A name, or what else others wrote, for a place within a sentence, of which it cannot change the order. @param {string} text */
export function isolated(text) {
  const same = document.documentElement.dir !== 'rtl' && !rightToLeft.test(text);
  return same ? text : `\u2068${text.replace(stretch, '')}\u2069`;
}

/** The place, or the one before it if a surrogate pair would be cut there. @param {string} text @param {number} place */
function unitBefore(text, place) {
  const unit = text.charCodeAt(place);
  return unit >= 0xdc00 && unit <= 0xdfff ? place - 1 : place;
}
