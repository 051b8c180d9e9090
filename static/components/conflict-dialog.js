// @ts-check
// Tells an agent what another one did meanwhile, and asks what becomes of the answer that crossed it.
import { t } from '../texts/strings.js';
import { element } from './dom.js';
import { MessageContent } from './message-content.js';

/**
 * Asks whether to send all the same; resolves with the choice.
 * @param {Element} place where the dialog lives; if that goes, so does the question
 * @param {string} what the reason's word for what was done
 * @param {{ author: string, content: string } | null} answer of the other agent; null if it is not here
 * @returns {Promise<boolean>}
 */
export function askAboutAnswer(place, what, answer) {
  const answered = what === 'answered-meanwhile';
  const hint = !answered ? t.crossedHint : answer ? t.answeredMeanwhileHint : t.answeredMeanwhileUnknown;
  const said = new MessageContent();
  said.show(answer?.content ?? '');
  const dialog = element('dialog', { class: 'ask', 'aria-labelledby': 'conflict', 'aria-describedby': 'conflict-hint' },
    element('form', { method: 'dialog' },
      element('h2', { id: 'conflict' }, t.crossed[what] ?? t.crossed['answered-meanwhile']),
      element('p', { id: 'conflict-hint' }, hint),
      ...(answered && answer ? [element('blockquote', {},
        element('p', { class: 'author', dir: 'auto' }, answer.author), said.element, said.more)] : []),
      element('div', { class: 'choices' },
        element('button', { class: 'button', value: 'send' }, t.sendAnyway),
        element('button', { class: 'button primary', value: 'back', autofocus: true }, t.backToEditing))));
  // The Enter that sent may still be held, or not be over, when the question comes: it is no answer.
  let begun = false;
  dialog.addEventListener('keydown', event => {
    begun = !event.repeat;
    if (event.repeat) event.preventDefault();
  });
  dialog.addEventListener('keypress', event => {
    if (!begun) event.preventDefault();
  });
  place.append(dialog);
  dialog.showModal();
  return new Promise(resolve => dialog.addEventListener('close', () => {
    dialog.remove();
    resolve(dialog.returnValue === 'send');
  }));
}
