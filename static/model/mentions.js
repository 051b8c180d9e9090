// @ts-check
// Whom what is written in a group mentions: those who were chosen for it by name. It is kept with the draft, over
// reloads and for other tabs.

const most = 50; // that a message may mention, as the server has it

export class Mentions {
  #place; // in localStorage
  /** In the order in which they were chosen, each with the name as it is written. @type {Map<bigint, string>} */
  #chosen = new Map();

  /** @param {string} place where they are kept */
  constructor(place) {
    this.#place = place;
  }

  /** @param {bigint} user @param {string} name */
  choose(user, name) {
    this.#read();
    this.#chosen.delete(user);
    this.#chosen = new Map([...this.#chosen, [user, name]].slice(-most));
    this.#write([...this.#chosen].map(([id, name]) => [String(id), name]));
  }

  /** Whom a text mentions: of several with one name as many, the last, as it names. @param {string} content @returns {bigint[]} */
  in(content) {
    this.#read();
    return [...new Set(this.#chosen.values())].flatMap(name => {
      const times = content.split(`@${name}`).length - 1;
      return times ? [...this.#chosen].filter(([, other]) => other === name).slice(-times).map(([user]) => user) : [];
    });
  }

  /** The message was sent. */
  clear() {
    this.#chosen.clear();
    this.#write(null);
  }

  /** Another tab may have chosen. */
  #read() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.#place) ?? '[]');
      this.#chosen = new Map(kept.map((/** @type {[string, string]} */ [id, name]) => [BigInt(id), String(name)]));
    } catch {
      // A browser that stores nothing mentions whom this page knows of.
    }
  }

  /** @param {string[][] | null} chosen */
  #write(chosen) {
    try {
      if (chosen) localStorage.setItem(this.#place, JSON.stringify(chosen));
      else localStorage.removeItem(this.#place);
    } catch {
      // see above
    }
  }
}
