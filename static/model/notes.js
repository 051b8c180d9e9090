// @ts-check
// The notes on one conversation: asked for when it is shown, and again whenever the conversation tells that
// they changed. Nothing of them is kept in this browser.
import { reasonOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';

/** @typedef {import('../parley.js').Note} Note */

/** Fires "change", and "notice" with words for the person. */
export class Notes extends EventTarget {
  /** By the entries behind which they stand, then in the order in which they were written. @type {Note[]} */
  list = [];
  #parley;
  #key;
  /** Conversation.notes as of what was asked for. */
  #version = 0n;
  #asked = 0;
  #missed = false;

  /** @param {Promise<import('../parley.js').Parley>} parley @param {string} key */
  constructor(parley, key) {
    super();
    this.#parley = parley;
    this.#key = key;
  }

  /** @param {bigint} version Conversation.notes */
  update(version) {
    if (version === this.#version) return;
    this.#version = version;
    this.#ask();
  }

  /** Asks again for what could not be had. */
  tryAgain() {
    if (this.#missed) this.#ask();
  }

  async #ask() {
    const asked = ++this.#asked;
    this.#missed = false;
    try {
      const notes = await (await this.#parley).notes(this.#key);
      if (asked === this.#asked) this.#take(notes);
    } catch (error) {
      if (asked !== this.#asked) return;
      this.#missed = true;
      this.dispatchEvent(new CustomEvent('notice', { detail: t.notesNotShown(reasonOf(error, t.unknownError)) }));
    }
  }

  /** @param {string} content @param {bigint} after the newest entry that the author saw @param {string} ref */
  async add(content, after, ref) {
    const note = await (await this.#parley).addNote(this.#key, content, { after: after || undefined, ref });
    if (!this.list.some(({ id }) => id === note.id)) this.#take([...this.list, note]);
  }

  /** @param {bigint} id */
  async delete(id) {
    await (await this.#parley).deleteNote(this.#key, id);
    this.#take(this.list.filter(note => note.id !== id));
  }

  /** @param {Note[]} notes */
  #take(notes) {
    this.list = notes.toSorted((a, b) => Number(a.after - b.after) || Number(a.id - b.id));
    this.dispatchEvent(new Event('change'));
  }
}
