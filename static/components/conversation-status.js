// @ts-check
// Where the open conversation stands: who has it, who is here, who waits.
import { presenceWords, saysWhoWaits, waitingWords } from '../model/waiting.js';
import { isolated } from '../texts/foreign-text.js';
import { untilTime } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { element, hide, set, text } from './dom.js';
import { icon } from './icons.js';

/** @typedef {import('../parley.js').Conversation} Conversation */

const minute = 60_000; // ms

export class ConversationStatus extends HTMLElement {
  #participants;
  #context;
  #service = element('span', { class: 'assignee' });
  #here = element('span', { class: 'here' });
  #closed = element('span', { class: 'closed-now' });
  #owing = element('span', { class: 'owing' });
  /** Instead of these words, between friends. */
  #mark = element('span', { class: 'mark', role: 'img', hidden: true });
  #awaiting = element('span', { class: 'awaiting' });
  /** @type {Conversation | undefined} */
  #conversation;
  #done = new AbortController();

  /** @param {import('../model/participants.js').Participants} participants @param {import('../model/page-context.js').PageContext} context */
  constructor(participants, context) {
    super();
    this.#participants = participants;
    this.#context = context;
  }

  connectedCallback() {
    if (!this.firstChild) {
      this.classList.toggle('of-agent', this.#participants.agent);
      this.append(element('span', { class: 'line' }, this.#service, this.#here, this.#closed), element('span', { class: 'line' }, this.#owing, this.#mark, this.#awaiting));
    }
    this.#done = new AbortController();
    this.#context.clock.every(minute, () => this.#paint(), this.#done.signal);
  }

  disconnectedCallback() {
    this.#done.abort();
  }

  /** @param {Conversation | undefined} conversation */
  show(conversation) {
    this.#conversation = conversation;
    this.#paint();
  }

  #paint() {
    const conversation = this.#conversation;
    const words = conversation ? waitingWords(conversation, this.#participants, this.#context.clock.now()) : { owing: '', awaiting: '' };
    const members = conversation?.role ? t.memberCount(conversation.memberCount) : '';
    const here = members || presenceWords(this.#participants, this.#context);
    text(this.#service, this.#serviceWords());
    text(this.#here, here);
    const { opens } = this.#participants;
    const now = this.#context.clock.now();
    text(this.#closed, opens > now ? t.closedNow(untilTime(opens, now)) : '');
    this.#here.classList.toggle('online', here === t.online);
    const quiet = words.owing !== '' && this.#participants.amongFriends && !saysWhoWaits();
    text(this.#owing, quiet ? '' : words.owing);
    if (quiet && !this.#mark.firstChild) this.#mark.append(icon('answer'));
    hide(this.#mark, !quiet);
    set(this.#mark, 'aria-label', quiet ? words.owing : null);
    text(this.#awaiting, words.awaiting);
    set(this, 'title', t.phrases([words.owing, words.awaiting].filter(Boolean)) || null); // there may be no room for all
  }

  /** Whose it is, to agents. */
  #serviceWords() {
    const participants = this.#participants;
    if (!participants.agent) return '';
    const { assignee = 0n, closed = 'open' } = this.#conversation ?? {};
    const claimed = assignee ? t.claimedBy(assignee === this.#context.me ? t.byYou : isolated(participants.agentName(assignee))) : t.unclaimed;
    return [participants.serviceName, claimed, t.closed[closed]].filter(Boolean).join(' · ');
  }
}

customElements.define('conversation-status', ConversationStatus);
