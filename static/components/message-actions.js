// @ts-check
// Does with messages what their menus, their reactions and the selection ask for.
import { linkToMessage } from '../model/route.js';
import { isolated } from '../texts/foreign-text.js';
import { reasonOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { askToConfirm } from './confirm-dialog.js';
import { askWhereTo } from './forward-dialog.js';

/**
 * @typedef {import('../parley.js').Message} Message
 * @typedef {import('../model/message-acts.js').MessageAct} MessageAct
 */

/** Fires "notice" at its pane, with words for the person. */
export class MessageActions {
  #pane;
  #parley;
  #context;
  #list;
  #composer;

  /**
   * @param {import('./conversation-pane.js').ConversationPane} pane
   * @param {Promise<import('../parley.js').Parley>} parley
   * @param {import('../model/page-context.js').PageContext} context
   * @param {import('./message-list.js').MessageList} list
   * @param {import('./message-composer.js').MessageComposer} composer
   */
  constructor(pane, parley, context, list, composer) {
    this.#pane = pane;
    this.#parley = parley;
    this.#context = context;
    this.#list = list;
    this.#composer = composer;
  }

  listen() {
    this.#list.addEventListener('message-act', event => {
      const { message, act } = /** @type {CustomEvent<{ message: Message, act: MessageAct }>} */ (event).detail;
      this.#act(message, act);
    });
    this.#list.addEventListener('reaction', event => {
      const { message, emoji } = /** @type {CustomEvent<{ message: Message, emoji: string }>} */ (event).detail;
      this.#try('react', parley => parley.react(message, emoji, { seen: this.#list.seen }));
    });
    this.#list.addEventListener('selection-act', event => this.#actOnChosen(/** @type {CustomEvent<'copy' | 'forward' | 'cancel'>} */ (event).detail));
    this.#list.addEventListener('keydown', event => {
      if (event.key !== 'Escape' || event.defaultPrevented || !this.#list.selecting || document.querySelector(':popover-open, dialog[open]')) return;
      event.preventDefault();
      this.#actOnChosen('cancel');
    });
    this.#composer.addEventListener('edit', event => {
      const { message, content } = /** @type {CustomEvent<{ message: Message, content: string }>} */ (event).detail;
      this.#edit(message, content);
    });
    this.#composer.addEventListener('edit-last', event => {
      const last = this.#list.lastEditable;
      if (!last) return;
      event.preventDefault();
      this.#composer.edit(last);
    });
  }

  /** @param {Message} message @param {MessageAct} act */
  #act(message, act) {
    switch (act) {
      case 'reply':
        return this.#composer.quote(message.seq);
      case 'quoted':
        return this.#list.jump(message.quote);
      case 'edit':
        return this.#composer.edit(message);
      case 'copy':
        return this.#copy([message]);
      case 'link':
        return this.#copyText(linkToMessage(message.key, message.seq), t.linkCopied);
      case 'forward':
        return this.#forward([message]);
      case 'select':
        return this.#list.select(message);
      case 'recall':
        return this.#recall(message);
    }
  }

  /** @param {'copy' | 'forward' | 'cancel'} act */
  async #actOnChosen(act) {
    const { chosen } = this.#list;
    if (act === 'forward' && !await this.#forward(chosen)) return;
    if (act === 'copy') await this.#copy(chosen);
    this.#list.select(null);
    this.#list.focus();
  }

  /** @param {Message} message @param {string} content */
  async #edit(message, content) {
    if (!await this.#try('edit', parley => parley.edit(message, content, { seen: this.#list.seen }))) this.#composer.edit(message, content);
  }

  /** @param {Message} message */
  async #recall(message) {
    const title = message.mine ? t.recallThis : t.recallThisOf(isolated(this.#pane.participants.authorOf(message)));
    if (!await askToConfirm(this.#pane, { title, hint: t.recallMeans, yes: t.messageActs.recall })) return;
    this.#list.focus(); // the message goes
    await this.#try('recall', parley => parley.recall(message, { seen: this.#list.seen }));
  }

  /** @param {Message[]} messages */
  #copy(messages) {
    return this.#copyText(messages.map(({ content }) => content).filter(Boolean).join('\n\n'), t.copiedMessages(messages.length));
  }

  /** @param {string} text @param {string} done what is said then */
  async #copyText(text, done) {
    try {
      await navigator.clipboard.writeText(text);
      this.#notice(done);
    } catch {
      this.#notice(t.notCopied);
    }
  }

  /** Sends what messages say and carry into other conversations, as the user's own; says whether. @param {Message[]} messages */
  async #forward(messages) {
    const parley = await this.#parley;
    const keys = await askWhereTo(this.#pane, parley, this.#context, messages.length);
    if (!keys.length) return false;
    try {
      for (const { content, type, attachments } of messages) {
        const carried = attachments.length ? { type, files: attachments } : {}; // the server has them already
        await Promise.all(keys.map(key => parley.send(key, content, carried)));
      }
      this.#notice(t.forwarded(keys.length));
    } catch (error) {
      this.#notice(t.notSent(reasonOf(error, t.unknownError)));
    }
    return true;
  }

  /** @param {'edit' | 'recall' | 'react'} what @param {(parley: import('../parley.js').Parley) => Promise<void>} work */
  async #try(what, work) {
    try {
      await work(await this.#parley);
      return true;
    } catch (error) {
      this.#notice(t.refusedActs[what](reasonOf(error, t.unknownError)));
      return false;
    }
  }

  /** @param {string} words */
  #notice(words) {
    this.#pane.dispatchEvent(new CustomEvent('notice', { detail: words, bubbles: true }));
  }
}
