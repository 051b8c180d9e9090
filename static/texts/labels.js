// @ts-check
// How people, days and times are named.
import { previewOf } from './foreign-text.js';
import { formats, locale, t } from './strings.js';

/** Made when it is first used, which takes a while. @param {Intl.DateTimeFormatOptions} options */
function format(options) {
  /** @type {Intl.DateTimeFormat | undefined} */
  let made;
  return { format: (/** @type {number} */ time) => (made ??= new Intl.DateTimeFormat(locale, options)).format(time) };
}

const clock = format({ hour: 'numeric', minute: '2-digit' });
const weekday = format({ weekday: 'short' });
const weekdayClock = format({ weekday: 'short', hour: 'numeric', minute: '2-digit' });
const longWeekdayClock = format({ weekday: 'long', hour: 'numeric', minute: '2-digit' });
const longWeekday = format({ weekday: 'long', day: 'numeric', month: 'long' });
const shortDate = format({ day: 'numeric', month: 'short' });
const longDate = format({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const numericDate = format({ day: '2-digit', month: '2-digit', year: '2-digit' });
const second = /** @type {const} */ ({ hour: 'numeric', minute: '2-digit', second: '2-digit' });
const exact = format(second);
const exactDate = format({ ...second, day: 'numeric', month: 'short' });
const exactYear = format({ ...second, day: 'numeric', month: 'short', year: 'numeric' });
const full = format({ dateStyle: 'full', timeStyle: 'medium' });
const date = format({ dateStyle: 'long' });
const lasting = format({ minute: '2-digit', second: '2-digit', timeZone: 'UTC' });

/** A user's name, or one made of the id. @param {string} name @param {bigint} id */
export function userName(name, id) {
  return name || t.user(shortID(id));
}

/** People who were found for a text, those first whose names begin with it. @template {{ name: string }} T @param {T[]} people @param {string} text */
export function inOrder(people, text) {
  return people.toSorted((a, b) => Number(formats.begins(b.name, text)) - Number(formats.begins(a.name, text)) || formats.compare(a.name, b.name));
}

/** The beginning of an id, to tell people without a name apart. @param {bigint} id */
export function shortID(id) {
  const digits = String(id);
  return digits.length > 4 ? digits.slice(0, 4) + '…' : digits;
}

/** What a list shows of a message, in one line. @param {import('../parley.js').Message} message @param {number} limit in UTF-16 units */
export function briefly({ type, content }, limit) {
  const words = previewOf(content, limit);
  return type === 'image' || type === 'file' || type === 'voice' ? t.carried[type](words) : words;
}

/** The time of day. @param {number} time */
export const clockTime = time => clock.format(time);

/** Date and time to the second. @param {number} time */
export const fullTime = time => full.format(time);

/** The day, in full. @param {number} time */
export const fullDate = time => date.format(time);

/** The time to the second, with the date unless that is today. @param {number} time @param {number} now */
export function exactTime(time, now) {
  if (dayOf(time) === dayOf(now)) return exact.format(time);
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return (sameYear ? exactDate : exactYear).format(time);
}

/** A number that is the same for all times of one local day, and one more on the next. @param {number} time */
export function dayOf(time) {
  const d = new Date(time);
  return Math.floor((time - d.getTimezoneOffset() * 60_000) / 86_400_000);
}

/** The name of a day, for separators. @param {number} time @param {number} now */
export function dayName(time, now) {
  const age = dayOf(now) - dayOf(time);
  if (age === 0 || age === 1) return formats.day(-age);
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return (sameYear ? longWeekday : longDate).format(time);
}

/** The shortest that names a moment, for the list of conversations. @param {number} time @param {number} now */
export function briefTime(time, now) {
  const age = dayOf(now) - dayOf(time);
  if (age <= 0) return clock.format(time);
  if (age === 1) return formats.day(-1);
  if (age < 7) return weekday.format(time);
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return (sameYear ? shortDate : numericDate).format(time);
}

/** When something was that may be some days ago, within a sentence. @param {number} time @param {number} now */
export function sinceTime(time, now) {
  const age = dayOf(now) - dayOf(time);
  if (age <= 0) return clock.format(time);
  return age < 7 ? weekdayClock.format(time) : briefTime(time, now);
}

/** When something will be, within a week. @param {number} time @param {number} now */
export function untilTime(time, now) {
  return dayOf(time) === dayOf(now) ? clock.format(time) : longWeekdayClock.format(time);
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** How long something has lasted, in whole minutes, hours or days. @param {number} ms */
export function duration(ms) {
  if (ms < minute) return t.lessThanMinute;
  if (ms < hour) return formats.amount(Math.floor(ms / minute), 'minute');
  return ms < day ? formats.amount(Math.floor(ms / hour), 'hour') : formats.amount(Math.floor(ms / day), 'day');
}

/** How long something has lasted, to the second in its first hour. @param {number} ms */
export function stopwatch(ms) {
  if (ms < hour) return lasting.format(Math.max(0, ms));
  if (ms >= day) return duration(ms);
  return formats.together([formats.amount(Math.floor(ms / hour), 'hour'), formats.amount(Math.floor(ms % hour / minute), 'minute')]);
}

const mostCounted = 999n;

/** How many messages are unread, where there is little room. @param {bigint} n */
export function shortCount(n) {
  return n > mostCounted ? `${formats.number(mostCounted)}+` : formats.number(n);
}

/** Milliseconds until the local day ends. @param {number} now */
export function untilMidnight(now) {
  const d = new Date(now);
  return new Date(d.getFullYear(), d.getMonth(), d.getDate() + 1).getTime() - now;
}

/**
 * What an error says to a person.
 * @param {unknown} error one of the API's says why by a word, in parley.d.ts reasonCode
 * @param {string} otherwise
 */
export function reasonOf(error, otherwise) {
  if (!(error instanceof Error && error.message)) return otherwise;
  const { message, reasonCode = '', reasonArgs = [], code = 0 } = /** @type {Partial<import('../parley.js').ParleyError> & Error} */ (error);
  return wordsOf(message, reasonCode, reasonArgs, code);
}

/** Why a message was refused, or is not taken yet; '' if neither. @param {import('../parley.js').Message} message */
export function reasonOfMessage({ reason, reasonCode, reasonArgs }) {
  return wordsOf(reason, reasonCode, reasonArgs);
}

/**
 * A reason in the language of the page, by the word for it; or else what kind it is, and the sentence that came with it.
 * @param {string} sentence '' for no reason
 * @param {string} reasonCode
 * @param {string[]} [args]
 * @param {number} [code] of MQTT or HTTP, 0 if unknown
 */
export function wordsOf(sentence, reasonCode, args = [], code = 0) {
  if (!sentence) return '';
  /** @type {Record<string, string | ((...args: string[]) => string)>} */
  const reasons = t.reasons;
  const words = Object.hasOwn(reasons, reasonCode) ? reasons[reasonCode] : '';
  if (typeof words === 'string') return words || t.untranslated[kindOf(code)](sentence);
  return args.length < words.length ? t.untranslated[kindOf(code)](sentence) : words(...args);
}

/** @param {number} code @returns {keyof typeof t.untranslated} */
function kindOf(code) {
  if ([401, 403, 0x86, 0x87].includes(code)) return 'notAllowed';
  return [429, 503, 0x80, 0x89, 0x8b, 0x96, 0x97].includes(code) ? 'notNow' : 'other';
}
