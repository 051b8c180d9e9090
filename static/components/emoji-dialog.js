// @ts-check
// Chooses an emoji: among some, or whichever the keyboard has.
import { isShort } from '../texts/foreign-text.js';
import { t } from '../texts/strings.js';
import { element } from './dom.js';
import { isEmoji } from './rich-text.js';

/** What is nearest. */
export const emojiAtHand = ['👍', '❤️', '😂', '😮', '😢', '🙏'];

const others = [
  '👎', '👏', '🙌', '👌', '✌️', '🤝', '💪', '👀', '😀', '😊', '😍', '🤔', '😅', '😭', '😡', '🤯', '🥳', '😴', '🎉', '🔥', '💯', '⭐', '✅', '❌', '❓', '❗', '☕', '🌹', '🚀', '⏰',
];

/**
 * Resolves with the emoji, '' to take one's own back, or null.
 * @param {Element} place where the dialog lives @param {string} mine what the user chose before, '' if nothing
 * @returns {Promise<string | null>}
 */
export function askForEmoji(place, mine) {
  /** @type {string | null} */
  let chosen = null;
  /** @param {string} emoji */
  const choose = emoji => {
    chosen = emoji;
    dialog.close();
  };
  const problem = element('p', { class: 'problem', role: 'alert', hidden: true }, t.reasons['not-an-emoji']);
  const input = element('input', { type: 'text', 'aria-label': t.anyEmoji, placeholder: t.anyEmoji, autocomplete: 'off', maxlength: 32, dir: 'auto' });
  const dialog = element('dialog', { class: 'ask', 'aria-labelledby': 'emoji' },
    element('form', {
      method: 'dialog', onsubmit: event => {
        event.preventDefault();
        const emoji = input.value.trim();
        if (isEmoji(emoji) && isShort(emoji, 1)) choose(emoji);
        else problem.hidden = false;
      },
    },
    element('h2', { id: 'emoji' }, t.react),
    element('div', { class: 'emoji-grid' }, ...[...emojiAtHand, ...others].map((emoji, i) => element('button', {
      class: 'emoji-button', type: 'button', autofocus: i === 0, 'aria-pressed': String(emoji === mine), 'aria-label': emoji, onclick: () => choose(emoji === mine ? '' : emoji),
    }, emoji))),
    element('div', { class: 'field' }, input), problem,
    element('div', { class: 'choices' },
      ...(mine ? [element('button', { class: 'button', type: 'button', onclick: () => choose('') }, t.takeReactionBack)] : []),
      element('button', { class: 'button', type: 'button', onclick: () => dialog.close() }, t.cancel),
      element('button', { class: 'button primary' }, t.react))));
  place.append(dialog);
  dialog.showModal();
  return new Promise(resolve => dialog.addEventListener('close', () => {
    dialog.remove();
    resolve(chosen);
  }));
}
