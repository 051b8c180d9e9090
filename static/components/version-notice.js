// @ts-check
// Lets the browser keep this page (sw.js), and offers a newer version of it. A page
// changes to another version only by being loaded again.
import { endEngine } from '../client/engine-transport.js';
import { scriptAddress } from '../client/script-address.js';
import { t } from '../texts/strings.js';
import { element } from './dom.js';
import { icon } from './icons.js';

/** How long after the first connection the page is kept, in milliseconds: what the start needs comes first. */
const keepDelay = 5000;
/** How often an open page asks for a newer version at most, in milliseconds. */
const askEvery = 10 * 60_000;

/** Sources that are served as they are, without a hash in their names, are of no version. */
const packed = /\.[0-9a-f]{16}\.js$/.test(import.meta.url);

export class VersionNotice extends HTMLElement {
  #done = new AbortController();
  /** @type {ServiceWorkerContainer | null} */
  #container = null;
  /** @type {ServiceWorkerRegistration | null} */
  #registration = null;
  /** This page came from what is kept, or is kept by now: another version that takes over is a change. */
  #kept = false;
  #asked = 0; // when, by performance.now()
  #timer = 0;

  connectedCallback() {
    this.#container = packed ? serviceWorkers() : null;
    if (!this.#container) return;
    const { signal } = this.#done;
    this.#kept = this.#container.controller !== null;
    this.#container.addEventListener('controllerchange', () => this.#changed(), { signal });
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.#ask(askEvery);
    }, { signal });
    if (this.#kept) this.#watch(this.#container.getRegistration());
  }

  disconnectedCallback() {
    this.#done.abort();
    clearTimeout(this.#timer);
  }

  /** The page is connected to its server, for the first time or again: that may be another version's by now. */
  connected() {
    if (!this.#container) return;
    if (this.#registration) return this.#ask(0);
    this.#timer ||= setTimeout(() => {
      if ('requestIdleCallback' in globalThis) requestIdleCallback(() => this.#keep());
      else this.#keep();
    }, keepDelay);
  }

  #keep() {
    if (!this.#container || this.#registration) return;
    const script = scriptAddress(new URL('../sw.js', import.meta.url));
    this.#watch(this.#container.register(script, { updateViaCache: 'none' }));
  }

  /** @param {number} pause what must have passed since it was asked last, in milliseconds */
  #ask(pause) {
    if (!this.#registration || performance.now() - this.#asked < pause) return;
    this.#asked = performance.now();
    this.#registration.update().catch(() => {}); // the server is away, or its version is not whole: another time
  }

  /** @param {Promise<ServiceWorkerRegistration | undefined>} found */
  async #watch(found) {
    try {
      const registration = await found;
      if (!registration || this.#done.signal.aborted) return;
      this.#registration = registration;
      this.#asked = performance.now();
      const follow = () => {
        const { installing } = registration;
        this.#offer();
        installing?.addEventListener('statechange', () => {
          this.#offer();
          if (installing.state === 'redundant' && !registration.active) this.#forget();
        });
      };
      registration.addEventListener('updatefound', follow, { signal: this.#done.signal });
      follow();
    } catch (cause) {
      console.info('This browser does not keep the page:', cause); // it works all the same, with the server
      this.#forget();
    }
  }

  /** The page could not be kept, as when the server went meanwhile: the next connection tries again. */
  #forget() {
    this.#registration = null;
    this.#timer = 0;
  }

  #offer() {
    const waits = this.#kept && this.#registration?.waiting;
    if (Boolean(waits) === Boolean(this.firstChild)) return;
    if (!waits) return this.replaceChildren();
    this.setAttribute('role', 'status');
    this.append(element('div', { class: 'notice' }, icon('bubbles'),
      element('p', {}, t.newVersion),
      element('button', { class: 'button primary', type: 'button', onclick: () => this.#accept() }, t.reload),
      element('button', { class: 'icon-button', type: 'button', 'aria-label': t.later, title: t.later, onclick: () => { this.hidden = true; } }, icon('close'))));
  }

  #accept() {
    const waiting = this.#registration?.waiting;
    if (waiting) waiting.postMessage({ activate: true });
    else location.reload();
  }

  /** Another version has the site from now on, as the person wished in one of its tabs. */
  #changed() {
    if (!this.#kept) {
      this.#kept = true; // it is this page's own
      return;
    }
    this.#done.abort();
    endEngine();
    location.reload();
  }
}

/** null where the browser has none, or allows none here. */
function serviceWorkers() {
  try {
    return navigator.serviceWorker ?? null;
  } catch {
    return null;
  }
}

customElements.define('version-notice', VersionNotice);
