// @ts-check
// All conversations of the user: their own, and those they answer for a service.
import { SortedConversations } from './sorted-conversations.js';

/** @typedef {import('../parley.js').Conversation} Conversation */

export class Conversations {
  /** With people, and as a customer: the most recently active first. */
  own = new SortedConversations(byActivity);
  /** As an agent: who waits, the longest first, then the others. */
  queue = new SortedConversations(byWaiting);
  /** Unread messages of all of them. */
  unread = 0n;
  /** @type {Map<string, Conversation>} */
  #byKey = new Map();

  /** @param {string} key */
  get(key) {
    return this.#byKey.get(key);
  }

  /** @param {Conversation[]} changed */
  take(changed) {
    /** @type {Map<string, Conversation>} */
    const latest = new Map();
    for (const conversation of changed) latest.set(conversation.key, conversation);
    const present = [...latest.values()].filter(conversation => {
      this.unread += (isEmpty(conversation) ? 0n : conversation.unread) - (this.get(conversation.key)?.unread ?? 0n);
      if (isEmpty(conversation)) this.#delete(conversation.key);
      // Whom the user blocks is known, also where there is nothing to list.
      if (!isEmpty(conversation) || conversation.blocked) this.#byKey.set(conversation.key, conversation);
      return !isEmpty(conversation);
    });
    this.own.put(present.filter(({ agent }) => !agent));
    this.queue.put(present.filter(({ agent }) => agent));
  }

  /** @param {string} key */
  #delete(key) {
    this.#byKey.delete(key);
    this.own.delete(key);
    this.queue.delete(key);
  }
}

/** Its only message was deleted unsent, or it never had one. @param {Conversation} conversation */
function isEmpty({ head, last }) {
  return head === 0n && !last;
}

/** @param {Conversation} a @param {Conversation} b */
function byWaiting(a, b) {
  if (a.waitingSince && b.waitingSince) return a.waitingSince - b.waitingSince || (a.key < b.key ? -1 : 1);
  if (a.waitingSince || b.waitingSince) return a.waitingSince ? -1 : 1;
  return byActivity(a, b);
}

/**
 * Puts what waits to be sent first, then the highest id of the newest message:
 * ids rise by the server's clock.
 * @param {Conversation} a @param {Conversation} b
 */
function byActivity(a, b) {
  return descending(pending(a), pending(b)) || descending(a.last?.id ?? 0n, b.last?.id ?? 0n) || (a.key < b.key ? -1 : 1);
}

/** @param {Conversation} conversation */
function pending({ last }) {
  return last && last.seq === 0n ? last.number : 0n;
}

/** @param {bigint} a @param {bigint} b */
function descending(a, b) {
  return a > b ? -1 : a < b ? 1 : 0;
}
