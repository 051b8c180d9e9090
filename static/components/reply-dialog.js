// @ts-check
// Where the agents of a service keep its canned replies.
import { ParleyError } from '../parley.js';
import { previewOf } from '../texts/foreign-text.js';
import { reasonOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { askToConfirm } from './confirm-dialog.js';
import { element, text } from './dom.js';

/** @typedef {import('../parley.js').Reply} Reply */

const titleLength = 80; // characters, as the server has it
const previewLength = 160; // UTF-16 units
const gone = 404; // HTTP statuses
const changed = 412;

/** Resolves when the person is done. @param {Element} place where the dialog lives @param {import('../parley.js').Parley} parley @param {number} service */
export function manageReplies(place, parley, service) {
  const manager = new ReplyDialog(parley, service);
  place.append(manager.dialog);
  manager.dialog.showModal();
  return manager.done;
}

class ReplyDialog {
  #parley;
  #service;
  #placeholders = '';
  #body = element('div', { class: 'replies' });
  /** What leaves, or goes back. */
  #leave = () => this.dialog.close();
  dialog = element('dialog', {
    class: 'ask wide', 'aria-labelledby': 'replies',
    oncancel: event => {
      event.preventDefault();
      this.#leave();
    },
  }, element('h2', { id: 'replies' }, t.cannedReplies), this.#body);
  done;

  /** @param {import('../parley.js').Parley} parley @param {number} service */
  constructor(parley, service) {
    this.#parley = parley;
    this.#service = service;
    this.done = new Promise(resolve => this.dialog.addEventListener('close', () => {
      this.dialog.remove();
      resolve(undefined);
    }));
    this.#showAll();
  }

  async #showAll() {
    this.#leave = () => this.dialog.close();
    const note = element('p', { class: 'note', role: 'status' }, t.searching);
    const list = element('ul', { role: 'list', 'aria-label': t.cannedReplies });
    const add = element('button', { class: 'button primary', type: 'button', autofocus: true, onclick: () => this.#edit(null) }, t.newReply);
    this.#body.replaceChildren(note, list, element('div', { class: 'choices' },
      element('button', { class: 'button', type: 'button', onclick: () => this.dialog.close() }, t.close), add));
    add.focus();
    try {
      const { replies, placeholders } = await this.#parley.replies(this.#service);
      this.#placeholders = placeholders.map(name => `{${name}}`).join(' ');
      text(note, t.repliesFound(replies.length));
      list.replaceChildren(...replies.map(reply => element('li', {}, element('button', { class: 'summary', type: 'button', onclick: () => this.#edit(reply) },
        element('span', { class: 'entry-name', dir: 'auto' }, previewOf(reply.title, previewLength)),
        element('span', { class: 'entry-preview', dir: 'auto' }, previewOf(reply.content, previewLength))))));
    } catch (error) {
      text(note, t.repliesNotShown(reasonOf(error, t.unknownError)));
    }
  }

  /** @param {Reply | null} reply null is a new one */
  #edit(reply) {
    const editor = new ReplyEditor(reply, this.#placeholders, {
      save: wish => this.#parley.putReply(this.#service, wish),
      delete: old => this.#parley.deleteReply(this.#service, old),
      newest: async old => (await this.#parley.replies(this.#service)).replies.find(({ id }) => id === old.id) ?? null,
      leave: () => this.#showAll(),
    });
    this.#leave = () => editor.leave();
    this.#body.replaceChildren(editor.form);
    editor.focus();
  }
}

/**
 * @typedef {object} Work
 * @property {(wish: Partial<Reply> & { title: string, content: string }) => Promise<Reply>} save
 * @property {(reply: Reply) => Promise<void>} delete
 * @property {(reply: Reply) => Promise<Reply | null>} newest as the server has it now
 * @property {() => void} leave
 */

class ReplyEditor {
  /** As the person saw it. @type {Reply | null} */
  #reply;
  #work;
  #title = element('input', { type: 'text', id: 'reply-title', dir: 'auto', maxlength: titleLength, autocomplete: 'off', required: true });
  #content = element('textarea', { id: 'reply-content', rows: 6, dir: 'auto', required: true, 'aria-describedby': 'reply-placeholders' });
  #problem = element('p', { class: 'problem', role: 'alert', dir: 'auto', hidden: true });
  /** What a colleague made of it meanwhile. */
  #theirs = element('blockquote', { dir: 'auto', hidden: true });
  form;

  /** @param {Reply | null} reply @param {string} placeholders @param {Work} work */
  constructor(reply, placeholders, work) {
    this.#reply = reply;
    this.#work = work;
    this.#title.value = reply?.title ?? '';
    this.#content.value = reply?.content ?? '';
    this.form = element('form', { novalidate: true, onsubmit: event => this.#save(event) },
      element('label', { for: 'reply-title' }, t.replyTitle), element('div', { class: 'field' }, this.#title),
      element('label', { for: 'reply-content' }, t.replyText), element('div', { class: 'field' }, this.#content),
      element('p', { class: 'note', id: 'reply-placeholders' }, t.placeholdersHint(placeholders)),
      this.#problem, this.#theirs,
      element('div', { class: 'choices' },
        ...(reply ? [element('button', { class: 'button delete', type: 'button', onclick: () => this.#delete() }, t.delete)] : []),
        element('button', { class: 'button', type: 'button', onclick: () => this.leave() }, t.cancel),
        element('button', { class: 'button primary' }, t.save)));
  }

  focus() {
    this.#title.focus();
  }

  get #dirty() {
    return this.#title.value !== (this.#reply?.title ?? '') || this.#content.value !== (this.#reply?.content ?? '');
  }

  async leave() {
    if (!this.#dirty || await askToConfirm(this.form, { title: t.discardChanges, yes: t.discard })) this.#work.leave();
  }

  /** @param {SubmitEvent} event */
  async #save(event) {
    event.preventDefault();
    const wish = { ...this.#reply, title: this.#title.value.trim(), content: this.#content.value };
    await this.#try(() => this.#work.save(wish));
  }

  async #delete() {
    const reply = this.#reply;
    if (reply && await askToConfirm(this.form, { title: t.deleteThisReply, yes: t.delete })) await this.#try(() => this.#work.delete(reply));
  }

  /** @param {() => Promise<any>} work */
  async #try(work) {
    try {
      await work();
      this.#work.leave();
    } catch (error) {
      this.#problem.hidden = false;
      text(this.#problem, t.replyNotSaved(reasonOf(error, t.unknownError)));
      if (error instanceof ParleyError && [changed, gone].includes(error.code)) await this.#learn();
    }
  }

  /** Shows what a colleague made of it: to save after that is to replace it knowingly. */
  async #learn() {
    const before = this.#reply;
    if (!before) return;
    const newest = await this.#work.newest(before).catch(() => before);
    this.#reply = newest;
    this.#theirs.hidden = !newest;
    if (newest) this.#theirs.replaceChildren(element('p', { class: 'author' }, previewOf(newest.title, previewLength)), element('p', {}, newest.content));
  }
}
