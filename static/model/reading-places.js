// @ts-check
// Where the person read in conversations that they turned away from. What stood around the place is kept while the
// page is open; which message it was, and where it stood, over a reload, by this tab and for those that begin later.
import { keepsIdentity, storedIdentity } from './identity.js';

/**
 * @typedef {import('./snapshot.js').Shown} Shown
 * @typedef {object} ReadingPlace
 * @property {bigint} seq of the first message on the screen; 0n if it was the end, where one reads on anyway
 * @property {number} top how far below the top of the list it began, px
 */

const name = 'parley.places';
const stores = /** @type {const} */ (['sessionStorage', 'localStorage']); // of this tab, and of all
const most = 20; // conversations of which messages are kept
const mostPlaces = 200;

export class ReadingPlaces {
  /** By key; the one left last is the last. @type {Map<string, Shown>} */
  #left = new Map();
  #user;

  /** @param {bigint} user whose they are */
  constructor(user) {
    this.#user = user;
  }

  /** Keeps what is shown of a conversation, if that is not its end, where one reads on anyway. @param {Shown} shown */
  leave(shown) {
    this.#left.delete(shown.key);
    if (shown.place) this.#left.set(shown.key, shown);
    bound(this.#left, most);
    this.keep(shown);
  }

  /** Keeps where that is for a reload. @param {Shown} shown */
  keep({ key, messages, from = 0, place }) {
    // Another tab may have signed out, of which this page has not heard.
    if (!keepsIdentity() || storedIdentity()?.id !== this.#user) return;
    const now = { seq: place ? messages[from].seq : 0n, top: place ? place.top : 0 };
    for (const store of stores) {
      const places = this.#read(store);
      const before = places.get(key);
      if ((before?.seq ?? 0n) === now.seq && (before?.top ?? 0) === now.top) continue;
      places.delete(key);
      places.set(key, now);
      bound(places, mostPlaces);
      this.#write(store, places);
    }
  }

  /** What was shown when the conversation was left; null if that was its end, or long ago. @param {string} key */
  of(key) {
    return this.#left.get(key) ?? null;
  }

  /** Where the person read before the page was loaded; null if that was the end, or long ago. @param {string} key */
  before(key) {
    const places = stores.map(store => this.#read(store).get(key));
    const place = places.find(place => place !== undefined);
    return place?.seq ? place : null;
  }

  /** What is kept, or what can be read of it. @param {typeof stores[number]} store @returns {Map<string, ReadingPlace>} */
  #read(store) {
    try {
      const { user, places } = JSON.parse(globalThis[store].getItem(name) ?? '{}');
      if (user !== String(this.#user)) return new Map();
      return new Map(places.map((/** @type {[string, string, number]} */ [key, seq, top]) => [key, { seq: BigInt(seq), top: Number(top) || 0 }]));
    } catch {
      return new Map(); // it is not there to be read, or damaged
    }
  }

  /** @param {typeof stores[number]} store @param {Map<string, ReadingPlace>} places */
  #write(store, places) {
    try {
      const plain = [...places].map(([key, { seq, top }]) => [key, String(seq), top]);
      globalThis[store].setItem(name, JSON.stringify({ user: String(this.#user), places: plain }));
    } catch {
      // There is no room: the places are lost with the page.
    }
  }
}

/** Drops those that are the oldest. @param {Map<string, unknown>} map @param {number} size */
function bound(map, size) {
  for (const key of map.keys()) {
    if (map.size <= size) break;
    map.delete(key);
  }
}

export function forgetPlaces() {
  for (const store of stores) {
    try {
      globalThis[store].removeItem(name);
    } catch {
      // Nothing is kept, nor was.
    }
  }
}
