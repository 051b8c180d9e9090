// @ts-check
// Asks before something is done that the person may not want.
import { t } from '../texts/strings.js';
import { element } from './dom.js';

/**
 * Resolves with whether it is to be done.
 * @param {Element} place where the dialog lives; if that goes, so does the question
 * @param {{ title: string, hint?: string, yes: string }} question yes is what the button says that does it
 * @returns {Promise<boolean>}
 */
export function askToConfirm(place, { title, hint = '', yes }) {
  const dialog = element('dialog', { class: 'ask', 'aria-labelledby': 'confirm', 'aria-describedby': hint ? 'confirm-hint' : null },
    element('form', { method: 'dialog' },
      element('h2', { id: 'confirm', dir: 'auto' }, title),
      ...(hint ? [element('p', { id: 'confirm-hint', dir: 'auto' }, hint)] : []),
      element('div', { class: 'choices' },
        element('button', { class: 'button', value: 'no' }, t.cancel),
        element('button', { class: 'button primary', value: 'yes', autofocus: true }, yes))));
  place.append(dialog);
  dialog.showModal();
  return new Promise(resolve => dialog.addEventListener('close', () => {
    dialog.remove();
    resolve(dialog.returnValue === 'yes');
  }));
}
