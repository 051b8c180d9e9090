// @ts-check
// Conversations in an order that is kept while they change, one or many.

/** @typedef {import('../parley.js').Conversation} Conversation */

const many = 64; // changes at once from which sorting anew is cheaper

export class SortedConversations {
  /** @type {Conversation[]} */
  #order = [];
  /** @type {Map<string, Conversation>} */
  #byKey = new Map();
  #compare;

  /** @param {(a: Conversation, b: Conversation) => number} compare never 0 of two with different keys */
  constructor(compare) {
    this.#compare = compare;
  }

  /** How many there are. */
  get size() {
    return this.#order.length;
  }

  /** In order; not to be changed. @returns {readonly Conversation[]} */
  get all() {
    return this.#order;
  }

  /** @param {Conversation[]} changed */
  put(changed) {
    if (changed.length >= many) {
      const keys = new Set(changed.map(({ key }) => key));
      for (const conversation of changed) this.#byKey.set(conversation.key, conversation);
      // Two runs that are in order, which sort only merges.
      this.#order = [...this.#order.filter(({ key }) => !keys.has(key)), ...changed.toSorted(this.#compare)].sort(this.#compare);
      return;
    }
    for (const conversation of changed) {
      this.delete(conversation.key);
      this.#byKey.set(conversation.key, conversation);
      this.#order.splice(this.#placeOf(conversation), 0, conversation);
    }
  }

  /** @param {string} key */
  delete(key) {
    const known = this.#byKey.get(key);
    if (!known) return;
    this.#order.splice(this.#placeOf(known), 1);
    this.#byKey.delete(key);
  }

  /** Where it stands, or would. @param {Conversation} conversation */
  #placeOf(conversation) {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(this.#order[middle], conversation) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
