// @ts-check
// Makes a group: its name, who is in it, and what those read who come later.
import { newRef } from '../parley.js';
import { reasonOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { element, text } from './dom.js';
import { MemberChooser } from './member-chooser.js';

/**
 * Resolves with the key of the new group, or with ''.
 * @param {Element} place where the dialog lives @param {import('../parley.js').Parley} parley
 * @returns {Promise<string>}
 */
export function askForGroup(place, parley) {
  const name = element('input', { type: 'text', 'aria-label': t.groupName, placeholder: t.groupName, autocomplete: 'off', dir: 'auto', maxlength: 64, required: true, autofocus: true });
  const whole = element('input', { type: 'checkbox' });
  const members = new MemberChooser(parley, () => false);
  const failure = element('p', { class: 'problem', role: 'alert' });
  const make = element('button', { class: 'button primary', type: 'submit' }, t.makeGroup);
  const ref = newRef(); // whoever presses twice makes one group
  let key = '';
  const dialog = element('dialog', { class: 'ask group', 'aria-labelledby': 'new-group' },
    element('form', {
      method: 'dialog',
      onsubmit: async event => {
        event.preventDefault();
        make.disabled = true;
        text(failure, '');
        try {
          key = await parley.createGroup(name.value, { members: members.chosen, whole: whole.checked, ref });
          dialog.close();
        } catch (error) {
          text(failure, t.notDone(reasonOf(error, t.unknownError)));
        }
        make.disabled = false;
      },
    },
    element('h2', { id: 'new-group' }, t.newGroup),
    element('div', { class: 'field' }, name), members,
    element('label', { class: 'check' }, whole, t.wholeHistory), failure,
    element('div', { class: 'choices' }, element('button', { class: 'button', type: 'button', onclick: () => dialog.close() }, t.cancel), make)));
  place.append(dialog);
  dialog.showModal();
  return new Promise(resolve => dialog.addEventListener('close', () => {
    dialog.remove();
    resolve(key);
  }));
}
