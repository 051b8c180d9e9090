// @ts-check
// Stands in the composer's place while a voice message is recorded.
import { VoiceRecorder } from '../model/voice-recorder.js';
import { stopwatch } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { element, text } from './dom.js';
import { icon } from './icons.js';

/** Fires "recorded" with a NewFile, "cancelled", and "notice" with words for the person. */
export class VoiceBar {
  /** @type {VoiceRecorder | null} */
  #recorder = null;
  #level = element('meter', { min: 0, max: 1, value: 0, 'aria-hidden': 'true' });
  #time = element('span', { class: 'time', role: 'timer' });
  #send = element('button', { class: 'send ready', type: 'button', 'aria-label': t.sendVoice, title: t.sendVoice, onclick: () => this.#finish() }, icon('send'));
  element = element('div', { class: 'recording', role: 'group', 'aria-label': t.recording, onkeydown: event => this.#key(event) },
    element('button', { class: 'icon-button', type: 'button', 'aria-label': t.cancelVoice, title: t.cancelVoice, onclick: () => this.cancel() }, icon('close')),
    element('span', { class: 'dot', 'aria-hidden': 'true' }), this.#time, this.#level, this.#send);

  /** Begins; false if there is no microphone to be had. */
  async begin() {
    try {
      this.#recorder = await VoiceRecorder.begin();
    } catch (error) {
      const { name } = /** @type {any} */ (error);
      this.#tell('notice', name === 'NotAllowedError' ? t.noMicrophoneAllowed : t.noMicrophone);
      return false;
    }
    this.#recorder.addEventListener('level', event => this.#heard(/** @type {CustomEvent<number>} */ (event).detail));
    this.#recorder.addEventListener('ended', () => this.#finish());
    this.#heard(0);
    return true;
  }

  focus() {
    this.#send.focus();
  }

  cancel() {
    this.#recorder?.cancel();
    this.#recorder = null;
    this.#tell('cancelled', null);
  }

  /** @param {number} level */
  #heard(level) {
    this.#level.value = level;
    if (this.#recorder) text(this.#time, stopwatch(this.#recorder.duration));
  }

  async #finish() {
    const recorder = this.#recorder;
    this.#recorder = null;
    if (recorder) this.#tell('recorded', await recorder.stop());
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== 'Escape') return;
    event.preventDefault();
    this.cancel();
  }

  /** @param {string} name @param {any} detail */
  #tell(name, detail) {
    this.element.dispatchEvent(new CustomEvent(name, { detail, bubbles: name === 'notice' }));
  }
}
