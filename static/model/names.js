// @ts-check
// The names of people, as far as they are known here.
import { isolated } from '../texts/foreign-text.js';
import { shortID, userName } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { Lookalikes } from './lookalikes.js';

/** Fires "change" when a name was learned by asking, or turned out to look like another's. */
export class Names extends EventTarget {
  /** @type {Map<bigint, string>} */
  #names = new Map();
  /** Who has been asked for, or waits to be, and what resolves with the answer. @type {Map<bigint, Promise<void>>} */
  #asked = new Map();
  /** @type {{id: bigint, answered: () => void}[]} */
  #queue = [];
  #asking = false;
  /** What groups are called, by their keys. @type {Map<string, string>} */
  #groups = new Map();
  #lookalikes;
  /** Who can be asked; null at the start. @type {import('../parley.js').Parley | null} */
  parley = null;
  #me;

  /** @param {bigint} me @param {import('./services.js').Services} services whose names are nobody else's */
  constructor(me, services) {
    super();
    this.#me = me;
    this.#lookalikes = new Lookalikes(services, () => this.dispatchEvent(new Event('change')));
  }

  /** @param {bigint} id @param {string} name '' if it is not known */
  set(id, name) {
    if (!id || !name || this.#names.get(id) === name) return;
    this.#names.set(id, name);
    this.#lookalikes.set(id, name);
  }

  /** Keeps the names that come with conversations. @param {import('../parley.js').Conversation[]} conversations */
  learn(conversations) {
    for (const { key, peer, customer, agent, peerName, assignee, assigneeName, group } of conversations) {
      if (peer || agent) this.set(peer || customer, peerName);
      if (group && peerName) this.#groups.set(key, peerName);
      this.set(assignee, assigneeName);
    }
  }

  /** Keeps the names of a group's members. @param {import('../parley.js').Member[]} members */
  learnMembers(members) {
    for (const { user, name } of members) this.set(user, name);
  }

  /** A person's name, told apart from others that look like it, or one made of the id. @param {bigint} id */
  user(id) {
    return this.#known(id) ?? userName('', id);
  }

  /** A group's name, '' if it is not known. @param {string} key */
  group(key) {
    return this.#groups.get(key) ?? '';
  }

  /** A person's bare name, '' if it is not known. @param {bigint} id */
  bare(id) {
    return this.#names.get(id) ?? '';
  }

  /** @param {bigint} id */
  #known(id) {
    const name = this.#names.get(id);
    return name && this.#lookalikes.has(id) ? t.namesake(isolated(name), String(id).slice(-4)) : name;
  }

  /** An agent's name; one that is not known is asked for. @param {bigint} id */
  agent(id) {
    if (id === this.#me) return t.you;
    this.ask(id);
    return this.#known(id) ?? t.agent(shortID(id));
  }

  /** Asks for a name that is not known, once; resolves when it is known, or cannot be. @param {bigint} id */
  async ask(id) {
    if (!id || !this.parley || this.#names.has(id)) return;
    let asked = this.#asked.get(id);
    if (!asked) {
      asked = new Promise(answered => this.#queue.push({ id, answered }));
      this.#asked.set(id, asked);
      this.#work();
    }
    await asked;
  }

  /** Those who could not be asked for, offline, may be asked for again. */
  forgive() {
    for (const id of this.#asked.keys()) if (!this.#names.has(id)) this.#asked.delete(id);
  }

  /** One after the other: nobody needs a name so soon that the server should be hurried. */
  async #work() {
    if (this.#asking) return;
    this.#asking = true;
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      const { id, answered } = next;
      try {
        const found = (await this.parley?.users(String(id)))?.find(user => user.id === id);
        this.set(id, found?.name ?? '');
        if (found?.name) this.dispatchEvent(new Event('change'));
      } catch {
        // Offline. The number names the person until the connection is back.
      }
      answered();
    }
    this.#asking = false;
  }
}
