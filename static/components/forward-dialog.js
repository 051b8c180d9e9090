// @ts-check
// Chooses the conversations that messages are forwarded to.
import { reasonOf } from '../texts/labels.js';
import { formats, t } from '../texts/strings.js';
import { element, hide, text } from './dom.js';

const most = 20; // conversations at once
const shown = 50; // that are offered at a time

/**
 * Resolves with the keys of the conversations, none if the person thinks better of it.
 * @param {Element} place where the dialog lives
 * @param {import('../parley.js').Parley} parley
 * @param {import('../model/page-context.js').PageContext} context
 * @param {number} count how many messages
 * @returns {Promise<string[]>}
 */
export function askWhereTo(place, parley, context, count) {
  /** @type {Set<string>} */
  const chosen = new Set();
  let sent = false;
  const note = element('p', { class: 'note', role: 'status' }, t.searching);
  const list = element('ul', { role: 'list', class: 'targets', 'aria-label': t.forwardTo });
  const send = element('button', { class: 'button primary', disabled: true }, t.send);
  const search = element('input', { type: 'search', 'aria-label': t.findConversation, placeholder: t.findConversation, autocomplete: 'off', spellcheck: 'false', dir: 'auto', autofocus: true, oninput: () => fill() });
  /** @type {{ key: string, name: string }[]} */
  let all = [];
  const fill = () => {
    const wanted = search.value.trim();
    const found = all.filter(({ key, name }) => chosen.has(key) || !wanted || formats.find(name, wanted) >= 0).slice(0, shown);
    list.replaceChildren(...found.map(({ key, name }) => element('li', {}, element('label', { class: 'switch' }, element('input', {
      type: 'checkbox', checked: chosen.has(key), 'data-key': key, onchange: event => {
        if (event.target.checked && chosen.size >= most) event.target.checked = false;
        else if (event.target.checked) chosen.add(key);
        else chosen.delete(key);
        send.disabled = chosen.size === 0;
        text(note, chosen.size ? t.chosenTargets(chosen.size) : '');
      },
    }), element('bdi', {}, name)))));
    if (!chosen.size) text(note, found.length ? '' : t.noConversationFound);
    hide(list, found.length === 0);
  };
  const dialog = element('dialog', { class: 'ask', 'aria-labelledby': 'forward' },
    element('form', { method: 'dialog', onsubmit: () => { sent = true; } },
      element('h2', { id: 'forward' }, t.forwardMessages(count)),
      element('div', { class: 'field' }, search), note, list,
      element('div', { class: 'choices' }, element('button', { class: 'button', type: 'button', onclick: () => dialog.close() }, t.cancel), send)));
  place.append(dialog);
  dialog.showModal();
  parley.conversations().then(conversations => {
    all = conversations.filter(({ blocked }) => !blocked).map(({ key }) => ({ key, participants: context.participants(key) }))
      .filter(({ participants }) => participants.known && !participants.gone).map(({ key, participants }) => ({ key, name: participants.name }));
    fill();
  }, error => text(note, t.searchFailed(reasonOf(error, t.unknownError))));
  return new Promise(resolve => dialog.addEventListener('close', () => {
    dialog.remove();
    resolve(sent ? [...chosen] : []);
  }));
}
