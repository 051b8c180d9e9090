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
  claim: ({ agent, assignee, closed }, me) => agent && assignee !== me && closed !== 'moved',
  release: ({ agent, assignee }, me) => agent && assignee === me,
  'hand-over': ({ agent, assignee, closed }, me) => agent && closed !== 'moved' && (assignee === me || assignee === 0n),
  move: ({ agent, assignee, closed }, me) => agent && closed !== 'moved' && (assignee === me || assignee === 0n),
  resolve: ({ agent, closed }) => agent && closed !== 'resolved' && closed !== 'moved',
  reopen: ({ agent, closed }) => agent && closed !== 'open',
  'no-reply-needed': ({ waitingSince, blocked }) => waitingSince > 0 && !blocked,
};

/** Fires "act" with the type of the control entry that is wanted, "focus-lost" when the focused button went. */
export class ConversationActions extends HTMLElement {
  /** @type {Map<Act, HTMLButtonElement>} */
  #buttons = new Map();

  constructor() {
    super();
    for (const act of /** @type {Act[]} */ (Object.keys(useful))) {
      this.#buttons.set(act, element('button', {
        class: 'button', type: 'button', hidden: true, 'data-act': act,
        onclick: () => this.dispatchEvent(new CustomEvent('act', { detail: act })),
      }, t.acts[act]));
    }
  }

  connectedCallback() {
    this.setAttribute('role', 'group');
    this.setAttribute('aria-label', t.actions);
    if (!this.firstChild) this.append(...this.#buttons.values());
  }

  /** @param {Conversation | undefined} conversation @param {bigint} me */
  show(conversation, me) {
    const focused = this.contains(document.activeElement) ? document.activeElement : null;
    for (const [act, button] of this.#buttons) hide(button, !conversation?.head || !useful[act](conversation, me));
    hide(this, [...this.#buttons.values()].every(({ hidden }) => hidden));
    if (focused instanceof HTMLElement && (focused.hidden || this.hidden)) this.dispatchEvent(new Event('focus-lost'));
  }
}

customElements.define('conversation-actions', ConversationActions);
