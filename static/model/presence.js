// @ts-check
// Who is here, and who types, as far as the server tells.

export class Presence {
  /** False while the connection is away: nobody knows then. */
  known = false;
  /** @type {Map<bigint, { online: boolean, lastSeen: number }>} */
  #users = new Map();
  /** Who types, by conversation. @type {Map<string, Set<bigint>>} */
  #typists = new Map();

  /** @param {{ user: bigint, online: boolean, lastSeen: number }} news */
  take({ user, online, lastSeen }) {
    this.#users.set(user, { online, lastSeen });
  }

  /** @param {{ key: string, user: bigint, active: boolean }} news */
  takeTyping({ key, user, active }) {
    const typists = this.#typists.get(key) ?? new Set();
    if (active) typists.add(user);
    else typists.delete(user);
    if (typists.size) this.#typists.set(key, typists);
    else this.#typists.delete(key);
  }

  /** Whoever sent a message types it no more. @param {string} key @param {bigint} user */
  sent(key, user) {
    this.takeTyping({ key, user, active: false });
  }

  /** @param {bigint} user */
  of(user) {
    return this.known ? this.#users.get(user) : undefined;
  }

  /** Who types in a conversation. @param {string} key @returns {bigint[]} */
  typists(key) {
    return this.known ? [...this.#typists.get(key) ?? []] : [];
  }
}
