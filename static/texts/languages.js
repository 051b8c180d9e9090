// @ts-check
// The languages of the page, and which of them it is in: that which the person chose in the settings, on this
// device, or else the first that the browser asks for and Parley has, or else English.
import { en } from './languages/en.js';
import { mirrored } from './languages/mirrored.js';
import { zhHans } from './languages/zh-Hans.js';

/**
 * @typedef {object} Language
 * @property {string} tag as in BCP 47; it stands in the page's lang
 * @property {string} name its own, for the menu
 * @property {string} dir ltr or rtl
 * @property {string} locale of numbers and times where the browser names no place
 * @property {(formats: import('./formats.js').Formats) => import('./languages/en.js').Texts} texts
 */

/** Those to choose from, in the menu's order; the first is there for whoever speaks none. @type {Language[]} */
export const languages = [en, zhHans];

const place = 'parley.language'; // in localStorage: a tag, if one was chosen

/** The tag of the language that the person chose, '' if that is the browser's to say. */
export function chosenLanguage() {
  try {
    return localStorage.getItem(place) ?? '';
  } catch {
    return '';
  }
}

/** Chooses a language; it counts for pages that are loaded from then on. @param {string} tag '' for the browser's */
export function chooseLanguage(tag) {
  try {
    if (tag) localStorage.setItem(place, tag);
    else localStorage.removeItem(place);
  } catch {
    // A browser that keeps nothing keeps its own language.
  }
}

/**
 * Whether a tag is of a language: one whose own tag names a script, as zh-Hans, is that of
 * zh-SG and not of zh-TW; one whose tag does not is there for all of that language. The
 * table of scripts takes a browser a tenth of a start to read, so it is asked last.
 * @param {Language} language @param {string} tag
 */
function speaks({ tag: own }, tag) {
  const [subtag, script] = own.split('-');
  return subtag === tag.split('-')[0].toLowerCase() && (!script || scriptOf(own) === scriptOf(tag));
}

/** Language and script, as in zh-Hans for zh-SG. @param {string} tag */
function scriptOf(tag) {
  try {
    const { language, script } = new Intl.Locale(tag).maximize();
    return `${language}-${script}`;
  } catch {
    return ''; // it is no tag
  }
}

/** A text in the page's language, or else in English, or in any; '' if there is none. @param {Record<string, string>} [texts] by tag */
export function textIn(texts = {}) {
  const tags = Object.keys(texts);
  const [tag] = [language.tag, ...tags.filter(tag => speaks(language, tag)), languages[0].tag, ...tags].filter(tag => Object.hasOwn(texts, tag));
  return tag === undefined ? '' : texts[tag];
}

/** @returns {Language} */
function pick() {
  const chosen = chosenLanguage();
  const asked = navigator.languages.map(tag => languages.find(language => speaks(language, tag)));
  return [...languages, mirrored].find(({ tag }) => tag === chosen) ?? asked.find(Boolean) ?? languages[0];
}

/** The one that this page is in. */
export const language = pick();

/** Whose way to write numbers and times it is: the person's own region, where the browser names one that speaks the language. */
export const locale = navigator.languages.find(tag => speaks(language, tag)) ?? language.locale;

/** Says in the document what language it is in. */
export function nameLanguage() {
  const { documentElement } = document;
  documentElement.lang = language.tag;
  documentElement.dir = language.dir;
}
