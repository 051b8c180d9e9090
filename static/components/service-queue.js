// @ts-check
// An agent's view of their services: which customers wait, the longest first.
import { formats, t } from '../texts/strings.js';
import { element, set, text } from './dom.js';
import { EntryList } from './entry-list.js';
import { QueueEntry } from './queue-entry.js';

/**
 * @typedef {import('../parley.js').Conversation} Conversation
 * @typedef {import('../model/sorted-conversations.js').SortedConversations} SortedConversations
 * @typedef {keyof typeof t.filters} Filter
 */

const second = 1000; // ms

export class ServiceQueue extends HTMLElement {
  #context;
  #list;
  #waiting = element('p', { class: 'waiting-count' });
  /** @type {Record<Filter, HTMLElement>} */
  #counts;
  #empty = element('div', { class: 'empty', hidden: true },
    element('p', { class: 'empty-title' }, t.queueEmpty), element('p', {}, t.queueEmptyHint));
  /** @type {Filter} */
  #filter = 'all';
  /** @type {SortedConversations | null} */
  #queue = null;
  #open = '';
  #done = new AbortController();

  /** @param {import('../model/page-context.js').PageContext} context */
  constructor(context) {
    super();
    this.#context = context;
    this.#list = new EntryList(t.queue, key => new QueueEntry(key, context));
    this.#counts = { mine: element('span'), unclaimed: element('span'), all: element('span') };
  }

  connectedCallback() {
    if (!this.firstChild) {
      this.append(element('div', { class: 'queue-head' }, element('h2', {}, t.queue), this.#waiting, this.#filters()),
        this.#list.element, this.#empty);
    }
    this.#done = new AbortController();
    this.#context.clock.every(second, () => this.#list.tick(), this.#done.signal);
  }

  disconnectedCallback() {
    this.#done.abort();
  }

  /** Whether a conversation in it has the focus now. @param {string} key */
  focusOn(key) {
    return this.#list.focus(key);
  }

  /** @param {SortedConversations} queue @param {string} open key of the conversation on the screen */
  show(queue, open) {
    this.#queue = queue;
    this.#open = open;
    this.#list.show(queue, open, conversation => this.#passes(this.#filter, conversation));
    this.#empty.hidden = this.#list.size > 0;
    this.#count(queue);
  }

  /** @param {Filter} filter @param {Conversation} conversation */
  #passes(filter, { assignee }) {
    return filter === 'all' || assignee === (filter === 'mine' ? this.#context.me : 0n);
  }

  /** Counts who waits: they are the first. @param {SortedConversations} queue */
  #count(queue) {
    const counts = { mine: 0, unclaimed: 0, all: 0 };
    for (const conversation of queue.all) {
      if (!conversation.waitingSince) break;
      for (const filter of filters) if (this.#passes(filter, conversation)) counts[filter]++;
    }
    for (const filter of filters) text(this.#counts[filter], counts[filter] ? formats.number(counts[filter]) : '');
    text(this.#waiting, t.waitingCount(counts.all));
    set(this, 'data-waiting', counts.all);
  }

  #filters() {
    return element('div', { class: 'filters', role: 'radiogroup', 'aria-label': t.filter }, ...filters.map(filter =>
      element('label', {}, element('input', {
        type: 'radio', name: 'queue-filter', value: filter, checked: filter === this.#filter, 'aria-label': t.filters[filter],
        onchange: () => this.#choose(filter),
      }), element('span', {}, t.filters[filter], ' ', this.#counts[filter]))));
  }

  /** @param {Filter} filter */
  #choose(filter) {
    this.#filter = filter;
    if (this.#queue) this.show(this.#queue, this.#open);
  }
}

const filters = /** @type {Filter[]} */ (Object.keys(t.filters));

customElements.define('service-queue', ServiceQueue);
