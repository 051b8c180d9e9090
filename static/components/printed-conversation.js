// @ts-check
// A conversation on paper: all of its messages, where on the screen only those near what is read are there.
import { rowsOf } from '../model/rows.js';
import { isolated } from '../texts/foreign-text.js';
import { fullTime } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { element } from './dom.js';
import { viewOf } from './message-row.js';

/** In the page only while it is printed, and never on the screen, where it would take long to lay out. */
export class PrintedConversation extends HTMLElement {
  /**
   * @param {import('../model/participants.js').Participants} participants
   * @param {import('../model/conversation-pages.js').Part} part
   * @param {import('../parley.js').Note[]} notes those that stand in it
   * @param {number} now Unix milliseconds by the server's clock
   */
  constructor(participants, { messages, more }, notes, now) {
    super();
    const all = new Map(messages.map(message => [message.seq, message]));
    const rows = rowsOf(messages, participants, null, notes, seq => all.get(seq) ?? null).map(row => {
      const view = viewOf(row, null);
      view.paint(row, now);
      return view.element;
    });
    const [first, last] = [messages[0], messages.at(-1)];
    this.append(
      element('h1', { dir: 'auto' }, t.messagesWith(isolated(participants.name))),
      ...(first && last ? [element('p', { class: 'note' }, t.printedRange(fullTime(first.time), fullTime(last.time), messages.length))] : []),
      ...(more ? [element('p', { class: 'note' }, t.printedInPart)] : []),
      element('div', { class: 'rows' }, ...rows));
  }
}

customElements.define('printed-conversation', PrintedConversation);
