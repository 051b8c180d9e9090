// @ts-check
// What the page knows beside conversations: who the user is, what people are
// called, who is here, and what time it is.
import { Clock } from './clock.js';
import { GroupPictures } from './group-pictures.js';
import { Names } from './names.js';
import { Participants } from './participants.js';
import { Presence } from './presence.js';
import { Services } from './services.js';
import { VoicePlayer } from './voice-player.js';

export class PageContext {
  /** Once it is there. @type {import('../parley.js').Parley | null} */
  parley = null;
  me;
  names;
  presence = new Presence();
  clock = new Clock();
  /** The user is an agent who wants no further conversations. */
  away = false;
  services = new Services(this.clock);
  pictures = new GroupPictures();
  /** Goes on whatever conversation is open. */
  player = new VoicePlayer();

  /** @param {bigint} me */
  constructor(me) {
    this.me = me;
    this.names = new Names(me, this.services);
  }

  /** @param {string} key */
  participants(key) {
    return new Participants(key, this.me, this.names, this.services);
  }
}
