// @ts-check
// A control entry: a quiet line that tells who did what.
import { element, set, text } from './dom.js';
import { previewOf } from './foreign-text.js';
import { clockTime, fullTime } from './labels.js';
import { t } from './strings.js';

/**
 * @typedef {import('./parley.js').Message} Message
 * @typedef {import('./participants.js').Participants} Participants
 */

/** What a control entry tells. @param {Message} message @param {Participants} participants */
export function systemWords(message, participants) {
  const who = participants.authorOf(message);
  const by = message.mine ? t.byYou : who;
  switch (message.type) {
    case 'claim':
      return t.claimed(who);
    case 'release':
      return t.released(who);
    case 'hand-over': {
      const target = participants.agentName(message.target);
      return t.handedOver(target === t.you ? t.byYou : target, by);
    }
    case 'resolve':
      return participants.agent ? t.resolvedBy(by) : t.resolved;
    case 'reopen':
      return t.reopenedBy(by);
    case 'no-reply-needed':
      return t.neededNoReply(who);
    default:
      return t.cannotBeShown;
  }
}

/** How much is shown of what was said with it, in UTF-16 units. */
const longest = 300;

export class ControlView {
  #words = element('span', { dir: 'auto' });
  #time = element('time');
  element = element('p', { class: 'control' }, this.#words, ' ', this.#time);
  /** Where it ends. */
  end = this.#time;

  /** @param {import('./rows.js').Row} row */
  paint(row) {
    if (row.kind !== 'control') return;
    const { message, words } = row;
    const said = message.content ? `${words}: ${previewOf(message.content, longest)}` : words;
    set(this.element, 'data-seq', String(message.seq));
    set(this.element, 'data-message-id', String(message.id));
    set(this.element, 'data-state', message.state);
    set(this.element, 'data-type', message.type);
    text(this.#words, said);
    text(this.#time, message.state === 'pending' ? t.states.pending : clockTime(message.time));
    set(this.#time, 'datetime', new Date(message.time).toISOString());
    set(this.#time, 'title', fullTime(message.time));
  }
}
