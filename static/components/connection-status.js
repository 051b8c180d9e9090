// @ts-check
// The state of the connection, always in words.
import { previewOf } from '../texts/foreign-text.js';
import { formats, t } from '../texts/strings.js';
import { element, set, text } from './dom.js';

const longest = 600; // UTF-16 units of a reason

/** Fires "try-now" when the person does not want to wait, and "connected", which bubbles, when there is a connection. */
export class ConnectionStatus extends HTMLElement {
  #words = element('span');
  // Counts down every second: not to be read out each time.
  #countdown = element('span', { 'aria-hidden': 'true' });
  #tryNow = element('button', { class: 'link-button', type: 'button', hidden: true, title: t.tryNow, onclick: () => this.dispatchEvent(new Event('try-now')) }, t.tryNow);
  #why = element('div', { class: 'menu why', id: 'connection-why', popover: 'auto', role: 'note', dir: 'auto' });
  #details = element('button', { class: 'link-button', type: 'button', hidden: true, title: t.details, popovertarget: 'connection-why' }, t.details);
  #next = 0; // when the next attempt begins, by performance.now(), which goes on when the clock is set
  #timer = 0;

  connectedCallback() {
    if (this.firstChild) return;
    this.setAttribute('role', 'status');
    this.append(element('span', { class: 'dot', 'aria-hidden': 'true' }),
      element('span', { class: 'words' }, this.#words, this.#countdown), this.#tryNow, this.#details, this.#why);
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
    this.#timer = 0;
  }

  /** @param {Pick<import('../parley.js').Connection, 'state'> & Partial<import('../parley.js').Connection>} connection */
  show({ state, next = 0, reason = '', loading = 0 }) {
    const connected = state === 'live' && this.getAttribute('data-connection') !== state;
    set(this, 'data-connection', state);
    set(this, 'title', reason || null);
    text(this.#words, state === 'live' && loading ? t.loadingConversations(loading) : t.connection[state]);
    this.#tryNow.hidden = state !== 'offline';
    this.#details.hidden = state !== 'offline' || !reason;
    text(this.#why, previewOf(reason, longest));
    if (this.#details.hidden && this.#why.matches(':popover-open')) this.#why.hidePopover();
    this.#next = state === 'offline' && next ? next - Date.now() + performance.now() : 0;
    this.#count();
    clearInterval(this.#timer);
    this.#timer = this.#next ? setInterval(() => this.#count(), 1000) : 0;
    if (connected) this.dispatchEvent(new Event('connected', { bubbles: true }));
  }

  #count() {
    const seconds = Math.ceil((this.#next - performance.now()) / 1000);
    text(this.#countdown, seconds > 0 ? t.nextTry(formats.inSeconds(seconds)) : '');
  }
}

customElements.define('connection-status', ConnectionStatus);
