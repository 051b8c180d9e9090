// @ts-check
// How people, days and times are named.
import { element } from './dom.js';
import { locale, t } from './strings.js';

/** @param {Intl.DateTimeFormatOptions} options */
const format = options => new Intl.DateTimeFormat(locale, options);

const clock = format({ hour: 'numeric', minute: '2-digit' });
const weekday = format({ weekday: 'short' });
const longWeekday = format({ weekday: 'long', day: 'numeric', month: 'long' });
const shortDate = format({ day: 'numeric', month: 'short' });
const longDate = format({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const numericDate = format({ day: '2-digit', month: '2-digit', year: '2-digit' });
const full = format({ dateStyle: 'full', timeStyle: 'medium' });

/** A user's name, or one made of the id. @param {string} name @param {bigint} id */
export function userName(name, id) {
  if (name) return name;
  const digits = String(id);
  return t.user(digits.length > 4 ? digits.slice(0, 4) + '…' : digits);
}

/** The name of a conversation's other side. @param {Pick<import('./parley.js').Conversation, 'key' | 'peer' | 'peerName'>} conversation */
export function peerName({ key, peer, peerName }) {
  if (peer || peerName) return userName(peerName, peer);
  return t.services[Number(key.split(':')[2])] ?? t.services[0];
}

/** A round sign of a person: initials, and a colour that is always the same. @param {string} name @param {bigint} id */
export function avatar(name, id) {
  const e = element('span', { class: 'avatar', 'aria-hidden': 'true' });
  paintAvatar(e, name, id);
  return e;
}

/** @param {HTMLElement} e @param {string} name @param {bigint} id */
export function paintAvatar(e, name, id) {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const letters = (words.length > 1 ? [words[0], words[words.length - 1]] : words).map(firstLetter);
  e.textContent = letters.join('').toLocaleUpperCase(locale);
  e.dataset.colour = String(id % 8n);
}

/** @param {string} word */
function firstLetter(word) {
  const letter = /[\p{L}\p{N}]/u.exec(word);
  return letter ? letter[0] : [...word][0];
}

/** The time of day. @param {number} time */
export const clockTime = time => clock.format(time);

/** Date and time to the second. @param {number} time */
export const fullTime = time => full.format(time);

/** A number that is the same for all times of one local day, and one more on the next. @param {number} time */
export function dayOf(time) {
  const d = new Date(time);
  return Math.floor((time - d.getTimezoneOffset() * 60_000) / 86_400_000);
}

/** The name of a day, for separators. @param {number} time @param {number} now */
export function dayName(time, now) {
  const age = dayOf(now) - dayOf(time);
  if (age === 0) return t.today;
  if (age === 1) return t.yesterday;
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return (sameYear ? longWeekday : longDate).format(time);
}

/** The shortest that names a moment, for the list of conversations. @param {number} time @param {number} now */
export function briefTime(time, now) {
  const age = dayOf(now) - dayOf(time);
  if (age <= 0) return clock.format(time);
  if (age === 1) return t.yesterday;
  if (age < 7) return weekday.format(time);
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return (sameYear ? shortDate : numericDate).format(time);
}

/** Milliseconds until the local day ends. @param {number} now */
export function untilMidnight(now) {
  const d = new Date(now);
  return new Date(d.getFullYear(), d.getMonth(), d.getDate() + 1).getTime() - now;
}
