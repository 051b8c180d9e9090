// @ts-check
// All pictures, files and voice messages of a conversation, the newest first, as far back as the person wants.
import { readPart } from '../model/conversation-pages.js';
import { isolated } from '../texts/foreign-text.js';
import { reasonOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { AttachmentLoader } from './attachment-loader.js';
import { AttachmentsView } from './attachments.js';
import { element, hide, text } from './dom.js';
import { viewPictures } from './picture-viewer.js';

/**
 * @typedef {import('../parley.js').Attachment} Attachment
 * @typedef {import('../parley.js').Message} Message
 */

const step = 2000; // messages that are looked through at once
const kinds = /** @type {const} */ (['image', 'file', 'voice']);

/** Is gone when it is closed. */
export class MediaDialog extends HTMLElement {
  #parley;
  #participants;
  #loader;
  #before = 0n;
  /** @type {Message[]} the newest first */
  #messages = [];
  /** @type {typeof kinds[number]} */
  #kind = 'image';
  #gone = new AbortController();
  #tabs = element('div', { class: 'kinds', role: 'group', 'aria-label': t.mediaKinds });
  #found = element('div', { class: 'found' });
  #words = element('p', { class: 'note', role: 'status' });
  #further = element('button', { class: 'button', type: 'button', hidden: true, onclick: () => this.#read() }, t.lookFurther);
  #dialog;

  /**
   * @param {import('../parley.js').Parley} parley
   * @param {import('../model/participants.js').Participants} participants
   * @param {import('../model/voice-player.js').VoicePlayer} player
   */
  constructor(parley, participants, player) {
    super();
    this.#parley = parley;
    this.#participants = participants;
    this.#loader = new AttachmentLoader(Promise.resolve(parley), player, this.#found);
    this.#dialog = element('dialog', { class: 'ask media', 'aria-labelledby': 'media', onclose: () => this.remove() },
      element('h2', { id: 'media', dir: 'auto' }, t.mediaOf(isolated(participants.name))), this.#tabs, this.#found, this.#words,
      element('div', { class: 'choices' }, this.#further, element('button', { class: 'button primary', type: 'button', autofocus: true, onclick: () => this.#dialog.close() }, t.close)));
    this.#found.addEventListener('open-picture', event => this.#view(/** @type {CustomEvent<Attachment>} */ (event).detail));
    this.#tabs.append(...kinds.map(kind => element('button', { class: 'button', type: 'button', 'data-kind': kind, onclick: () => this.#show(kind) }, t.mediaNames[kind])));
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(this.#dialog);
    this.#dialog.showModal();
    this.#show('image');
    this.#read();
  }

  disconnectedCallback() {
    this.#gone.abort();
  }

  async #read() {
    hide(this.#further, true);
    text(this.#words, t.lookingForMedia);
    try {
      const part = await readPart(this.#parley, this.#participants.key, this.#before, step, () => {}, this.#gone.signal);
      this.#before = part.messages.find(({ seq }) => seq > 0n)?.seq ?? 0n;
      this.#messages.push(...part.messages.filter(({ attachments, seq }) => attachments.length && seq > 0n).reverse());
      hide(this.#further, !part.more || !this.#before);
      text(this.#words, part.incomplete && t.reasonAlone(part.incomplete));
    } catch (error) {
      if (this.#gone.signal.aborted) return;
      hide(this.#further, false);
      text(this.#words, t.reasonAlone(reasonOf(error, t.unknownError)));
    }
    this.#show(this.#kind);
  }

  /** @param {typeof kinds[number]} kind */
  #show(kind) {
    this.#kind = kind;
    for (const tab of this.#tabs.children) tab.setAttribute('aria-pressed', String(tab.getAttribute('data-kind') === kind));
    const views = this.#messages.filter(({ type }) => type === kind).map(message => {
      const view = new AttachmentsView(this.#loader);
      view.show(message, this.#participants.authorOf(message));
      return view.element;
    });
    this.#found.dataset.kind = kind;
    this.#found.replaceChildren(...(views.length ? views : [element('p', { class: 'note' }, t.noMedia)]));
  }

  /** @param {Attachment} picture */
  #view(picture) {
    const pictures = this.#messages.filter(({ type }) => type === 'image').flatMap(({ attachments }) => attachments);
    viewPictures(this, this.#loader, pictures, Math.max(0, pictures.findIndex(({ id }) => id === picture.id)));
  }
}

customElements.define('media-dialog', MediaDialog);
