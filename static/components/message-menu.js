// @ts-check
// What one can do with a message: the emoji at hand, and acts in words.
import { actsOnMessage, takesReactions } from '../model/message-acts.js';
import { t } from '../texts/strings.js';
import { element, set } from './dom.js';
import { askForEmoji, emojiAtHand } from './emoji-dialog.js';

/**
 * @typedef {import('../parley.js').Message} Message
 * @typedef {import('../model/message-acts.js').MessageAct} MessageAct
 */

const margin = 8; // px between a menu and the screen's edge

/** Fires "message-act" with the message and what is to be done, and "reaction" with the message and an emoji. */
export class MessageMenu extends HTMLElement {
  /** @type {Message | null} */
  #message = null;
  #mine = '';
  #panel = element('div', {
    class: 'menu of-message', popover: 'auto', role: 'group', 'aria-label': t.messageMenu, onkeydown: event => this.#move(event),
    ontoggle: event => { if (event.newState === 'closed') this.#closed(); },
  });
  /** What has the focus again afterwards. @type {HTMLElement | null} */
  #opener = null;

  connectedCallback() {
    if (!this.firstChild) this.append(this.#panel);
  }

  /**
   * Opens it for a message; says whether there is anything to do.
   * @param {Message} message @param {import('../model/participants.js').Participants} participants @param {number} now
   * @param {string} mine the user's own reaction @param {{ x: number, y: number }} point of the screen, px @param {HTMLElement | null} opener
   */
  open(message, participants, now, mine, { x, y }, opener) {
    const acts = actsOnMessage(message, participants, now);
    const reacts = takesReactions(message) && !participants.gone;
    if (!acts.length && !reacts) return false;
    if (this.#panel.matches(':popover-open')) return true; // a touch may ask twice, when it is long and when it ends
    this.#message = message;
    this.#mine = mine;
    this.#opener = opener;
    if (opener) set(opener, 'aria-expanded', 'true');
    this.#panel.replaceChildren(...(reacts ? [this.#emoji()] : []), ...acts.map(act => element('button', {
      class: 'menu-item', type: 'button', 'data-act': act, onclick: () => this.#choose(act),
    }, t.messageActs[act])));
    this.#panel.showPopover();
    const { width, height } = this.#panel.getBoundingClientRect();
    this.#panel.style.left = `${Math.max(margin, Math.min(x, innerWidth - width - margin))}px`;
    this.#panel.style.top = `${Math.max(margin, Math.min(y, innerHeight - height - margin))}px`;
    this.#panel.querySelector('button')?.focus();
    return true;
  }

  #emoji() {
    return element('div', { class: 'emoji-row', role: 'group', 'aria-label': t.react }, ...emojiAtHand.map(emoji => element('button', {
      class: 'emoji-button', type: 'button', 'aria-pressed': String(emoji === this.#mine), 'aria-label': emoji, onclick: () => this.#react(emoji === this.#mine ? '' : emoji),
    }, emoji)), element('button', { class: 'emoji-button more-emoji', type: 'button', 'aria-label': t.moreEmoji, title: t.moreEmoji, onclick: () => this.#more() }, '+'));
  }

  async #more() {
    const message = this.#message;
    this.#panel.hidePopover();
    const emoji = await askForEmoji(this, this.#mine);
    this.#message = message;
    if (emoji !== null) this.#react(emoji);
  }

  /** @param {string} emoji */
  #react(emoji) {
    this.#panel.hidePopover();
    this.dispatchEvent(new CustomEvent('reaction', { detail: { message: this.#message, emoji }, bubbles: true }));
  }

  /** @param {MessageAct} act */
  #choose(act) {
    this.#panel.hidePopover();
    this.dispatchEvent(new CustomEvent('message-act', { detail: { message: this.#message, act }, bubbles: true }));
  }

  #closed() {
    if (this.#opener) set(this.#opener, 'aria-expanded', 'false');
    const lost = document.activeElement === document.body || this.#panel.contains(document.activeElement);
    if (lost && this.#opener?.isConnected) this.#opener.focus({ preventScroll: true });
    this.#opener = null;
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const rtl = document.documentElement.dir === 'rtl';
    const way = { ArrowDown: 1, ArrowUp: -1, ArrowRight: rtl ? -1 : 1, ArrowLeft: rtl ? 1 : -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const items = [...this.#panel.querySelectorAll('button')];
    const next = items.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement)) + way;
    items.at(next % items.length)?.focus();
  }
}

customElements.define('message-menu', MessageMenu);
