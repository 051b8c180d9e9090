// @ts-check
// Where a message is written.
import { SharedDraft } from '../model/shared-draft.js';
import { canRecord } from '../model/voice-recorder.js';
import { isBlank, isolated } from '../texts/foreign-text.js';
import { t } from '../texts/strings.js';
import { ComposerStrip } from './composer-strip.js';
import { element, hide, isInputMethods, set, text } from './dom.js';
import { icon } from './icons.js';
import { VoiceBar } from './voice-bar.js';

/**
 * @typedef {import('./reply-picker.js').ReplyPicker} ReplyPicker
 * @typedef {import('./mention-picker.js').MentionPicker} MentionPicker
 */

const typingEvery = 3000; // ms between two reports that the user types
const typingEnds = 5000; // ms without a key after which the user types no more

/** @typedef {import('../model/shared-draft.js').Draft} Draft */

/**
 * @typedef {import('../parley.js').Message} Message
 * @typedef {import('../model/quotes.js').Quoted} Quoted
 */

/**
 * Fires "send" with a Draft, "edit" with a message and what it is to say, "edit-last" where the person wants to edit
 * their last message, "files" with Files, "recorded" with a NewFile, "typing" with whether the user types to the other
 * side, and "notice" with words for the person.
 */
export class MessageComposer extends HTMLElement {
  /** Of a message and, apart from it, of a note: what was written as one never becomes the other. */
  #drafts;
  #text = element('textarea', {
    rows: 1, 'aria-label': t.message, dir: 'auto', enterkeyhint: 'send', autocapitalize: 'sentences',
    oninput: () => this.#changed(), onkeydown: event => this.#key(event), onkeypress: event => this.#character(event), onblur: () => this.#stopTyping(),
  });
  #send = element('button', { class: 'send', type: 'submit', 'aria-label': t.send, title: t.send }, icon('send'));
  #addNote = element('button', { class: 'send add-note', type: 'submit', hidden: true }, t.addNote);
  #files = element('input', { type: 'file', multiple: true, hidden: true, tabindex: -1, 'aria-hidden': 'true', onchange: () => this.#chosen(this.#files) });
  #photo = element('input', { type: 'file', accept: 'image/jpeg', capture: 'environment', hidden: true, tabindex: -1, 'aria-hidden': 'true', onchange: () => this.#chosen(this.#photo) });
  #attach = element('button', {
    class: 'icon-button attach', type: 'button', 'aria-label': t.attachFiles, title: t.attachFiles, onclick: () => this.#files.click(),
  }, icon('attach'));
  /** Where a finger is the pointer there is mostly a camera. */
  #camera = element('button', {
    class: 'icon-button camera', type: 'button', hidden: !matchMedia('(pointer: coarse)').matches, 'aria-label': t.takePhoto, title: t.takePhoto, onclick: () => this.#photo.click(),
  }, icon('camera'));
  #record = element('button', {
    class: 'icon-button record', type: 'button', hidden: !canRecord, 'aria-label': t.recordVoice, title: t.recordVoice, onclick: () => this.#beginVoice(),
  }, icon('microphone'));
  /** @type {VoiceBar | null} */
  #voice = null;
  #form = element('form', { onsubmit: event => this.#submit(event) });
  #whole = element('span', { class: 'whole' });
  #offline = element('p', { class: 'offline-note', hidden: true }, this.#whole, element('span', { class: 'brief' }, t.offlineNote('')));
  #toggle = element('button', {
    class: 'note-toggle', type: 'button', hidden: true, 'aria-pressed': 'false', 'aria-label': t.internalNote, title: t.internalNote,
    onclick: () => this.#setNote(!this.#note, true),
  }, icon('note'), element('span', { 'aria-hidden': 'true' }, t.internalNote));
  #strip = new ComposerStrip(() => this.#leaveStrip());
  #quoted;
  /** The message that is being edited. @type {Message | null} */
  #editing = null;
  #note = false;
  #peerName = '';
  #typingSince = 0;
  #timer = 0;

  /** Of an agent; null of who is none. @type {ReplyPicker | null} */
  #replies = null;

  /** In a group. @type {MentionPicker | null} */
  #mentions = null;

  /**
   * @param {bigint} user
   * @param {string} key of the conversation
   * @param {(seq: bigint) => Quoted | null} quoted what is shown of a message that is to be quoted; null if it is there no more
   * @param {((textarea: HTMLTextAreaElement) => ReplyPicker) | null} replies makes an agent's canned replies, who may write notes, too
   * @param {((textarea: HTMLTextAreaElement, place: string) => MentionPicker) | null} mentions makes what completes the names of a group's members, and where it keeps whom it mentions
   */
  constructor(user, key, quoted, replies, mentions = null) {
    super();
    this.#quoted = quoted;
    hide(this.#toggle, !replies);
    this.#replies = replies && replies(this.#text);
    this.#replies?.addEventListener('reply', event => this.#insert(/** @type {CustomEvent<string>} */ (event).detail));
    const place = `parley.draft.${user}.${key}`;
    this.#mentions = mentions && mentions(this.#text, `${place}.mentions`);
    this.#drafts = { message: new SharedDraft(place, false, draft => this.#show(draft)), note: new SharedDraft(`${place}.note`, true, draft => this.#show(draft)) };
  }

  get #draft() {
    return this.#note ? this.#drafts.note : this.#drafts.message;
  }

  connectedCallback() {
    const { button } = this.#replies ?? { button: '' };
    if (this.#replies) this.append(this.#replies);
    if (this.#mentions) this.append(this.#mentions);
    this.#form.replaceChildren(this.#toggle, button, this.#attach, this.#camera, this.#files, this.#photo, this.#text, this.#record, this.#send, this.#addNote);
    this.append(this.#offline, this.#strip.element, this.#form);
    for (const draft of Object.values(this.#drafts)) draft.open();
    this.#setNote(!this.#toggle.hidden && !this.#drafts.message.draft.content && this.#drafts.note.draft.content !== '');
  }

  disconnectedCallback() {
    this.#voice?.cancel();
    this.#stopTyping();
    for (const draft of Object.values(this.#drafts)) draft.close();
  }

  focus() {
    this.#text.focus({ preventScroll: true });
  }

  /** @param {string} peerName @param {string | null} reason why sending takes longer now, '' if that is not known; null if it does not */
  show(peerName, reason) {
    this.#peerName = peerName;
    this.#paintPlaceholder();
    this.paintStrip();
    text(this.#whole, t.offlineNote(reason ?? ''));
    hide(this.#offline, reason === null);
  }

  /** Whom a text mentions. @param {string} content */
  mentioned(content) {
    return this.#mentions?.mentioned(content) ?? [];
  }

  /** Lets what is written answer a message. @param {bigint} seq */
  quote(seq) {
    this.#endEditing();
    if (this.#note) this.#setNote(false);
    this.#draft.change(this.#text.value, seq);
    this.paintStrip();
    this.focus();
  }

  /** Lets the person change what a message says. @param {Message} message @param {string} [content] as far as that is done */
  edit(message, content = message.content) {
    this.#endEditing();
    if (this.#note) this.#setNote(false);
    this.#stopTyping();
    this.#editing = message;
    this.classList.add('editing');
    this.paintStrip();
    this.#write(content);
    this.focus();
    this.#text.setSelectionRange(content.length, content.length);
  }

  /** Messages changed: what was taken back is edited and quoted no more. @param {Message[]} messages */
  forget(messages) {
    if (messages.some(({ seq, type }) => type === 'recalled' && seq === this.#editing?.seq)) this.#endEditing();
    this.paintStrip();
  }

  /** What is written answers that, unless it is there no more. */
  get #quote() {
    const { quote } = this.#draft.draft;
    return quote && this.#quoted(quote) ? quote : 0n;
  }

  /** Lets what is sent beside what is written, as files are, answer instead of that. Returns what it answers, 0n if nothing. */
  takeQuote() {
    const quote = this.#quote;
    this.#draft.change(this.#draft.draft.content, 0n);
    this.paintStrip();
    return quote;
  }

  /** Shows what is edited or answered, as far as it is known by now. */
  paintStrip() {
    const { quote } = this.#draft.draft;
    const quoted = quote ? this.#quoted(quote) : null;
    if (this.#editing) this.#strip.show(t.editingMessage, this.#editing.content);
    else if (!quoted) this.#strip.show('', '');
    else this.#strip.show(quoted.author ? t.replyingTo(isolated(quoted.author)) : t.messageActs.reply, quoted.words);
  }

  #endEditing() {
    if (!this.#editing) return;
    this.#editing = null;
    this.classList.remove('editing');
    this.#show(this.#draft.draft);
  }

  /** Ends editing, or else quoting; says whether there was either. */
  #leaveStrip() {
    if (!this.#editing && !this.#quote) return false;
    if (this.#editing) this.#endEditing();
    else this.#draft.change(this.#text.value, 0n);
    this.paintStrip();
    this.focus();
    return true;
  }

  /** Sending is over: the draft has been stored as a message. @param {Draft} draft */
  sent(draft) {
    this.#mentions?.sent();
    this.#draftOf(draft).sent(draft);
  }

  /** @param {Draft} draft */
  #draftOf({ note }) {
    return note ? this.#drafts.note : this.#drafts.message;
  }

  /** Gives back what could not be sent, before anything written since. @param {Draft} draft */
  restore(draft) {
    this.#endEditing();
    if (draft.note !== this.#note) this.#setNote(draft.note);
    const since = this.#text.value;
    const { quote } = this.#draft.draft;
    if (since.trim()) this.#draft.change(`${draft.content}\n${since}`, quote || draft.quote);
    else this.#draft.restore({ ...draft, quote: quote || draft.quote });
    this.#show(this.#draft.draft);
  }

  /** @param {Draft} draft as it is kept, or as another tab has it */
  #show({ content, note }) {
    if (note !== this.#note || this.#editing) return;
    this.#write(content);
    this.paintStrip();
  }

  #keep() {
    if (this.#editing) return; // that is no draft
    this.#draft.change(this.#text.value, this.#quote);
  }

  /** Turns to a note, or back to the message, with what was written of it. @param {boolean} note @param {boolean} [chosen] by the person, just now */
  #setNote(note, chosen = false) {
    if (chosen) this.#endEditing();
    if (chosen && this.#draft.draft.content !== this.#text.value) this.#keep(); // written by a program
    this.#note = note;
    set(this.#toggle, 'aria-pressed', String(note));
    this.classList.toggle('noting', note);
    hide(this.#send, note);
    hide(this.#attach, note);
    hide(this.#record, note || !canRecord);
    hide(this.#camera, note || !matchMedia('(pointer: coarse)').matches);
    hide(this.#addNote, !note);
    this.#paintPlaceholder();
    this.#show(this.#draft.draft);
    if (!chosen) return;
    this.#stopTyping();
    this.focus();
  }

  #paintPlaceholder() {
    set(this.#text, 'placeholder', this.#note ? t.notePlaceholder : t.messagePlaceholder(isolated(this.#peerName)));
  }

  /** @param {string} content */
  #write(content) {
    this.#text.value = content;
    this.#markReady();
  }

  #markReady() {
    for (const button of [this.#send, this.#addNote]) button.classList.toggle('ready', !isBlank(this.#text.value));
  }

  #changed() {
    this.#markReady();
    this.#keep();
    this.#replies?.changed();
    this.#mentions?.changed();
    if (this.#text.value.trim() && !this.#note && !this.#editing) this.#type();
    else this.#stopTyping();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (this.#replies?.takes(event) || this.#mentions?.takes(event)) return;
    if (event.key === 'Escape' && !isInputMethods(event) && this.#leaveStrip()) {
      event.preventDefault();
      return;
    }
    if (event.key === 'ArrowUp' && !this.#text.value && !this.#note && !this.#editing && !isInputMethods(event)) {
      this.dispatchEvent(new Event('edit-last', { cancelable: true })) || event.preventDefault();
      return;
    }
    if (event.key !== 'Enter' || event.shiftKey || isInputMethods(event)) return;
    event.preventDefault();
    this.#submit(event);
  }

  /** Writes a canned reply: in the place of the slash that found it, or where the caret is. Nothing is sent by that. @param {string} reply */
  #insert(reply) {
    const { value, selectionStart, selectionEnd } = this.#text;
    const [start, end] = value.startsWith('/') ? [0, value.length] : [selectionStart, selectionEnd];
    this.focus();
    this.#text.setRangeText(reply, start, end, 'end');
    this.#changed();
  }

  /** What types for a person may send the character of a key that was already taken. @param {KeyboardEvent} event */
  #character(event) {
    if (event.key === 'Enter' && !event.shiftKey) event.preventDefault();
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    // Empty lines before and white space after it are no part of a message.
    const content = this.#text.value.replace(/^(?:[ \t]*\n)+/, '').trimEnd();
    this.focus();
    if (!content.trim()) return;
    if (isBlank(content)) {
      this.dispatchEvent(new CustomEvent('notice', { detail: t.nothingToSend, bubbles: true }));
      return;
    }
    this.#stopTyping();
    const message = this.#editing;
    if (message) {
      this.#endEditing();
      if (content !== message.content) this.dispatchEvent(new CustomEvent('edit', { detail: { message, content } }));
      return;
    }
    if (this.#draft.draft.content !== this.#text.value) this.#keep(); // written by a program
    const quote = this.#quote;
    const draft = this.#draft.take();
    this.#show(this.#draft.draft);
    this.dispatchEvent(new CustomEvent('send', { detail: { ...draft, content, quote } }));
  }

  /** @param {HTMLInputElement} input */
  #chosen(input) {
    const files = [...input.files ?? []];
    input.value = ''; // the same may be chosen again
    if (files.length) this.dispatchEvent(new CustomEvent('files', { detail: files }));
  }

  /** Records a voice message in the place of what is written. */
  async #beginVoice() {
    if (this.#voice) return;
    const bar = this.#voice = new VoiceBar();
    const ended = () => {
      const held = bar.element.contains(document.activeElement);
      this.#voice = null;
      bar.element.remove();
      hide(this.#form, false);
      if (held) this.focus();
    };
    bar.element.addEventListener('cancelled', ended);
    bar.element.addEventListener('recorded', event => {
      ended();
      this.dispatchEvent(new CustomEvent('recorded', { detail: /** @type {CustomEvent} */ (event).detail }));
    });
    this.append(bar.element);
    if (!await bar.begin()) return ended();
    if (this.#voice !== bar) return bar.cancel(); // the conversation was left meanwhile
    hide(this.#form, true);
    bar.focus();
  }

  #type() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#stopTyping(), typingEnds);
    const now = Date.now();
    if (now - this.#typingSince < typingEvery) return;
    this.#typingSince = now;
    this.dispatchEvent(new CustomEvent('typing', { detail: true }));
  }

  #stopTyping() {
    clearTimeout(this.#timer);
    if (!this.#typingSince) return;
    this.#typingSince = 0;
    this.dispatchEvent(new CustomEvent('typing', { detail: false }));
  }
}

customElements.define('message-composer', MessageComposer);
