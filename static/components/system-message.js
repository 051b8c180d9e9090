// @ts-check
// A control entry: a quiet line that tells who did what.
import { isolated, previewOf } from '../texts/foreign-text.js';
import { clockTime, fullTime } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { saidWith } from '../texts/system-words.js';
import { element, set, text } from './dom.js';

/**
 * @typedef {import('../parley.js').Message} Message
 * @typedef {import('../model/participants.js').Participants} Participants
 */

/** How much is shown of what was said with it, in UTF-16 units. */
const longest = 300;

export class ControlView {
  #words = element('span');
  #time = element('time');
  #link = element('a', { hidden: true });
  #excerpt = element('ul', { role: 'list', class: 'excerpt', 'aria-label': t.excerpt, hidden: true });
  element = element('div', { class: 'control' }, element('p', {}, this.#words, ' ', this.#time), this.#excerpt, this.#link);
  /** Where it ends. */
  end = this.#time;

  /** @param {import('../model/rows.js').Row} row */
  paint(row) {
    if (row.kind !== 'control') return;
    const { message, words, link, excerpt } = row;
    const content = saidWith(message);
    const said = content ? t.saidWith(words, isolated(previewOf(content, longest))) : words;
    set(this.element, 'data-seq', String(message.seq));
    set(this.element, 'data-message-id', String(message.id));
    set(this.element, 'data-state', message.state);
    set(this.element, 'data-type', message.type);
    text(this.#words, said);
    this.#link.hidden = !link;
    set(this.#link, 'href', link?.href ?? null);
    text(this.#link, link?.words ?? '');
    this.#excerpt.hidden = excerpt.length === 0;
    this.#excerpt.replaceChildren(...excerpt.map(({ author, content }) => element('li', {}, element('bdi', { class: 'author' }, author), ' ', element('bdi', {}, previewOf(content, longest)))));
    text(this.#time, message.state === 'pending' ? t.states.pending : clockTime(message.time));
    set(this.#time, 'datetime', new Date(message.time).toISOString());
    set(this.#time, 'title', fullTime(message.time));
  }
}
