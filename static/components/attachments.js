// @ts-check
// What a message carries, as it stands in its bubble: pictures, files and voice.
import { drawPreview } from '../model/pictures.js';
import { isolated } from '../texts/foreign-text.js';
import { reasonOf } from '../texts/labels.js';
import { formats, t } from '../texts/strings.js';
import { element, hide, set, text } from './dom.js';
import { icon } from './icons.js';
import { VoiceView } from './voice-view.js';

/**
 * @typedef {import('../parley.js').Attachment} Attachment
 * @typedef {import('../parley.js').Message} Message
 * @typedef {import('./attachment-loader.js').AttachmentLoader} AttachmentLoader
 * @typedef {PictureView | FileView | VoiceView} AttachmentView
 */

/** What a lone picture takes at most, and at least, px. */
const largest = { width: 320, height: 320 };
const smallest = 96;

/**
 * Fires "open-picture" with an Attachment, "discard" with the ref of a message whose files are not uploaded,
 * "pause-upload" with that and whether, and "notice" with words for the person.
 */
export class AttachmentsView {
  #loader;
  /** @type {AttachmentView[]} */
  #views = [];
  #parts = element('div', { class: 'parts' });
  #bar = element('progress', { max: 1, value: 0 });
  #words = element('span');
  #cancel = element('button', { class: 'link-button', type: 'button' }, t.cancelUpload);
  #pause = element('button', { class: 'link-button', type: 'button' });
  #upload = element('div', { class: 'upload', hidden: true, 'aria-live': 'off' }, this.#bar, this.#words, this.#pause, this.#cancel);
  element = element('div', { class: 'attachments', hidden: true }, this.#parts, this.#upload);
  #shown = '';

  /** @param {AttachmentLoader | null} loader null on paper, where names stand for what would be loaded */
  constructor(loader) {
    this.#loader = loader;
  }

  /** @param {Message} message @param {string} author */
  show(message, author) {
    const { attachments, type } = message;
    const shown = `${type} ${attachments.map(({ name, size }) => `${size} ${name}`).join('/')}`;
    if (this.#shown !== shown) {
      this.#shown = shown;
      this.#views = attachments.map(attachment => this.#viewOf(attachment, type, attachments.length));
      this.#parts.replaceChildren(...this.#views.map(view => view.element));
      this.element.classList.toggle('pictures', type === 'image');
      this.element.classList.toggle('several', attachments.length > 1);
      hide(this.element, attachments.length === 0);
    }
    for (const [i, view] of this.#views.entries()) view.show(attachments[i], author);
    this.#showUpload(message);
  }

  /** @param {Attachment} attachment @param {Message['type']} type @param {number} of how many */
  #viewOf(attachment, type, of) {
    if (type === 'image' && this.#loader) return new PictureView(this.#loader, attachment, of === 1);
    return type === 'voice' && this.#loader ? new VoiceView(this.#loader) : new FileView(this.#loader);
  }

  /** @param {Message} message */
  #showUpload({ attachments, state, ref, paused }) {
    const size = attachments.reduce((sum, attachment) => sum + attachment.size, 0);
    const uploaded = attachments.reduce((sum, attachment) => sum + attachment.uploaded, 0);
    const waits = state === 'pending' && attachments.some(({ id }) => id === 0n);
    hide(this.#upload, !waits);
    if (!waits) return;
    const part = size ? uploaded / size : 0;
    this.#bar.value = part;
    text(this.#words, t.uploaded(part));
    set(this.#bar, 'aria-label', t.uploaded(part));
    text(this.#pause, paused ? t.resumeUpload : t.pauseUpload);
    this.#pause.onclick = () => this.element.dispatchEvent(new CustomEvent('pause-upload', { detail: { ref, paused: !paused }, bubbles: true }));
    this.#cancel.onclick = () => this.element.dispatchEvent(new CustomEvent('discard', { detail: ref, bubbles: true }));
  }
}

class PictureView {
  #loader;
  #attachment;
  #loaded = false;
  #retry = element('span', { class: 'not-loaded', hidden: true });
  element;

  /** @param {AttachmentLoader} loader @param {Attachment} attachment @param {boolean} alone */
  constructor(loader, attachment, alone) {
    this.#loader = loader;
    this.#attachment = attachment;
    const preview = attachment.preview && drawPreview(attachment.preview);
    this.element = element('button', { class: 'picture', type: 'button', onclick: () => this.#open() }, preview || '', this.#retry);
    if (alone) this.#size();
    loader.whenNear(this.element, () => this.#load());
  }

  /** It has its place before it is loaded, so that nothing moves then. */
  #size() {
    const { width, height } = this.#attachment;
    if (!width || !height) return;
    const scale = Math.min(1, largest.width / width, largest.height / height);
    const { style } = this.element;
    style.width = `${Math.max(smallest, Math.round(width * scale))}px`;
    style.aspectRatio = `${Math.max(width, smallest / scale)} / ${Math.max(height, smallest / scale)}`;
  }

  /** @param {Attachment} attachment */
  show(attachment) {
    const uploaded = attachment.id !== this.#attachment.id;
    this.#attachment = attachment;
    set(this.element, 'aria-label', t.openPicture(isolated(attachment.name)));
    if (uploaded && !this.#retry.hidden) this.#load(); // it is on the server now, and in this browser no more
  }

  async #load() {
    const attachment = this.#attachment;
    try {
      const url = URL.createObjectURL(await this.#loader.load(attachment));
      const image = element('img', { src: url, alt: '', draggable: 'false' });
      await image.decode().finally(() => URL.revokeObjectURL(url));
      this.#loaded = true;
      hide(this.#retry, true);
      this.element.append(image);
      set(this.element, 'data-loaded', true);
    } catch (error) {
      if (attachment.id !== this.#attachment.id) return this.#load(); // likewise
      hide(this.#retry, false);
      text(this.#retry, t.notLoaded(reasonOf(error, t.unknownError)));
    }
  }

  #open() {
    if (this.#loaded) this.element.dispatchEvent(new CustomEvent('open-picture', { detail: this.#attachment, bubbles: true }));
    else this.#load();
  }
}

class FileView {
  #loader;
  /** @type {Attachment | null} */
  #attachment = null;
  #name = element('span', { class: 'name', dir: 'auto' });
  #size = element('span', { class: 'size' });
  #download = element('button', { class: 'icon-button', type: 'button', onclick: () => this.#get() }, icon('down'));
  element = element('div', { class: 'file' }, icon('file'), element('span', { class: 'about' }, this.#name, this.#size), this.#download);

  /** @param {AttachmentLoader | null} loader */
  constructor(loader) {
    this.#loader = loader;
    hide(this.#download, !loader);
  }

  /** @param {Attachment} attachment */
  show(attachment) {
    this.#attachment = attachment;
    text(this.#name, attachment.name);
    text(this.#size, formats.bytes(attachment.size));
    const words = t.download(isolated(attachment.name));
    set(this.#download, 'aria-label', words);
    set(this.#download, 'title', words);
  }

  async #get() {
    if (!this.#attachment || !this.#loader) return;
    this.#download.disabled = true;
    try {
      await this.#loader.download(this.#attachment);
    } catch (error) {
      this.element.dispatchEvent(new CustomEvent('notice', { detail: t.notLoaded(reasonOf(error, t.unknownError)), bubbles: true }));
    } finally {
      this.#download.disabled = false;
    }
  }
}
