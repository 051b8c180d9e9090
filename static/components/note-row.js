// @ts-check
// A note in the message list, which only agents see.
import { isolated } from '../texts/foreign-text.js';
import { clockTime, fullTime } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { element, set, text } from './dom.js';
import { MessageContent } from './message-content.js';

/** Fires "delete-note" with the note's id. */
export class NoteView {
  #author = element('span', { class: 'author', dir: 'auto' });
  #content = new MessageContent();
  #time = element('time');
  #meta = element('span', { class: 'meta' }, this.#time);
  #delete = element('button', { class: 'link-button', type: 'button', onclick: () => this.#ask() }, t.deleteNote);
  #id = 0n;
  element = element('article', { class: 'message note first last', 'data-type': 'note' },
    element('div', { class: 'bubble' }, this.#author, this.#content.element, this.#meta),
    element('p', { class: 'only-agents' }, t.onlyAgentsSee, ' ', this.#delete));
  /** Reading it raises no watermark. */
  end = null;

  /** @param {import('../model/rows.js').Row} row */
  paint(row) {
    if (row.kind !== 'note') return;
    const { note, author, mine } = row;
    text(this.#author, t.noteBy(isolated(author)));
    this.#delete.hidden = !mine;
    this.element.classList.toggle('own', mine);
    if (this.#id === note.id) return;
    this.#id = note.id; // nobody changes what a note says
    set(this.element, 'data-note-id', String(note.id));
    this.#content.show(note.content);
    this.#content.element.dataset.time = clockTime(note.time);
    text(this.#time, clockTime(note.time));
    set(this.#time, 'datetime', new Date(note.time).toISOString());
    set(this.#time, 'title', fullTime(note.time));
  }

  #ask() {
    this.element.dispatchEvent(new CustomEvent('delete-note', { detail: this.#id, bubbles: true }));
  }
}
