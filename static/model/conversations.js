// @ts-check
// All conversations of the user: their own, and those they answer for a service.
import { SortedConversations } from './sorted-conversations.js';

/** @typedef {import('../parley.js').Conversation} Conversation */

export class Conversations {
  /** With people, and as a customer: the pinned ones, then the most recently active first. */
  own = new SortedConversations(byPlace);
  /** Likewise, which are out of the list. */
  archived = new SortedConversations(byPlace);
  /** As an agent: who waits, the longest first, then the others. */
  queue = new SortedConversations(byWaiting);
  /** Unread messages of all of them that are not muted. */
  unread = 0n;
  /** @type {Map<string, Conversation>} */
  #byKey = new Map();
  /** How many are known to be archived, of which some may not be here yet. */
  archivedBefore = 0;

  get all() {
    return [this.own, this.archived, this.queue].flatMap(list => list.all);
  }

  get archivedCount() {
    return Math.max(this.archived.size, this.archivedBefore);
  }

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
      const before = this.get(conversation.key);
      this.unread += (isEmpty(conversation) ? 0n : calling(conversation)) - (before ? calling(before) : 0n);
      if (isEmpty(conversation)) this.#delete(conversation.key);
      // Whom the user blocks is known, also where there is nothing to list.
      if (!isEmpty(conversation) || conversation.blocked) this.#byKey.set(conversation.key, conversation);
      return !isEmpty(conversation);
    });
    for (const list of [this.own, this.archived, this.queue]) {
      for (const conversation of present) if (this.#listOf(conversation) !== list) list.delete(conversation.key);
      list.put(present.filter(conversation => this.#listOf(conversation) === list));
    }
  }

  /** @param {Conversation} conversation */
  #listOf({ agent, archived }) {
    if (agent) return this.queue;
    return archived ? this.archived : this.own;
  }

  /** @param {string} key */
  #delete(key) {
    this.#byKey.delete(key);
    for (const list of [this.own, this.archived, this.queue]) list.delete(key);
  }
}

/** Its only message was deleted unsent, or it never had one. @param {Conversation} conversation */
function isEmpty({ head, last }) {
  return head === 0n && !last;
}

/** Unread messages that call the user. @param {Conversation} conversation */
function calling({ muted, unread }) {
  return muted ? 0n : unread;
}

/** @param {Conversation} a @param {Conversation} b */
function byPlace(a, b) {
  return Number(b.pinned) - Number(a.pinned) || byActivity(a, b);
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
