// @ts-check
// Which conversations of the queue an agent wants to see, kept on this device.
import { formats } from '../texts/strings.js';

/**
 * @typedef {import('../parley.js').Conversation} Conversation
 * @typedef {import('./page-context.js').PageContext} PageContext
 * @typedef {keyof typeof states} State
 */

/** @type {Record<'all' | 'waiting' | 'mine' | 'unclaimed' | 'resolved', (conversation: Conversation, me: bigint) => boolean>} */
const states = {
  all: () => true,
  waiting: ({ waitingSince }) => waitingSince > 0,
  mine: ({ assignee }, me) => assignee === me,
  unclaimed: ({ assignee, closed, waitingSince }) => assignee === 0n && (closed === 'open' || waitingSince > 0),
  resolved: ({ closed, waitingSince }) => closed !== 'open' && !waitingSince,
};

export const everyState = /** @type {State[]} */ (Object.keys(states));

export class QueueFilter {
  #context;
  #place;
  /** @type {State} */
  state = 'all';
  /** -1 for all of them. */
  service = -1;
  /** In the customer's name, or in what was written last. */
  text = '';

  /** @param {PageContext} context */
  constructor(context) {
    this.#context = context;
    this.#place = `parley.settings.${context.me}.queue`; // in localStorage
    try {
      const { state, service, text } = JSON.parse(localStorage.getItem(this.#place) ?? '{}');
      if (everyState.includes(state)) this.state = state;
      if (Number.isInteger(service)) this.service = service;
      if (typeof text === 'string') this.text = text;
    } catch {
      // Nothing was kept: all of them.
    }
  }

  /** Whether it keeps any out. */
  get active() {
    return this.state !== 'all' || this.service >= 0 || this.text !== '';
  }

  /** @param {{ state?: State, service?: number, text?: string }} choice */
  choose(choice) {
    const { state, service, text } = Object.assign(this, choice);
    try {
      if (this.active) localStorage.setItem(this.#place, JSON.stringify({ state, service, text }));
      else localStorage.removeItem(this.#place);
    } catch {
      // It counts until the page is loaded again.
    }
  }

  /** @param {Conversation} conversation @param {State} [state] */
  passes(conversation, state = this.state) {
    if (!states[state](conversation, this.#context.me)) return false;
    if (this.service >= 0 && conversation.service !== this.service) return false;
    if (!this.text) return true;
    const { name } = this.#context.participants(conversation.key);
    return formats.find(name, this.text) >= 0 || formats.find(conversation.last?.content ?? '', this.text) >= 0;
  }
}
