// @ts-check
// What a link to a group leads to: which one it is, and the way in.
import { isolated } from '../texts/foreign-text.js';
import { reasonOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { element, text } from './dom.js';
import { emptyPane } from './empty-pane.js';

/**
 * @param {import('../parley.js').Parley} parley @param {string} code
 * @returns {Element[]} what stands where a conversation would
 */
export function joinPane(parley, code) {
  const count = element('p', { role: 'status' }, t.searching);
  const join = element('button', {
    class: 'button primary', type: 'button', hidden: true,
    onclick: async () => {
      join.disabled = true;
      try {
        const key = await parley.joinGroup(code);
        location.replace(`#/c/${key}`);
      } catch (error) {
        text(count, t.notDone(reasonOf(error, t.unknownError)));
        join.disabled = false;
      }
    },
  }, t.joinGroup);
  const pane = emptyPane(t.groupInvite, '', count, join);
  const asked = new AbortController();
  const ask = () => parley.linkedGroup(code).then(({ name, members }) => {
    asked.abort();
    text(count, t.groupAndCount(isolated(name), members));
    join.hidden = false;
    if (document.activeElement === document.body) join.focus();
  }).catch(error => text(count, t.notDone(reasonOf(error, t.unknownError))));
  ask();
  // Where the server was away, again once it is there.
  parley.addEventListener('connection', ({ detail: { state } }) => {
    if (!count.isConnected) asked.abort();
    else if (state === 'live') ask();
  }, { signal: asked.signal });
  return pane;
}
