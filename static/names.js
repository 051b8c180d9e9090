// @ts-check
// The names of people, as far as they are known here.
import { shortID, userName } from './labels.js';
import { t } from './strings.js';

/** Fires "change" when a name was learned by asking. */
export class Names extends EventTarget {
  /** @type {Map<bigint, string>} */
  #names = new Map();
  /** Who has been asked for, or waits to be. @type {Set<bigint>} */
  #asked = new Set();
  /** @type {bigint[]} */
  #queue = [];
  #asking = false;
  /** @type {import('./parley.js').Parley | null} */
  parley = null;

  /** @param {bigint} id @param {string} name '' if it is not known */
  set(id, name) {
    if (id && name) this.#names.set(id, name);
  }

  /** A person's name, or one made of the id. @param {bigint} id */
  user(id) {
    return userName(this.#names.get(id) ?? '', id);
  }

  /** An agent's name; one that is not known is asked for. @param {bigint} id */
  agent(id) {
    if (id === this.parley?.user.id) return t.you;
    this.ask(id);
    return this.#names.get(id) ?? t.agent(shortID(id));
  }

  /** Asks for a name that is not known, once. @param {bigint} id */
  ask(id) {
    if (!id || this.#names.has(id) || this.#asked.has(id)) return;
    this.#asked.add(id);
    this.#queue.push(id);
    this.#work();
  }

  /** Those who could not be asked for, offline, may be asked for again. */
  forgive() {
    for (const id of this.#asked) if (!this.#names.has(id)) this.#asked.delete(id);
  }

  /** One after the other: nobody needs a name so soon that the server should be hurried. */
  async #work() {
    if (this.#asking) return;
    this.#asking = true;
    for (let id = this.#queue.shift(); id; id = this.#queue.shift()) {
      try {
        const found = (await this.parley?.users(String(id)))?.find(user => user.id === id);
        this.set(id, found?.name ?? '');
        if (found?.name) this.dispatchEvent(new Event('change'));
      } catch {
        // Offline. The number names the person until the connection is back.
      }
    }
    this.#asking = false;
  }
}
