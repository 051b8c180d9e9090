// @ts-check
// What one can do with a conversation as a whole, and about the person on its other side.
import { actsOn } from '../model/conversation-acts.js';
import { isolated } from '../texts/foreign-text.js';
import { t } from '../texts/strings.js';
import { element, hide } from './dom.js';
import { icon } from './icons.js';

/**
 * @typedef {import('../parley.js').Conversation} Conversation
 * @typedef {import('../model/conversation-acts.js').ConversationAct} ConversationAct
 */

const margin = 8; // px between a menu and the screen's edge

/** Fires "conversation-act" with the conversation's key and what is to be done. */
export class ConversationMenu extends HTMLElement {
  #key = '';
  #name = '';
  /** @type {Conversation | undefined} */
  #conversation;
  #panel = element('div', {
    class: 'menu of-conversation', popover: 'auto', role: 'group', 'aria-label': t.more,
    onkeydown: event => this.#move(event),
    onbeforetoggle: event => { if (event.newState === 'open') this.#fill(); },
  });

  connectedCallback() {
    if (!this.firstChild) this.append(this.#panel);
  }

  /** Has a button that opens it. */
  withButton() {
    const button = element('button', { class: 'icon-button', type: 'button', 'aria-label': t.more, title: t.more }, icon('more'));
    button.popoverTargetElement = this.#panel;
    this.append(button, this.#panel);
    return this;
  }

  /** What it is about. @param {string} key @param {string} name @param {Conversation | undefined} conversation */
  show(key, name, conversation) {
    this.#key = key;
    this.#name = name;
    this.#conversation = conversation;
    hide(this, actsOn(key, conversation).length === 0);
  }

  /** Opens it at a point of the screen, in px. @param {number} x @param {number} y */
  openAt(x, y) {
    this.#panel.classList.add('at-point');
    this.#panel.showPopover();
    const { width, height } = this.#panel.getBoundingClientRect();
    this.#panel.style.left = `${Math.max(margin, Math.min(x, innerWidth - width - margin))}px`;
    this.#panel.style.top = `${Math.max(margin, Math.min(y, innerHeight - height - margin))}px`;
  }

  /** What is offered stays as long as it is open: nothing moves under the finger. */
  #fill() {
    this.#panel.replaceChildren(...actsOn(this.#key, this.#conversation).map((act, i) => element('button', {
      class: 'menu-item', type: 'button', autofocus: i === 0, title: act === 'block' ? t.blockMeans(isolated(this.#name)) : null,
      onclick: () => this.#choose(act),
    }, t.conversationActs[act])));
  }

  /** @param {ConversationAct} act */
  #choose(act) {
    this.#panel.hidePopover();
    this.dispatchEvent(new CustomEvent('conversation-act', { detail: { key: this.#key, act }, bubbles: true }));
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const items = [...this.#panel.querySelectorAll('button')];
    const next = items.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement)) + way;
    items.at(next % items.length)?.focus();
  }
}

customElements.define('conversation-menu', ConversationMenu);
