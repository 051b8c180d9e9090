// @ts-check
// Shows what is about to be sent, before it is: pictures as they will look, files by their names, and what cannot be
// sent, and why. The person may leave some out, and write a caption.
import { isPicture, PictureMaker } from '../model/pictures.js';
import { isolated } from '../texts/foreign-text.js';
import { formats, t } from '../texts/strings.js';
import { element, hide, isInputMethods, set, text } from './dom.js';
import { icon } from './icons.js';

/**
 * @typedef {import('../parley.js').NewFile} NewFile
 * @typedef {object} Parcel what becomes one message
 * @property {'image' | 'file'} type
 * @property {NewFile[]} files
 * @property {string} caption
 */

/**
 * Resolves with what the person wants to send, in order; nothing if they do not.
 * @param {Element} place where the dialog lives; if that goes, so does the question
 * @param {File[]} files
 * @param {{ largest: number, files: number }} limits
 * @returns {Promise<Parcel[]>}
 */
export function askToSend(place, files, limits) {
  const dialog = new SendFilesDialog(files, limits);
  place.append(dialog.element);
  dialog.element.showModal();
  return new Promise(resolve => dialog.element.addEventListener('close', () => {
    dialog.element.remove();
    resolve(dialog.parcels);
  }));
}

/** One of the files: what it is like as a picture, if it is one. @typedef {{ file: File, picture: NewFile | null, item: HTMLElement }} Item */

const touch = matchMedia('(pointer: coarse)').matches;

class SendFilesDialog {
  #limits;
  /** @type {Item[]} */
  #items = [];
  #list = element('ul', { class: 'outgoing', role: 'list', 'aria-label': t.filesToSend });
  #problem = element('p', { class: 'problem', role: 'status' });
  #original = element('input', { type: 'checkbox', onchange: () => this.#paint() });
  #originalRow = element('label', { class: 'original', hidden: true }, this.#original, t.sendOriginals);
  /** Has the focus at first where a caption would bring a keyboard up over what is to be looked at. */
  #title = element('h2', { id: 'send-files', tabindex: -1, autofocus: touch }, t.sendFiles);
  #caption = element('textarea', { rows: 1, autofocus: !touch, dir: 'auto', 'aria-label': t.caption, placeholder: t.caption, onkeydown: event => this.#key(event) });
  #send = element('button', { class: 'button primary', value: 'send', disabled: true }, t.send);
  element = element('dialog', { class: 'ask send-files', 'aria-labelledby': 'send-files' },
    element('form', { method: 'dialog', onsubmit: event => { if (this.#send.disabled) event.preventDefault(); } },
      this.#title,
      this.#list, this.#problem, this.#originalRow, this.#caption,
      element('div', { class: 'choices' }, element('button', { class: 'button', value: 'no', type: 'button', onclick: () => this.element.close('no') }, t.cancel), this.#send)));

  /** @param {File[]} files @param {{ largest: number, files: number }} limits */
  constructor(files, limits) {
    this.#limits = limits;
    const refused = files.filter(({ size }) => size === 0 || size > limits.largest);
    const problems = refused.map(({ name, size }) => (size ? t.fileTooLarge(isolated(name), formats.bytes(limits.largest)) : t.fileEmpty(isolated(name))));
    text(this.#problem, problems.join(' '));
    this.#items = files.filter(file => !refused.includes(file)).map(file => this.#itemOf(file));
    this.#list.append(...this.#items.map(({ item }) => item));
    this.element.addEventListener('close', () => this.#maker.close());
    this.#prepare();
  }

  /** @param {File} file @returns {Item} */
  #itemOf(file) {
    const remove = t.leaveOut(isolated(file.name));
    const item = element('li', {}, element('span', { class: 'thumb' }, icon('file')),
      element('span', { class: 'about' }, element('span', { class: 'name', dir: 'auto' }, file.name), element('span', { class: 'size' }, formats.bytes(file.size))),
      element('button', { class: 'icon-button', type: 'button', 'aria-label': remove, title: remove, onclick: () => this.#remove(item) }, icon('close')));
    return { file, picture: null, item };
  }

  /** Makes pictures of those files that are some. */
  async #prepare() {
    for (const one of [...this.#items]) {
      if (!this.#items.includes(one) || !isPicture(one.file)) continue;
      const picture = await this.#maker.make(one.file).catch(() => null);
      if (!picture || picture.file.blob.size > this.#limits.largest) continue;
      one.picture = picture.file;
      const url = URL.createObjectURL(picture.thumb);
      const image = element('img', { src: url, alt: '', onload: () => URL.revokeObjectURL(url) });
      one.item.querySelector('.thumb')?.replaceChildren(image);
    }
    this.#maker.close();
    this.#ready = true;
    this.#paint();
  }

  #ready = false;
  #maker = new PictureMaker();

  /** @param {HTMLElement} item */
  #remove(item) {
    this.#items = this.#items.filter(one => one.item !== item);
    item.remove();
    this.#caption.focus();
    this.#paint();
  }

  #paint() {
    hide(this.#originalRow, !this.#items.some(({ picture }) => picture));
    for (const { file, picture, item } of this.#items) {
      const size = item.querySelector('.size');
      if (size) text(size, formats.bytes(picture && !this.#original.checked ? picture.blob.size : file.size));
    }
    this.#send.disabled = !this.#ready || this.#items.length === 0;
    set(this.#list, 'data-ready', this.#ready);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== 'Enter' || event.shiftKey || isInputMethods(event)) return;
    event.preventDefault();
    if (!this.#send.disabled) this.element.close('send');
  }

  /** Pictures go together, and so do files, as many as one message takes; the caption is the first one's. @returns {Parcel[]} */
  get parcels() {
    if (this.element.returnValue !== 'send') return [];
    /** @type {Parcel[]} */
    const parcels = [];
    for (const { file, picture } of this.#items) {
      const type = picture && !this.#original.checked ? 'image' : 'file';
      const last = parcels.at(-1);
      /** @type {NewFile} */
      const one = type === 'image' && picture ? picture : { blob: file, name: file.name };
      if (last?.type === type && last.files.length < this.#limits.files) last.files.push(one);
      else parcels.push({ type, files: [one], caption: parcels.length ? '' : this.#caption.value.trim() });
    }
    return parcels;
  }
}
