// @ts-check
// Chooses the service that a conversation is moved to, and why.
import { t } from '../texts/strings.js';
import { element } from './dom.js';

const longest = 500; // UTF-16 units of the reason

/**
 * Asks where to; resolves with the number of the service and the reason, or with null.
 * @param {Element} place where the dialog lives; if that goes, so does the question
 * @param {import('../model/services.js').Services} services
 * @param {number} from the service that it is with
 * @returns {Promise<{ service: number, reason: string } | null>}
 */
export function askForService(place, services, from) {
  const choice = element('select', { id: 'move-to', autofocus: true }, ...services.all.filter(({ number }) => number !== from)
    .map(({ number }) => element('option', { value: String(number) }, services.name(number))));
  const reason = element('textarea', { id: 'move-reason', rows: 2, maxlength: longest, dir: 'auto' });
  const dialog = element('dialog', { class: 'ask', 'aria-labelledby': 'move', 'aria-describedby': 'move-hint' },
    element('form', { method: 'dialog' },
      element('h2', { id: 'move' }, t.moveTo),
      element('div', { class: 'field' }, element('label', { for: 'move-to' }, t.service), choice),
      element('div', { class: 'field' }, element('label', { for: 'move-reason' }, t.moveReason), reason),
      element('p', { id: 'move-hint' }, t.moveHint),
      element('div', { class: 'choices' },
        element('button', { class: 'button', type: 'button', onclick: () => dialog.close() }, t.cancel),
        element('button', { class: 'button primary', value: 'move' }, t.acts.move))));
  place.append(dialog);
  dialog.showModal();
  return new Promise(resolve => dialog.addEventListener('close', () => {
    dialog.remove();
    resolve(dialog.returnValue === 'move' ? { service: Number(choice.value), reason: reason.value.trim() } : null);
  }));
}
