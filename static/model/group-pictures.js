// @ts-check
// The pictures of groups, as addresses that an element can show.

const most = 200; // pictures that are held
const lingers = 10_000; // ms that the address of another one is good for: what shows it is painted soon

/** Fires "change" when a picture has come. */
export class GroupPictures extends EventTarget {
  /** What conversations told, by their keys. @type {Map<string, bigint>} */
  #told = new Map();
  /** What was loaded, the oldest first; url is '' while it is not there. @type {Map<string, { id: bigint, url: string }>} */
  #held = new Map();
  /** Who can be asked; null at the start. @type {import('../parley.js').Parley | null} */
  parley = null;

  /** @param {import('../parley.js').Conversation[]} conversations */
  learn(conversations) {
    for (const { key, group, picture } of conversations) if (group) this.#told.set(key, picture);
  }

  /** The address of a conversation's picture; '' if it has none, or until it is loaded. @param {string} key */
  of(key) {
    const id = this.#told.get(key) ?? 0n;
    const held = this.#held.get(key);
    if (held?.id === id) return held.url;
    if (held) this.#drop(key);
    if (id && this.parley) this.#load(this.parley, key, id);
    return '';
  }

  /** Those that could not be loaded, offline, may be asked for again. */
  forgive() {
    for (const [key, { url }] of this.#held) if (!url) this.#held.delete(key);
  }

  close() {
    for (const key of this.#held.keys()) this.#drop(key);
  }

  /** @param {import('../parley.js').Parley} parley @param {string} key @param {bigint} id */
  async #load(parley, key, id) {
    const picture = { id, url: '' };
    this.#held.set(key, picture);
    if (this.#held.size > most) this.#drop(String(this.#held.keys().next().value));
    try {
      const blob = await parley.groupPicture(key, id);
      if (this.#held.get(key) !== picture) return;
      picture.url = URL.createObjectURL(blob);
      this.dispatchEvent(new Event('change'));
    } catch {
      // Offline, or it has another by now. The group's initials stand for it.
    }
  }

  /** @param {string} key */
  #drop(key) {
    const url = this.#held.get(key)?.url;
    if (url) setTimeout(() => URL.revokeObjectURL(url), lingers);
    this.#held.delete(key);
  }
}
