// @ts-check
// Plays one voice message at a time, whatever conversation is open.

/** @typedef {import('../parley.d.ts').Attachment} Attachment */

/** How fast messages can be heard. */
const rates = [1, 1.5, 2];

/** Fires "change" when something else is played, or the same otherwise. */
export class VoicePlayer extends EventTarget {
  #audio = new Audio();
  #url = '';
  #rate = 1;
  /** What is played, or was last; null if nothing. @type {Attachment | null} */
  current = null;
  /** Who speaks. */
  author = '';

  constructor() {
    super();
    for (const type of ['play', 'pause', 'ended', 'timeupdate', 'ratechange']) this.#audio.addEventListener(type, () => this.#changed());
  }

  get playing() {
    return this.current !== null && !this.#audio.paused && !this.#audio.ended;
  }

  get rate() {
    return this.#rate;
  }

  /** Milliseconds from the beginning. */
  get position() {
    return this.#audio.ended ? 0 : Math.round(this.#audio.currentTime * 1000);
  }

  /** Whether a message is the current one. @param {Attachment} attachment */
  is({ id, file }) {
    return this.current !== null && (id ? this.current.id === id : this.current.file === file);
  }

  /** Plays a message, or goes on with it. @param {Attachment} attachment @param {string} author @param {() => Promise<Blob>} load */
  async play(attachment, author, load) {
    if (!this.is(attachment)) {
      this.stop();
      this.current = attachment;
      this.author = author;
      this.#changed();
      const blob = await load();
      if (this.current !== attachment) return; // another was wanted meanwhile
      this.#url = URL.createObjectURL(blob);
      this.#audio.src = this.#url;
    }
    this.#audio.playbackRate = this.#rate;
    await this.#audio.play();
  }

  pause() {
    this.#audio.pause();
  }

  /** Goes on with the current message. */
  async resume() {
    if (this.current) await this.#audio.play();
  }

  stop() {
    this.#audio.pause();
    this.#audio.removeAttribute('src');
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = '';
    this.current = null;
    this.#changed();
  }

  /** @param {number} position milliseconds, of the current message */
  seek(position) {
    if (this.#url) this.#audio.currentTime = position / 1000;
  }

  /** The next faster, or the slowest. */
  faster() {
    this.#rate = rates[(rates.indexOf(this.#rate) + 1) % rates.length];
    this.#audio.playbackRate = this.#rate;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
