// @ts-check
// Who of a group has read a message of the user's, and who has not.
import { fullTime, reasonOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { avatar } from './avatar.js';
import { element, text } from './dom.js';

/**
 * Shows them until it is closed; it follows what comes.
 * @param {Element} place where the dialog lives @param {import('../parley.js').Parley} parley @param {string} key
 * @param {import('../model/names.js').Names} names @param {bigint} seq
 */
export function showReaders(place, parley, key, names, seq) {
  const done = new AbortController();
  const failure = element('p', { class: 'problem', role: 'alert' });
  const lists = element('div', {});
  const dialog = element('dialog', { class: 'ask group readers', 'aria-labelledby': 'readers' }, element('h2', { id: 'readers' }, t.whoHasRead), failure, lists,
    element('div', { class: 'choices' }, element('button', { class: 'button', type: 'button', autofocus: true, onclick: () => dialog.close() }, t.close)));
  /** @type {import('../parley.js').Member[]} */
  let shown = [];
  /** @param {Pick<import('../parley.js').Group, 'members'>} group */
  const show = ({ members }) => {
    shown = members;
    names.learnMembers(members);
    const others = members.filter(({ user, from }) => user !== parley.user.id && from <= seq);
    const read = others.filter(member => member.read >= seq);
    const delivered = others.filter(member => member.read < seq && member.delivered >= seq);
    const rest = others.filter(member => member.delivered < seq);
    lists.replaceChildren(...section(t.readByThem(read.length), read, names, ({ readTime }) => readTime),
      ...section(t.deliveredToThem(delivered.length), delivered, names, ({ deliveredTime }) => deliveredTime), ...section(t.notDeliveredYet(rest.length), rest, names, () => 0));
  };
  parley.addEventListener('group', ({ detail }) => { if (detail.key === key) show(detail); }, { signal: done.signal });
  names.addEventListener('change', () => show({ members: shown }), { signal: done.signal });
  parley.group(key).then(show).catch(error => text(failure, t.notDone(reasonOf(error, t.unknownError))));
  place.append(dialog);
  dialog.showModal();
  dialog.addEventListener('close', () => {
    done.abort();
    dialog.remove();
  });
}

/**
 * @param {string} title @param {import('../parley.js').Member[]} members @param {import('../model/names.js').Names} names
 * @param {(member: import('../parley.js').Member) => number} when
 * @returns {Element[]}
 */
function section(title, members, names, when) {
  if (members.length === 0) return [];
  return [element('h3', {}, title), element('ul', { role: 'list', class: 'members' }, ...members.map(member => {
    const name = names.user(member.user);
    const time = when(member);
    return element('li', { 'data-user': String(member.user) }, avatar(name, member.user), element('span', { class: 'entry-name', dir: 'auto' }, name),
      element('span', { class: 'entry-preview' }, time ? fullTime(time) : ''));
  }))];
}
