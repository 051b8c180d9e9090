// @ts-check
// What one can do with a conversation beside writing.
import { t } from '../texts/strings.js';
import { element, hide } from './dom.js';

/**
 * @typedef {import('../parley.js').Conversation} Conversation
 * @typedef {keyof typeof t.acts} Act
 */

/** When each is of use; whether it is allowed is for the server to say. @type {Record<Act, (c: Conversation, me: bigint) => boolean>} */
const useful = {
  'no-reply-needed': ({ waitingSince, blocked }) => waitingSince > 0 && !blocked,
  'hand-over': ({ assignee, closed }, me) => closed !== 'moved' && (assignee === me || assignee === 0n),
  move: ({ assignee, closed }, me) => closed !== 'moved' && (assignee === me || assignee === 0n),
  claim: ({ assignee, closed }, me) => assignee !== me && closed !== 'moved',
  release: ({ assignee }, me) => assignee === me,
  resolve: ({ closed }) => closed !== 'resolved' && closed !== 'moved',
  reopen: ({ closed, waitingSince }) => closed !== 'open' && !waitingSince, // who waits has opened it
};

/** Those of which one at most is of use have one place, which stays when none is: what changes moves nothing. @type {Act[][]} */
const everybodys = [['no-reply-needed']];
/** What comes and goes stands first or last, where its place is not missed. @type {Act[][]} */
const agents = [['no-reply-needed', 'reopen'], ['hand-over'], ['move'], ['claim', 'release'], ['resolve']];

/** Fires "act" with the type of the control entry that is wanted, "focus-lost" when the focused button went. */
export class ConversationActions extends HTMLElement {
  /** @type {Map<Act, HTMLButtonElement>} */
  #buttons = new Map();

  #agent;

  /** @param {boolean} agent the user is one, of the conversation's service */
  constructor(agent) {
    super();
    this.#agent = agent;
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.setAttribute('role', 'group');
    this.setAttribute('aria-label', t.actions);
    this.append(...(this.#agent ? agents : everybodys).map(acts => element('span', { class: 'place' }, ...acts.map(act => this.#button(act)))));
  }

  /** @param {Act} act */
  #button(act) {
    const button = element('button', {
      class: 'button', type: 'button', hidden: true, 'data-act': act,
      onclick: () => this.dispatchEvent(new CustomEvent('act', { detail: act })),
    }, t.acts[act]);
    this.#buttons.set(act, button);
    return button;
  }

  /** @param {Conversation | undefined} conversation @param {bigint} me */
  show(conversation, me) {
    const focused = this.contains(document.activeElement) ? document.activeElement : null;
    for (const [act, button] of this.#buttons) hide(button, !conversation?.head || !useful[act](conversation, me));
    hide(this, !this.#agent && [...this.#buttons.values()].every(({ hidden }) => hidden));
    if (focused instanceof HTMLElement && (focused.hidden || this.hidden)) this.dispatchEvent(new Event('focus-lost'));
  }
}

customElements.define('conversation-actions', ConversationActions);
