// @ts-check
// Does what the menus of conversations offer; and has the one of the rows of the lists.
import { act } from '../model/conversation-acts.js';
import { hashOfMessage } from '../model/route.js';
import { isolated } from '../texts/foreign-text.js';
import { reasonOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { ConversationMenu } from './conversation-menu.js';
import { askForDay } from './day-dialog.js';
import { ExportDialog } from './export-dialog.js';
import { MediaDialog } from './media-dialog.js';
import { PrintDialog } from './print-dialog.js';
import { removeFromDevice } from './removal.js';

/**
 * @typedef {import('../parley.js').Parley} Parley
 * @typedef {import('../parley.js').Conversation} Conversation
 * @typedef {import('../model/conversation-acts.js').ConversationAct} ConversationAct
 */

/** Its menu fires "notice" with words for the person, and "marked-unread" and "search-in" with the key of a conversation that was, or is to be searched, and "revisit" when what is wanted again is where the address leads already. */
export class ConversationCommands {
  menu = new ConversationMenu();
  #context;
  #find;
  /** The engine, as soon as it is there. @type {Promise<Parley>} */
  connecting = new Promise(() => {});

  /**
   * @param {Element} place where menus and what they open live
   * @param {import('../model/page-context.js').PageContext} context @param {(key: string) => Conversation | undefined} find what is known of a conversation
   */
  constructor(place, context, find) {
    this.#context = context;
    this.#find = find;
    place.addEventListener('conversation-menu', event => this.#open(/** @type {CustomEvent<{ key: string, x: number, y: number }>} */ (event).detail));
    place.addEventListener('conversation-act', event => this.do(/** @type {CustomEvent<{ key: string, act: ConversationAct, day?: number }>} */ (event).detail));
  }

  /** @param {{ key: string, x: number, y: number }} row and where on the screen, px */
  #open({ key, x, y }) {
    this.menu.show(key, this.#context.participants(key).name, this.#find(key));
    this.menu.openAt(x, y);
  }

  /** @param {{ key: string, act: ConversationAct, day?: number }} what with a time on the day from which another is chosen */
  async do({ key, act: what, day }) {
    if (what === 'search') return this.#tell('search-in', key);
    try {
      const parley = await this.connecting;
      if (what === 'date') return this.#toDay(parley, key, day);
      const participants = this.#context.participants(key);
      if (what === 'print') return this.menu.after(new PrintDialog(parley, participants, this.#find(key), this.#context.clock));
      if (what === 'media') return this.menu.after(new MediaDialog(parley, participants, this.#context.player));
      if (what === 'export') return this.menu.after(new ExportDialog(parley, this.#context, [this.#find(key)].filter(known => known !== undefined)));
      if (what === 'remove') return await this.#remove(parley, key, participants.name);
      await act(parley, what, key, participants.peer, this.#find(key));
      if (what === 'mark-unread') this.#tell('marked-unread', key);
    } catch (error) {
      this.#tell('notice', t.notDone(reasonOf(error, t.unknownError)));
    }
  }

  /** @param {Parley} parley @param {string} key @param {string} name */
  async #remove(parley, key, name) {
    const removed = await removeFromDevice(/** @type {Element} */ (this.menu.parentElement), parley, key, name);
    if (removed) this.#tell('notice', t.removedOf(isolated(name)));
  }

  /** Goes to the first message of a day, or the next one after it. @param {Parley} parley @param {string} key @param {number} [day] */
  async #toDay(parley, key, day) {
    const now = this.#context.clock.now();
    const begin = await askForDay(/** @type {Element} */ (this.menu.parentElement), day ?? now, now);
    if (begin === null) return;
    const seq = await parley.seqAt(key, begin);
    const hash = hashOfMessage(key, seq);
    if (!seq) this.#tell('notice', t.nothingSince);
    else if (location.hash === hash) this.#tell('revisit', key);
    else location.hash = hash;
  }

  /** @param {string} name @param {string} detail */
  #tell(name, detail) {
    this.menu.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}
