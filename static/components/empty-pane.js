// @ts-check
// What stands where a conversation would: words that say why there is none, and what leads on.
import { t } from '../texts/strings.js';
import { element } from './dom.js';
import { icon } from './icons.js';

/** @param {string} title @param {string} hint @param {...Element} more */
export function emptyPane(title, hint, ...more) {
  return [
    element('div', { class: 'bar back' },
      element('a', { class: 'icon-button', href: '#/', 'aria-label': t.back, title: t.back }, icon('back')),
      element('img', { class: 'avatar', src: './icon.svg', alt: '', width: 40, height: 40 }),
      element('p', { class: 'bar-title' }, t.product)),
    element('div', { class: 'empty' }, icon('bubbles'), element('h1', { class: 'empty-title' }, title), element('p', {}, hint), ...more),
  ];
}

/**
 * The chat could not be started.
 * @param {string} words why @param {() => void} again
 * @param {Element[]} ways what else can be done, where the user is let in no more @param {string} hint what that means
 */
export function failurePane(words, again, ways, hint) {
  return element('div', { class: 'empty', role: 'alert' }, icon('warning'),
    element('p', { dir: 'auto' }, words),
    element('div', { class: 'choices' }, element('button', { class: 'button primary', type: 'button', onclick: again }, t.tryAgain), ...ways),
    ...(ways.length ? [element('p', { class: 'small' }, hint)] : []));
}
