// @ts-check
// Asks to which day of a conversation to go.
import { t } from '../texts/strings.js';
import { element } from './dom.js';

/**
 * Resolves with when the day begins here, Unix milliseconds; with null if there is none to go to.
 * @param {Element} place where the dialog lives
 * @param {number} day a time on the one that is suggested
 * @param {number} today a time on the last one
 * @returns {Promise<number | null>}
 */
export function askForDay(place, day, today) {
  const input = element('input', { id: 'day', type: 'date', required: true, autofocus: true, max: dateOf(today), value: dateOf(day) });
  const dialog = element('dialog', { class: 'ask', 'aria-labelledby': 'to-day' },
    element('form', { method: 'dialog' },
      element('h2', { id: 'to-day' }, t.goToDay),
      element('div', { class: 'field' }, element('label', { for: 'day' }, t.day), input),
      element('div', { class: 'choices' },
        element('button', { class: 'button', type: 'button', onclick: () => dialog.close() }, t.cancel),
        element('button', { class: 'button primary', value: 'go' }, t.go))));
  place.append(dialog);
  dialog.showModal();
  return new Promise(resolve => dialog.addEventListener('close', () => {
    dialog.remove();
    resolve(dialog.returnValue === 'go' ? beginOf(input.value) : null);
  }));
}

/** A day as inputs have it. @param {number} time */
function dateOf(time) {
  const d = new Date(time);
  return [String(d.getFullYear()).padStart(4, '0'), ...[d.getMonth() + 1, d.getDate()].map(n => String(n).padStart(2, '0'))].join('-');
}

/** When a day begins here, or the one that is so many days later, Unix milliseconds. @param {string} date as inputs have it @param {number} [later] */
export function beginOf(date, later = 0) {
  const [year, month, day] = date.split('-').map(Number);
  return new Date(year, month - 1, day + later).getTime();
}
