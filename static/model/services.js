// @ts-check
// Which services there are, as the server told, and as this browser kept it for the next visit.
import { services as ask } from '../parley.js';
import { textIn } from '../texts/languages.js';
import { locale, t } from '../texts/strings.js';

/** @typedef {import('../parley.js').Service} Service */

const place = 'parley.services'; // in localStorage: what the server told last
const longest = 86_400_000; // ms until what the server told is asked for again, at most
const soonest = 1000; // and at least

/** Fires "change" when they are others, or others of them are open. */
export class Services extends EventTarget {
  /** As this version knows them, until the server has told. @type {Service[]} */
  #all = t.services.map((_, number) => ({ number, name: {}, greeting: {}, open: true, changes: 0 }));
  /** The server told, now or at another visit: those that are not among them are no more. */
  #told = false;
  /** Those that the user answers for. @type {number[]} */
  own = [];
  #kept;
  #clock;
  #timer = 0;
  #closed = false;

  /** @param {import('./clock.js').Clock} clock */
  constructor(clock) {
    super();
    this.#clock = clock;
    this.#kept = readKept();
    this.#take(this.#kept);
  }

  /** Asks the server, once the connection is there; again when somebody comes or goes by then. */
  async ask() {
    try {
      const all = await ask();
      if (this.#closed) return;
      const told = JSON.stringify(all);
      if (told !== this.#kept) {
        this.#kept = told;
        keep(told);
        this.#take(told);
        this.dispatchEvent(new Event('change'));
      }
      this.#askLater();
    } catch {
      // Offline: what was told before counts until the connection is back.
    }
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** @param {string} told */
  #take(told) {
    const all = told && JSON.parse(told);
    if (!all) return;
    this.#all = all;
    this.#told = true;
  }

  #askLater() {
    const next = Math.min(...this.#all.map(({ changes }) => changes || Infinity));
    clearTimeout(this.#timer);
    if (next < Infinity) this.#timer = setTimeout(() => this.ask(), Math.min(longest, Math.max(soonest, next - this.#clock.now())));
  }

  /** In the order in which they are shown. */
  get all() {
    return this.#all;
  }

  /** Whether messages to it are not taken any more. @param {number} number */
  gone(number) {
    return this.#told && !this.#of(number);
  }

  /** What it is called. @param {number} number */
  name(number) {
    return textIn(this.#of(number)?.name) || t.services[number] || t.customerService;
  }

  /** What a customer reads before anything was written; '' for nothing. @param {number} number */
  greeting(number) {
    return textIn(this.#of(number)?.greeting);
  }

  /** When it opens, Unix milliseconds; 0 if it is open. @param {number} number */
  opens(number) {
    const service = this.#of(number);
    return service && !service.open ? service.changes : 0;
  }

  /** Those whose name, or that of them all, contains a text. @param {string} query */
  named(query) {
    const part = query.toLocaleLowerCase(locale);
    const whole = t.customerService.toLocaleLowerCase(locale).includes(part);
    return this.#all.map(({ number }) => number).filter(number => whole || this.name(number).toLocaleLowerCase(locale).includes(part));
  }

  /** @param {number} number */
  #of(number) {
    return this.#all.find(service => service.number === number);
  }
}

/** Forgets what was kept. */
export function forgetServices() {
  try {
    localStorage.removeItem(place);
  } catch {
    // Then there is nothing.
  }
}

/** What the server told at another visit, as it is kept; '' for nothing. */
function readKept() {
  try {
    const kept = localStorage.getItem(place) ?? '';
    return Array.isArray(JSON.parse(kept || 'null')) ? kept : '';
  } catch {
    return '';
  }
}

/** @param {string} told */
function keep(told) {
  try {
    localStorage.setItem(place, told);
  } catch {
    // A browser that keeps nothing asks each time.
  }
}
