// @ts-check
// Says what signing out means, and asks whether that is wanted.
import { formats, t } from '../texts/strings.js';
import { element } from './dom.js';

/**
 * @param {Element} place where the dialog lives
 * @param {string[]} unsent names of those to whom something was not sent yet
 * @returns {Promise<boolean>}
 */
export function askToSignOut(place, unsent) {
  const dialog = element('dialog', { class: 'ask', 'aria-labelledby': 'sign-out', 'aria-describedby': 'sign-out-hint' },
    element('form', { method: 'dialog' },
      element('h2', { id: 'sign-out' }, t.signOutHere),
      element('div', { id: 'sign-out-hint' },
        ...(unsent.length ? [element('p', { class: 'warning', dir: 'auto' }, t.unsentIsLost(formats.list(unsent)))] : []),
        element('p', {}, t.signOutHint), element('p', {}, t.startOverHint)),
      element('div', { class: 'choices' },
        element('button', { class: 'button', value: 'out' }, t.signOut),
        element('button', { class: 'button primary', autofocus: true }, t.cancel))));
  place.append(dialog);
  dialog.showModal();
  return new Promise(resolve => dialog.addEventListener('close', () => {
    dialog.remove();
    resolve(dialog.returnValue === 'out');
  }));
}
