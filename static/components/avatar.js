// @ts-check
// A round sign of a person or a group.
import { locale } from '../texts/strings.js';
import { element } from './dom.js';

/** Initials, and a colour that is always the same. @param {string} name @param {bigint} id */
export function avatar(name, id) {
  const e = element('span', { class: 'avatar', 'aria-hidden': 'true' });
  paintAvatar(e, name, id);
  return e;
}

/** @param {HTMLElement} e @param {string} name @param {bigint} id @param {string} [picture] the address of one that takes the initials' place */
export function paintAvatar(e, name, id, picture = '') {
  const all = name.trim().split(/\s+/u).filter(Boolean);
  const words = all.filter((word, i) => i === 0 || !word.startsWith('(')); // brackets only tell namesakes apart
  const letters = (words.length > 1 ? [words[0], words[words.length - 1]] : words).map(firstLetter);
  e.textContent = picture ? '' : letters.join('').toLocaleUpperCase(locale);
  e.style.backgroundImage = picture && `url("${picture}")`;
  e.dataset.colour = String(id % 8n);
}

/** @param {string} word */
function firstLetter(word) {
  const letter = /[\p{L}\p{N}]/u.exec(word);
  return letter ? letter[0] : [...word][0];
}
