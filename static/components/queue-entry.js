// @ts-check
// One conversation in an agent's queue: who waits, how long, and who has it.
import { isSystemMessage } from '../model/participants.js';
import { hashOf } from '../model/route.js';
import { presenceWords } from '../model/waiting.js';
import { isolated } from '../texts/foreign-text.js';
import { briefly, shortCount, sinceTime, stopwatch } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { avatar, paintAvatar } from './avatar.js';
import { arrangeShown, element, hide, set, spoken, text } from './dom.js';

/** @typedef {import('../parley.js').Conversation} Conversation */

const previewLength = 80; // UTF-16 units

export class QueueEntry {
  #avatar = avatar('', 0n);
  #name = element('span', { class: 'entry-name', dir: 'auto' });
  // Counts every second: what is spoken does not.
  #timer = element('span', { class: 'entry-timer', 'aria-hidden': 'true' });
  #since = spoken('');
  #preview = element('bdi');
  #countWords = spoken('');
  #badge = element('span', { class: 'badge', 'aria-hidden': 'true' });
  #assignee = element('span', { class: 'assignee' });
  #closed = element('span');
  #muted = element('span', { hidden: true }, t.muted);
  #line = element('span', { class: 'entry-preview' }, this.#preview);
  #standing = element('span', { class: 'entry-waiting' });
  #link = element('a', { class: 'entry', tabindex: -1 });
  item = element('li', {}, this.#link);
  #context;
  #participants;
  #painted = '';
  #waitingSince = 0;

  /** @param {string} key @param {import('../model/page-context.js').PageContext} context */
  constructor(key, context) {
    this.item.dataset.key = key;
    this.#context = context;
    this.#participants = context.participants(key);
  }

  /** @param {Conversation} conversation @param {boolean} open */
  paint(conversation, open) {
    const { name, person, serviceName } = this.#participants;
    const { waitingSince, assignee, unread, markedUnread, muted, closed, last } = conversation;
    if (this.#painted !== name) {
      this.#painted = name;
      paintAvatar(this.#avatar, name, person);
      text(this.#name, name);
    }
    set(this.#link, 'href', hashOf(conversation));
    set(this.#link, 'aria-current', open ? 'page' : null);
    set(this.item, 'data-unread', String(unread));
    set(this.item, 'data-marked-unread', markedUnread);
    set(this.item, 'data-muted', muted);
    set(this.item, 'data-waiting-since', waitingSince);
    set(this.item, 'data-assignee', String(assignee));
    const said = last && !isSystemMessage(last) ? briefly(last, previewLength) : '';
    text(this.#preview, said ? `${serviceName} · ${isolated(said)}` : serviceName);
    hide(this.#badge, unread === 0n && !markedUnread);
    text(this.#badge, unread ? shortCount(unread) : '');
    text(this.#countWords, unread ? t.unread(Number(unread)) : markedUnread ? t.markedUnread : '');
    hide(this.#countWords, unread === 0n && !markedUnread);
    text(this.#assignee, assignee ? t.claimedBy(assignee === this.#context.me ? t.byYou : isolated(this.#participants.agentName(assignee))) : t.unclaimed);
    this.#assignee.classList.toggle('nobody', !assignee);
    text(this.#closed, t.closed[closed]);
    hide(this.#closed, closed === 'open');
    hide(this.#muted, !muted);
    arrangeShown(this.#standing, [this.#assignee, this.#closed, this.#muted]);
    const here = presenceWords(this.#participants, this.#context);
    set(this.#avatar, 'data-online', here === t.online);
    set(this.#link, 'title', here || null);
    this.#waitingSince = waitingSince;
    this.tick();
  }

  tick() {
    const since = this.#waitingSince;
    const now = this.#context.clock.now();
    text(this.#timer, since ? stopwatch(now - since) : '');
    text(this.#since, since ? t.waitsSince(sinceTime(since, now)) : '');
    for (const part of [this.#timer, this.#since]) hide(part, !since);
    arrangeShown(this.#link, [this.#avatar, this.#name, this.#timer, this.#since, this.#line, this.#badge, this.#countWords, this.#standing]);
  }
}
