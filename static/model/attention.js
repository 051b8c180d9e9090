// @ts-check
// Calls a person who looks elsewhere: a notification for each conversation with something new, and a mark on
// the icons of page and app. Of all tabs of this browser none calls while one of them is looked at, and what
// two tell of one conversation is one notification; and so with the sound of it, if that is wanted.
import { isolated } from '../texts/foreign-text.js';
import { briefly } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { systemWords } from '../texts/system-words.js';
import { isSystemMessage } from './participants.js';
import { hashOf } from './route.js';
import { sound } from './sound.js';

/** @typedef {import('../parley.js').Conversation} Conversation */

const place = 'parley.notifications'; // in localStorage: "on" on this device
const longest = 160; // UTF-16 units of a message
const longestForName = 10_000; // ms
const lookedThrough = 50; // messages, for the newest of others

/** Whether the person can see this page. */
const isVisible = () => document.visibilityState === 'visible';

/** Whether this browser can notify at all. */
export const canNotify = 'Notification' in globalThis;

/** Whether the person wants to be notified on this device, and the browser lets Parley. */
export function notifies() {
  try {
    return canNotify && localStorage.getItem(place) === 'on' && Notification.permission === 'granted'; // which the browser is asked for: a start waits
  } catch {
    return false;
  }
}

/** Switches notifications; the browser asks the person first. Resolves with whether they are on. @param {boolean} on */
export async function setNotifies(on) {
  if (on && await Notification.requestPermission() !== 'granted') return false;
  try {
    if (on) localStorage.setItem(place, 'on');
    else localStorage.removeItem(place);
  } catch {
    // A browser that keeps nothing asks each time.
  }
  return notifies();
}

export class Attention {
  #context;
  /** By key of the conversation. @type {Map<string, { close(): void }>} */
  #shown = new Map();
  /** And of which messages. @type {Map<string, import('../parley.js').Message>} */
  #told = new Map();
  /** What is about to be told, by key. @type {Map<string, Conversation>} */
  #news = new Map();
  /** What is being told. @type {Map<string, Conversation>} */
  #coming = new Map();
  #marked = -1n; // on the icons
  #lock; // which each tab has that is looked at, in a browser that has locks
  #leave = () => {};
  #done = new AbortController();

