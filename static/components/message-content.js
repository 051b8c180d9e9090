// @ts-check
// What a message says, as it stands in its bubble: of a long one the beginning,
// until the person wants all of it.
import { cutBefore, isBlank, presentable } from '../texts/foreign-text.js';
import { t } from '../texts/strings.js';
import { element, text } from './dom.js';
import { isEmoji, longestLink, richText, writtenOf } from './rich-text.js';

/**
 * How much of a long message is shown at first, and laid out at once: browsers
 * take quadratic time for a paragraph of some scripts, or of changing directions.
 */
const mostLines = 40;
const mostUnits = 700; // of UTF-16
/** What begins a new line, whether or not there is something in the last. */
const lineEnd = /[\n\v\f\u0085\u2028\u2029]/g;

/** Its element stands in its place before it is shown anything. Fires "unfold" when more or less of it is going to be shown than before. */
export class MessageContent {
  element = element('div', { class: 'content', dir: 'auto' });
  /** Stands behind a long one. */
  #more = element('button', { class: 'link-button unfold', type: 'button', onclick: () => this.#toggle() });
  #long = false;
  #said = '';
  /** The pieces of a long message that are not shown at first; null until they are wanted. @type {HTMLElement[] | null} */
  #rest = null;
  #folded = true;

  /** @param {string} content @param {boolean} [partly] there is more to the message, which this version cannot show */
  show(content, partly = false) {
    const blank = isBlank(content) && !partly;
    const said = blank ? t.emptyMessage : presentable(content);
    // The last link that begins in the piece may end after it, and then the piece ends at the next place.
    const beginning = said.slice(0, lengthOfPiece(said) + longestLink + mostUnits);
    const [first] = divide(richText(beginning), placesOf(beginning));
    const long = lengthOf(first) < said.length;
    const { classList } = this.element;
    classList.toggle('blank', blank);
    classList.toggle('emoji', !blank && isEmoji(said));
    classList.toggle('long', long);
    this.#said = said;
    this.#rest = null;
    this.element.replaceChildren(...(long ? beginningOf(said, first) : first),
      ...(partly ? [element('span', { class: 'cannot-be-shown' }, t.cannotBeShown)] : []));
    this.#long = long;
    if (long) this.element.after(this.#more);
    else this.#more.remove();
    this.#fold(true);
  }

  #toggle() {
    this.element.dispatchEvent(new Event('unfold', { bubbles: true }));
    this.#fold(!this.#folded);
    if (this.#folded) this.#more.scrollIntoView({ block: 'nearest' });
  }

  /** @param {boolean} folded */
  #fold(folded) {
    this.#folded = folded;
    if (!folded) this.#rest ??= this.#addRest();
    for (const piece of this.#rest ?? []) piece.hidden = folded;
    this.element.classList.toggle('folded', folded && this.#long);
    this.#more.setAttribute('aria-expanded', String(!folded));
    text(this.#more, folded ? t.showMore : t.showLess);
  }

  #addRest() {
    const [first, ...rest] = divide(richText(this.#said), placesOf(this.#said)).map(pieceOf);
    const [shown, unmade] = this.element.children;
    unmade.remove();
    shown.replaceWith(first, ...rest);
    return rest;
  }
}

/** The first piece of a text, and what follows as nothing but its text. @param {string} said @param {(string | HTMLElement)[]} first */
function beginningOf(said, first) {
  return [pieceOf(first), element('div', { class: 'piece', hidden: true }, said.slice(lengthOf(first)))];
}

/** @param {(string | HTMLElement)[]} parts */
function pieceOf(parts) {
  return element('div', { class: 'piece' }, ...parts);
}

/** @param {(string | HTMLElement)[]} parts */
function lengthOf(parts) {
  return parts.reduce((sum, part) => sum + writtenOf(part).length, 0);
}

/** The places that divide a long text into pieces, ascending. @param {string} said */
function placesOf(said) {
  const places = [];
  for (let place = 0; (place += lengthOfPiece(said, place)) < said.length;) places.push(place);
  return places;
}

/**
 * How long the piece of a text is that begins at a place. It ends with a line, or
 * else a word, if that leaves half of it, or else with a character.
 * @param {string} whole @param {number} [place]
 */
function lengthOfPiece(whole, place = 0) {
  let lines = 0;
  let end = 0;
  const said = whole.slice(place, place + 2 * mostUnits);
  lineEnd.lastIndex = 0;
  while (lineEnd.test(said) && lineEnd.lastIndex <= mostUnits) {
    end = lineEnd.lastIndex;
    if (++lines === mostLines) return end;
  }
  const most = cutBefore(said, mostUnits);
  if (most === said.length) return most;
  return [end, said.lastIndexOf(' ', most - 1) + 1].find(place => place > most / 2) ?? most;
}

/**
 * Divides what richText made at places of its text. A link stays whole, in the
 * piece in which it begins.
 * @param {(string | HTMLElement)[]} parts @param {number[]} places ascending
 */
function divide(parts, places) {
  /** @type {(string | HTMLElement)[][]} */
  const pieces = [[]];
  let next = 0;
  let at = 0;
  for (let part of parts) {
    while (typeof part !== 'string' && places[next] <= at) if (places[next++] === at) pieces.push([]);
    for (; typeof part === 'string' && places[next] < at + part.length; next++) {
      const length = places[next] - at;
      if (length < 0) continue; // that was within a link
      pieces[pieces.length - 1].push(part.slice(0, length));
      pieces.push([]);
      part = part.slice(length);
      at += length;
    }
    pieces[pieces.length - 1].push(part);
    at += lengthOf([part]);
  }
  return pieces;
}
