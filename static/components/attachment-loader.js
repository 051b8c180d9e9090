// @ts-check
// Loads what messages carry, when it comes near the screen or is asked for.
import { element } from './dom.js';

/** @typedef {import('../parley.js').Attachment} Attachment */

const near = 400; // px above and below the screen

export class AttachmentLoader {
  #parley;
  /** @type {WeakMap<Element, () => void>} */
  #waiting = new WeakMap();
  #observer;

  player;

  /**
   * @param {Promise<import('../parley.js').Parley>} parley
   * @param {import('../model/voice-player.js').VoicePlayer} player of voice messages
   * @param {Element | null} [root] that scrolls
   */
  constructor(parley, player, root = null) {
    this.#parley = parley;
    this.player = player;
    this.#observer = new IntersectionObserver(entries => {
      for (const { target, isIntersecting } of entries) if (isIntersecting) this.#arrived(target);
    }, { root, rootMargin: `${near}px 0px` });
  }

  /** Calls f once when an element comes near. @param {Element} target @param {() => void} f */
  whenNear(target, f) {
    this.#waiting.set(target, f);
    this.#observer.observe(target);
  }

  /** @param {Element} target */
  #arrived(target) {
    this.#observer.unobserve(target);
    this.#waiting.get(target)?.();
    this.#waiting.delete(target);
  }

  /** @param {Attachment} attachment @returns {Promise<Blob>} */
  async load(attachment) {
    return (await this.#parley).attachment(attachment);
  }

  /** Gives an attachment to the person as a file, under its name. @param {Attachment} attachment */
  async download(attachment) {
    const url = URL.createObjectURL(await this.load(attachment));
    element('a', { href: url, download: attachment.name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser has begun by then
  }
}