  /** @param {import('./page-context.js').PageContext} context */
  constructor(context) {
    this.#context = context;
    this.#lock = `parley.attention.${context.me}`;
    document.addEventListener('visibilitychange', () => this.#look(), { signal: this.#done.signal });
    this.#look();
    // A click on what the service worker shows comes back from there.
    navigator.serviceWorker?.addEventListener('message', ({ data }) => {
      if (data?.show) location.hash = data.show;
    }, { signal: this.#done.signal });
  }

  /** Tells of conversations with more to read than before, unless somebody looks. @param {Conversation | undefined} was @param {Conversation} conversation */
  take(was, conversation) {
    const { key, unread, last, muted } = conversation;
    if (unread === 0n || last && this.#isOutdated(key, last)) this.#end(key);
    if (unread <= (was?.unread ?? 0n) || muted || isVisible() || this.#isOthers(conversation)) return;
    const first = this.#news.size === 0;
    this.#news.set(key, conversation);
    if (first) this.#tell(); // which may end at once, and then there is no news left
  }

  /** Whether what is shown says what a message says no more: it was edited, or taken back. @param {string} key @param {import('../parley.js').Message} last */
  #isOutdated(key, { id, content }) {
    const told = this.#told.get(key);
    return told !== undefined && told.id === id && told.content !== content;
  }

  /** Whether it waits for an agent who is here, while the user is away. @param {Conversation} conversation */
  #isOthers({ agent, assignee }) {
    return this.#context.away && agent && assignee !== this.#context.me;
  }

  /** Marks the icons. @param {bigint} unread */
  mark(unread) {
    if (unread === this.#marked) return;
    this.#marked = unread;
    const icon = document.querySelector('link[rel=icon]');
    const href = unread > 0n ? './icon-unread.svg' : './icon.svg';
    if (icon && icon.getAttribute('href') !== href) icon.setAttribute('href', href);
    const app = /** @type {any} */ (navigator); // not in every browser
    const done = unread > 0n ? app.setAppBadge?.(Number(unread)) : app.clearAppBadge?.();
    done?.catch(() => {}); // the page is not installed
  }

  close() {
    this.#done.abort();
    this.#leave();
    this.#news.clear();
    this.#coming.clear();
    for (const key of this.#shown.keys()) this.#end(key);
    this.mark(0n);
  }

  async #tell() {
    const looked = await this.#isLookedAt().catch(() => false); // better told twice than not at all
    const news = [...this.#news.values()];
    this.#news.clear();
    if (looked || this.#done.signal.aborted) return;
    sound();
    if (notifies()) for (const conversation of news) this.#show(conversation);
  }

  /** Lets other tabs know whether this one is looked at: at once, however busy it is. */
  #look() {
    this.#leave();
    if (!isVisible()) return;
    const left = new Promise(resolve => { this.#leave = () => resolve(undefined); });
    navigator.locks?.request(this.#lock, { mode: 'shared' }, () => left).catch(() => {}); // the page goes
  }

  async #isLookedAt() {
    const { held = [] } = isVisible() ? {} : await navigator.locks?.query() ?? {};
    return held.some(({ name }) => name === this.#lock) || isVisible();
  }

  /** @param {Conversation} conversation */
  async #show(conversation) {
    const { key } = conversation;
    const participants = this.#context.participants(key);
    this.#coming.set(key, conversation);
    const [last] = await Promise.all([
      this.#newest(conversation, participants).catch(() => null), // whoever comes back finds it all the same
      // The name of who has never written before may still be on its way, behind those of others.
      Promise.race([this.#context.names.ask(participants.person), new Promise(resolve => setTimeout(resolve, longestForName))]),
    ]);
    if (this.#coming.get(key) !== conversation) return; // it was read meanwhile, or there is more
    this.#coming.delete(key);
    if (!last || isVisible() || this.#done.signal.aborted) return;
    this.#told.set(key, last);
    const options = {
      body: wordsOf(last, participants), tag: key, icon: './icon.svg',
      lang: document.documentElement.lang, dir: /** @type {NotificationDirection} */ (document.documentElement.dir),
    };
    try {
      this.#showHere(key, new Notification(participants.name, options), hashOf(conversation));
    } catch {
      await this.#showByWorker(participants.name, { ...options, data: hashOf(conversation) }); // as Android's browsers want it
    }
  }

  /**
   * What the person is called for. The conversation's last message it is not while one of the person's own waits behind it,
   * nor where its count came first.
   * @param {Conversation} conversation @param {import('./participants.js').Participants} participants
   */
  async #newest({ key, head, read, last }, participants) {
    if (last?.seq === head && participants.counts(last)) return last;
    const page = await this.#context.parley?.history(key, { limit: lookedThrough, aside: true });
    return page?.messages.findLast(message => message.seq > read && participants.counts(message)) ?? null;
  }

  /** @param {string} key @param {Notification} notification @param {string} hash */
  #showHere(key, notification, hash) {
    this.#shown.set(key, notification);
    notification.onclick = () => {
      focus();
      location.hash = hash;
      notification.close();
    };
    notification.onclose = () => {
      if (this.#shown.get(key) === notification) this.#shown.delete(key);
    };
  }

  /** @param {string} name @param {NotificationOptions & { tag: string }} options */
  async #showByWorker(name, options) {
    const registration = await navigator.serviceWorker?.getRegistration();
    if (!registration?.active) return; // nothing in this browser notifies
    await registration.showNotification(name, options);
    this.#shown.set(options.tag, {
      close: async () => {
        for (const notification of await registration.getNotifications({ tag: options.tag })) notification.close();
      },
    });
  }

  /** What was told of is read. @param {string} key */
  #end(key) {
    this.#coming.delete(key);
    this.#shown.get(key)?.close();
    this.#shown.delete(key);
    this.#told.delete(key);
  }
}

/** What a notification says of a message: in a group, who wrote it, too. @param {import('../parley.js').Message} message @param {import('./participants.js').Participants} participants */
function wordsOf(message, participants) {
  if (isSystemMessage(message)) return systemWords(message, participants);
  const words = briefly(message, longest);
  return participants.group ? t.authorPrefix(isolated(participants.authorOf(message))) + words : words;
}
