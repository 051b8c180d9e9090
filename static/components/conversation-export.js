// @ts-check
// Conversations as an archive to take along: each message as a line of JSON, a page to read, and what they carry. It is
// made as it is read, some messages at a time, however much there is.
import { fileOf, recordOf } from '../model/export-record.js';
import { notesAmong, rowsOf } from '../model/rows.js';
import { ParleyError } from '../parley.js';
import { isolated } from '../texts/foreign-text.js';
import { fullTime, wordsOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { contents, ExportedRows, pageStart, sectionStart } from './exported-page.js';

/**
 * @typedef {import('../parley.js').Parley} Parley
 * @typedef {import('../parley.js').Message} Message
 * @typedef {import('../parley.js').Attachment} Attachment
 * @typedef {import('../parley.js').Conversation} Conversation
 * @typedef {import('../model/participants.js').Participants} Participants
 * @typedef {object} Progress
 * @property {'messages' | 'page' | 'files'} of what is being written
 * @property {number} done how many of all
 * @property {number} all
 */

const pageLength = 500n; // messages that are asked for at once, as many as the engine gives

export class ConversationExport {
  #parley;
  #context;
  #conversations;
  #signal;
  #progress;
  /** What is to be added, without what was taken back meanwhile. @type {Map<bigint, Attachment>} */
  #attachments = new Map();
  /** How many files were not to be had any more. */
  missing = 0;

  /**
   * @param {Parley} parley @param {import('../model/page-context.js').PageContext} context @param {Conversation[]} conversations
   * @param {(progress: Progress) => void} progress @param {AbortSignal} signal ends it
   */
  constructor(parley, context, conversations, progress, signal) {
    this.#parley = parley;
    this.#context = context;
    this.#conversations = conversations.map(({ key, head, min }) => ({ key, head, first: min || 1n, participants: context.participants(key) }));
    this.#progress = progress;
    this.#signal = signal;
  }

  /** What it is called: of whom it is. */
  get title() {
    const [first, second] = this.#conversations;
    return first && !second ? t.messagesWith(isolated(first.participants.name)) : t.exportTitle(isolated(this.#parley.user.name));
  }

  /** What the archive is made of, read as it is written. */
  async *entries() {
    const lastModified = new Date();
    yield { name: 'messages.jsonl', lastModified, input: this.#lines() };
    yield { name: 'messages.html', lastModified, input: this.#page() };
    let done = 0;
    for (const attachment of this.#attachments.values()) {
      this.#progress({ of: 'files', done: done++, all: this.#attachments.size });
      const input = await this.#content(attachment);
      if (input) yield { name: fileOf(attachment), lastModified, input, size: input.size };
      else this.missing++;
    }
  }

  async *#lines() {
    for await (const { participants, messages } of this.#read('messages')) {
      await Promise.all(messages.map(({ agent }) => (participants.service < 0 ? null : this.#context.names.ask(agent))));
      yield messages.map(message => recordOf(message, participants.authorOf(message))).join('');
      for (const { attachments } of messages) for (const attachment of attachments) this.#attachments.set(attachment.id, attachment);
    }
  }

  async *#page() {
    yield pageStart(this.title, t.exportedAt(fullTime(this.#context.clock.now())));
    if (this.#conversations.length > 1) yield contents(this.#conversations.map(({ key, participants: { name } }) => ({ key, name })));
    let key = '';
    let rows = new ExportedRows();
    for await (const { participants, messages, notes } of this.#read('page')) {
      if (participants.key !== key) {
        key = participants.key;
        rows = new ExportedRows();
        yield sectionStart(key, participants.name);
      }
      const quoted = await this.#quoted(key, messages);
      yield rows.text(rowsOf(messages, participants, null, notes, seq => quoted.get(seq) ?? null));
    }
  }

  /** All messages that are confirmed, in their order, some at a time. @param {'messages' | 'page'} of */
  async *#read(of) {
    const all = this.#conversations.reduce((n, { head, first }) => n + Number(head - first) + 1, 0);
    let before = 0; // in the conversations before
    for (const { key, head, first, participants } of this.#conversations) {
      const notes = participants.agent ? await this.#parley.notes(key) : [];
      for (let from = first; from <= head; from += pageLength) {
        this.#progress({ of, done: before + Number(from - first), all });
        const end = from + pageLength;
        const messages = await this.#between(key, from, end > head ? head + 1n : end);
        yield { participants, messages, notes: notesAmong(notes, { messages, more: from > first, newer: end <= head }) };
      }
      before += Number(head - first) + 1;
    }
  }

  /** @param {string} key @param {bigint} from @param {bigint} before @returns {Promise<Message[]>} */
  async #between(key, from, before) {
    const { messages, incomplete, incompleteCode, incompleteArgs } = await this.#parley.history(key, { before, limit: Number(before - from), aside: true });
    this.#signal.throwIfAborted();
    if (incomplete) throw new ParleyError(wordsOf(incomplete, incompleteCode, incompleteArgs), 0);
    return messages.filter(({ seq }) => seq >= from && seq < before);
  }

  /** What these messages quote. @param {string} key @param {Message[]} messages @returns {Promise<Map<bigint, Message | null>>} */
  async #quoted(key, messages) {
    const near = new Map(messages.map(message => [message.seq, message]));
    const wanted = new Set(messages.map(({ quote }) => quote).filter(Boolean));
    return new Map(await Promise.all([...wanted].map(async seq => /** @type {[bigint, Message | null]} */ ([seq, near.get(seq) ?? await this.#parley.message(key, seq)]))));
  }

  /** Null where it was taken back. @param {Attachment} attachment */
  async #content(attachment) {
    this.#signal.throwIfAborted();
    try {
      return await this.#parley.attachment(attachment, { keep: false });
    } catch (error) {
      if (error instanceof ParleyError && (error.status === 403 || error.status === 404)) return null;
      throw error;
    }
  }
}
