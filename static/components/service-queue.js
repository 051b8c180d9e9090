// @ts-check
// An agent's view of their services: which customers wait, the longest first.
import { everyState, QueueFilter } from '../model/queue-filter.js';
import { formats, t } from '../texts/strings.js';
import { element, hide, set, spoken, text } from './dom.js';
import { EntryList } from './entry-list.js';
import { QueueEntry } from './queue-entry.js';

/**
 * @typedef {import('../model/sorted-conversations.js').SortedConversations} SortedConversations
 * @typedef {import('../model/queue-filter.js').State} State
 */

const second = 1000; // ms

export class ServiceQueue extends HTMLElement {
  #context;
  #filter;
  #list;
  #waiting = element('p', { class: 'waiting-count' });
  /** How many wait of each state. @type {Map<State, HTMLElement>} */
  #counts = new Map(everyState.map(state => [state, element('span')]));
  #services = element('select', { 'aria-label': t.service, hidden: true, onchange: () => this.#choose({ service: Number(this.#services.value) }) });
  #text = element('input', {
    type: 'search', 'aria-label': t.findInQueue, placeholder: t.findInQueue, autocomplete: 'off', spellcheck: 'false', dir: 'auto', maxlength: 64,
    oninput: () => this.#choose({ text: this.#text.value.trim() }),
  });
  #found = spoken('');
  #emptyTitle = element('p', { class: 'empty-title' });
  #emptyHint = element('p', {}, t.queueEmptyHint);
  #showAll = element('button', { class: 'button', type: 'button', onclick: () => this.#clear() }, t.showAll);
  #empty = element('div', { class: 'empty', hidden: true }, this.#emptyTitle, this.#emptyHint, this.#showAll);
  /** @type {SortedConversations | null} */
  #queue = null;
  #open = '';
  #done = new AbortController();

  /** @param {import('../model/page-context.js').PageContext} context */
  constructor(context) {
    super();
    this.#context = context;
    this.#filter = new QueueFilter(context);
    this.#list = new EntryList(t.queue, key => new QueueEntry(key, context));
    this.#text.value = this.#filter.text;
    this.#found.setAttribute('role', 'status');
  }

  connectedCallback() {
    if (!this.firstChild) {
      this.append(element('div', { class: 'queue-head' }, element('h2', {}, t.queue), this.#waiting, this.#states(),
        element('div', { class: 'queue-find' }, this.#text, this.#services), this.#found), this.#list.element, this.#empty);
    }
    this.#done = new AbortController();
    this.#list.follow(this.#done.signal);
    this.#context.clock.every(second, () => this.#list.tick(), this.#done.signal);
    this.#context.services.addEventListener('change', () => this.showServices(), { signal: this.#done.signal });
  }

  disconnectedCallback() {
    this.#done.abort();
  }

  /** Whether a conversation in it has the focus now. @param {string} key */
  focusOn(key) {
    return this.#list.focus(key);
  }

  /** Offers the services that the user answers for, if they are some. */
  showServices() {
    const { services } = this.#context;
    const own = services.all.map(({ number }) => number).filter(number => services.own.includes(number));
    hide(this.#services, own.length < 2);
    this.#services.replaceChildren(element('option', { value: '-1' }, t.allServices),
      ...own.map(number => element('option', { value: String(number) }, services.name(number))));
    if (!own.includes(this.#filter.service)) this.#filter.service = -1;
    this.#services.value = String(this.#filter.service);
  }

  /** @param {SortedConversations} queue @param {string} open key of the conversation on the screen */
  show(queue, open) {
    this.#queue = queue;
    this.#open = open;
    const filter = this.#filter;
    this.#list.show(queue, open, filter.active ? conversation => filter.passes(conversation) : undefined);
    hide(this.#empty, this.#list.size > 0);
    const hides = filter.active && queue.size > 0;
    text(this.#emptyTitle, hides ? t.queueNothing : t.queueEmpty);
    hide(this.#emptyHint, hides);
    hide(this.#showAll, !hides);
    this.#count(queue);
  }

  /** Counts who waits: they are the first. @param {SortedConversations} queue */
  #count(queue) {
    const first = queue.all.findIndex(({ waitingSince }) => !waitingSince);
    const waiting = first < 0 ? queue.all : queue.all.slice(0, first);
    for (const [state, count] of this.#counts) {
      if (state === 'all' || state === 'waiting') continue; // these are all who wait
      const n = waiting.filter(conversation => this.#filter.passes(conversation, state)).length;
      text(count, n ? formats.number(n) : '');
    }
    text(this.#waiting, t.waitingCount(waiting.length));
    set(this, 'data-waiting', waiting.length);
  }

  #states() {
    return element('div', { class: 'filters', role: 'radiogroup', 'aria-label': t.filter }, ...everyState.map(state =>
      element('label', {}, element('input', {
        type: 'radio', name: 'queue-filter', value: state, checked: state === this.#filter.state, 'aria-label': t.filters[state],
        onchange: () => this.#choose({ state }),
      }), element('span', { class: 'filter' }, t.filters[state], ' ', this.#counts.get(state) ?? ''))));
  }

  /** Shows those that are wanted now, and says how many they are. @param {Parameters<QueueFilter['choose']>[0]} choice */
  #choose(choice) {
    this.#filter.choose(choice);
    if (!this.#queue) return;
    this.show(this.#queue, this.#open);
    text(this.#found, t.queueFound(this.#queue.all.filter(conversation => this.#filter.passes(conversation)).length));
  }

  #clear() {
    this.#text.value = '';
    this.#services.value = '-1';
    const [all] = this.querySelectorAll('input');
    all.checked = true;
    all.focus(); // the button goes
    this.#choose({ state: 'all', service: -1, text: '' });
  }
}

customElements.define('service-queue', ServiceQueue);
