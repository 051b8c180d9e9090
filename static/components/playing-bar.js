// @ts-check
// Says which voice message is played, in whatever conversation, and lets the person stop it.
import { isolated } from '../texts/foreign-text.js';
import { t } from '../texts/strings.js';
import { element, hide, set, text } from './dom.js';
import { icon } from './icons.js';

export class PlayingBar {
  #player;
  #words = element('span', { dir: 'auto' });
  #toggle = element('button', { class: 'icon-button', type: 'button', onclick: () => (this.#player.playing ? this.#player.pause() : this.#player.resume()) });
  element;

  /** @param {import('../model/voice-player.js').VoicePlayer} player */
  constructor(player) {
    this.#player = player;
    this.element = element('section', { class: 'playing', hidden: true, 'aria-label': t.playingVoice }, this.#toggle, this.#words,
      element('button', { class: 'icon-button', type: 'button', 'aria-label': t.stopVoice, title: t.stopVoice, onclick: () => player.stop() }, icon('close')));
    player.addEventListener('change', () => this.#paint());
  }

  #paint() {
    const { current, author, playing } = this.#player;
    hide(this.element, current === null);
    if (!current) return;
    text(this.#words, author === t.you ? t.ownVoice : t.voiceOf(isolated(author)));
    const words = playing ? t.pauseVoice : t.playVoice;
    if (this.#toggle.getAttribute('aria-label') !== words) this.#toggle.replaceChildren(icon(playing ? 'pause' : 'play'));
    set(this.#toggle, 'aria-label', words);
    set(this.#toggle, 'title', words);
  }
}
