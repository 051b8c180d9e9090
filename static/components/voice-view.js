// @ts-check
// A voice message in its bubble: what it sounds like, where it is played, how fast.
import { isolated } from '../texts/foreign-text.js';
import { reasonOf, stopwatch } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { element, set, text } from './dom.js';
import { icon } from './icons.js';

/**
 * @typedef {import('../parley.js').Attachment} Attachment
 * @typedef {import('./attachment-loader.js').AttachmentLoader} AttachmentLoader
 */

const height = 28; // px of the waveform
const namespace = 'http://www.w3.org/2000/svg';

/** Fires "notice" with words for the person. */
export class VoiceView {
  #loader;
  #player;
  /** @type {Attachment | null} */
  #attachment = null;
  #author = '';
  #play = element('button', { class: 'icon-button play', type: 'button', onclick: () => this.#toggle() });
  #seek = element('input', { type: 'range', min: 0, step: 100, value: 0, 'aria-label': t.voicePosition, oninput: () => this.#sought() });
  #wave = document.createElementNS(namespace, 'svg');
  #time = element('span', { class: 'time' });
  #rate = element('button', { class: 'rate', type: 'button', onclick: () => this.#player.faster() });
  #drawn = '';
  #shown = '';
  element = element('div', { class: 'voice' }, this.#play, element('span', { class: 'track' }, this.#seek), this.#time, this.#rate);

  /** @param {AttachmentLoader} loader */
  constructor(loader) {
    this.#loader = loader;
    this.#player = loader.player;
    this.#wave.setAttribute('aria-hidden', 'true');
    this.#seek.before(this.#wave);
    // Nobody tells a row that it went: it is let go of with what listens for it.
    const view = new WeakRef(this);
    const { player } = loader;
    player.addEventListener('change', function changed() {
      const there = view.deref();
      if (there) there.paint();
      else player.removeEventListener('change', changed);
    });
  }

  /** @param {Attachment} attachment @param {string} author */
  show(attachment, author) {
    this.#attachment = attachment;
    this.#author = author;
    this.#seek.max = String(attachment.duration);
    if (this.#drawn !== attachment.waveform) this.#draw(attachment.waveform);
    this.paint();
  }

  paint() {
    const attachment = this.#attachment;
    if (!attachment) return;
    const current = this.#player.is(attachment);
    const playing = current && this.#player.playing;
    const position = current ? Math.min(this.#player.position, attachment.duration) : 0;
    const shown = `${playing} ${current} ${position} ${this.#player.rate}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    const words = playing ? t.pauseVoice : t.playVoice;
    if (this.#play.getAttribute('aria-label') !== words) this.#play.replaceChildren(icon(playing ? 'pause' : 'play'));
    set(this.#play, 'aria-label', words);
    set(this.#play, 'title', words);
    this.#seek.value = String(position);
    set(this.#seek, 'aria-valuetext', stopwatch(position));
    text(this.#time, stopwatch(position || attachment.duration));
    text(this.#rate, t.voiceRate(this.#player.rate));
    set(this.#rate, 'aria-label', t.voiceFaster(this.#player.rate));
    const bars = this.#wave.children.length;
    for (const [i, bar] of [...this.#wave.children].entries()) bar.classList.toggle('played', i < bars * position / (attachment.duration || 1));
  }

  /** @param {string} base64 */
  #draw(base64) {
    this.#drawn = base64;
    const levels = [...atob(base64)].map(c => c.charCodeAt(0) / 255);
    this.#wave.setAttribute('viewBox', `0 0 ${Math.max(1, levels.length) * 3} ${height}`);
    this.#wave.setAttribute('preserveAspectRatio', 'none');
    this.#wave.replaceChildren(...levels.map((level, i) => {
      const bar = document.createElementNS(namespace, 'rect');
      const tall = Math.max(2, level * height);
      for (const [name, value] of Object.entries({ x: i * 3, y: (height - tall) / 2, width: 2, height: tall, rx: 1 })) bar.setAttribute(name, String(value));
      return bar;
    }));
  }

  async #toggle() {
    const attachment = this.#attachment;
    if (!attachment) return;
    if (this.#player.is(attachment) && this.#player.playing) return this.#player.pause();
    try {
      await this.#player.play(attachment, this.#author, () => this.#loader.load(attachment));
    } catch (error) {
      if (/** @type {any} */ (error)?.name === 'AbortError') return; // another was played meanwhile
      this.element.dispatchEvent(new CustomEvent('notice', { detail: t.notPlayed(isolated(reasonOf(error, t.unknownError))), bubbles: true }));
    }
  }

  #sought() {
    if (this.#attachment && this.#player.is(this.#attachment)) this.#player.seek(Number(this.#seek.value));
  }
}
