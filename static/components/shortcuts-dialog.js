// @ts-check
// Lists what the keyboard does, on "?". Whoever speaks to their computer may say what sounds like that key,
// and can switch it off.
import { t } from '../texts/strings.js';
import { element } from './dom.js';

const place = 'parley.shortcuts'; // in localStorage: "off"

/** @type {[string[], keyof typeof t.shortcutFor][]} */
const keys = [
  [['Enter'], 'send'], [['Shift', 'Enter'], 'newLine'], [['↑'], 'editLast'], [['Tab'], 'next'], [['↑', '↓'], 'move'], [['Home', 'End'], 'ends'], [['Shift', 'F10'], 'menu'],
  [['Esc'], 'close'], [['Ctrl', 'K'], 'search'], [['Ctrl', 'Shift', 'F'], 'searchHere'], [['Ctrl', 'P'], 'print'], [['?'], 'list'],
];

/** Whether "?" lists them. */
function listensToKey() {
  try {
    return localStorage.getItem(place) !== 'off';
  } catch {
    return true;
  }
}

/** @param {boolean} on */
function setListensToKey(on) {
  try {
    if (on) localStorage.removeItem(place);
    else localStorage.setItem(place, 'off');
  } catch {
    // A browser that keeps nothing listens again the next time.
  }
}

/** Whether a key that was pressed asks for the list, and is no part of a text. @param {KeyboardEvent} event */
export function asksForShortcuts({ key, target, ctrlKey, metaKey, altKey }) {
  const writes = target instanceof Element && target.matches('textarea, input:not([type=checkbox], [type=radio])');
  return key === '?' && !ctrlKey && !metaKey && !altKey && !writes && !document.querySelector('dialog[open]') && listensToKey();
}

/** @param {Element} home where the dialog lives */
export function showShortcuts(home) {
  const dialog = element('dialog', { class: 'ask shortcuts', 'aria-labelledby': 'shortcuts', onclose: () => dialog.remove() },
    element('form', { method: 'dialog' },
      element('h2', { id: 'shortcuts', tabindex: -1, autofocus: true }, t.shortcuts), // of a long list one reads the beginning
      element('dl', {}, ...keys.map(([caps, does]) => element('div', {},
        element('dt', {}, ...caps.map(cap => element('kbd', {}, cap))), element('dd', {}, t.shortcutFor[does])))),
      element('label', { class: 'switch' }, element('input', {
        type: 'checkbox', role: 'switch', checked: listensToKey(),
        onchange: (/** @type {{ target: HTMLInputElement }} */ { target }) => setListensToKey(target.checked),
      }), t.shortcutsOnKey),
      element('div', { class: 'choices' }, element('button', { class: 'button' }, t.close))));
  home.append(dialog);
  dialog.showModal();
}
