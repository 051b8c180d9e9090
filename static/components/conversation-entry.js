// @ts-check
// One conversation in the list.
import { isSystemMessage } from '../model/participants.js';
import { hashOf } from '../model/route.js';
import { presenceWords, waitingWords } from '../model/waiting.js';
import { isolated } from '../texts/foreign-text.js';
import { briefly, briefTime, duration, fullTime, shortCount } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { systemWords } from '../texts/system-words.js';
import { avatar, paintAvatar } from './avatar.js';
import { arrangeShown, element, hide, set, spoken, text } from './dom.js';
import { icon } from './icons.js';
import { receiptIcon } from './receipt-icon.js';

/**
 * @typedef {import('../parley.js').Conversation} Conversation
 * @typedef {import('../parley.js').Message} Message
 */

const previewLength = 160; // UTF-16 units

export class ConversationEntry {
  #avatar = avatar('', 0n);
  #name = element('span', { class: 'entry-name', dir: 'auto' });
  #here = spoken('');
  #time = element('time', { class: 'entry-time' });
  #state = element('span', { class: 'entry-state' });
  #prefix = element('span');
  #preview = element('bdi');
  /** Between two people nobody is to be pressed: marks of who owes and who waits, and the words for who asks. */
  #mark = element('span', { class: 'entry-mark', role: 'img', hidden: true });
  #words = element('span', { class: 'awaiting' });
  /** What the user chose for it. */
  #chosen = element('span', { class: 'entry-mark', role: 'img', hidden: true });
  #waiting = element('span', { class: 'entry-waiting', hidden: true }, this.#words);
  #countWords = spoken('');
  /** Somebody of a group mentioned the user, who has not read it. */
  #mention = element('span', { class: 'badge mention', 'aria-hidden': 'true', hidden: true }, '@');
  #badge = element('span', { class: 'badge', 'aria-hidden': 'true' });
  #line = element('span', { class: 'entry-preview' });
  #link = element('a', { class: 'entry', tabindex: -1 });
  item = element('li', {}, this.#link);
  #context;
  #participants;
  /** @type {Conversation | null} */
  #conversation = null;
  #painted = '';
  #shownState = '';
  #drawn = '';

  /** @param {string} key @param {import('../model/page-context.js').PageContext} context */
  constructor(key, context) {
    this.item.dataset.key = key;
    this.#context = context;
    this.#participants = context.participants(key);
  }

  /** @param {Conversation} conversation @param {boolean} open */
  paint(conversation, open) {
    this.#conversation = conversation;
    const { name, person } = this.#participants;
    const picture = this.#context.pictures.of(this.#participants.key);
    const painted = `${picture} ${name}`;
    if (this.#painted !== painted) {
      this.#painted = painted;
      paintAvatar(this.#avatar, name, person, picture);
      text(this.#name, name);
    }
    set(this.#link, 'href', hashOf(conversation));
    set(this.#link, 'aria-current', open ? 'page' : null);
    this.#paintLast(conversation.last);
    this.#paintBadge(conversation);
    this.#paintChosen(conversation);
    this.#paintPresence();
    this.tick();
  }

  tick() {
    const conversation = this.#conversation;
    if (!conversation) return;
    const now = this.#context.clock.now();
    const { last, waitingSince, awaitingSince } = conversation;
    set(this.item, 'data-waiting-since', waitingSince);
    set(this.item, 'data-awaiting-since', awaitingSince);
    const { owing, awaiting } = waitingWords(conversation, this.#participants, now);
    const words = t.phrases([owing, awaiting].filter(Boolean));
    const marked = words !== '' && this.#participants.amongFriends;
    if (marked) this.#drawMark(owing !== '', awaiting !== '');
    hide(this.#mark, !marked);
    set(this.#mark, 'aria-label', words);
    set(this.#mark, 'title', words);
    hide(this.#waiting, marked || !words);
    text(this.#words, this.#waiting.hidden ? '' : t.waitingBriefly(duration(now - (waitingSince || awaitingSince))));
    text(this.#time, last?.time ? briefTime(last.time, now) : '');
    arrangeShown(this.#line, [this.#state, this.#prefix, this.#preview, this.#mark, this.#chosen]);
    arrangeShown(this.#link, [this.#avatar, this.#name, this.#here, this.#time, this.#line, this.#mention, this.#badge, this.#countWords, this.#waiting]);
  }

  /** @param {boolean} owing @param {boolean} awaiting */
  #drawMark(owing, awaiting) {
    const drawn = `${owing} ${awaiting}`;
    if (this.#drawn === drawn) return;
    this.#drawn = drawn;
    this.#mark.replaceChildren(...owing ? [icon('answer')] : [], ...awaiting ? [icon('clock')] : []);
  }

  /** @param {Conversation} conversation */
  #paintBadge({ unread, markedUnread, muted, mentions }) {
    set(this.item, 'data-mentions', mentions ? String(mentions) : null);
    hide(this.#mention, mentions === 0n);
    set(this.item, 'data-unread', String(unread));
    set(this.item, 'data-marked-unread', markedUnread);
    set(this.item, 'data-muted', muted);
    hide(this.#badge, unread === 0n && !markedUnread);
    text(this.#badge, unread ? shortCount(unread) : '');
    const words = unread ? t.unread(Number(unread)) : markedUnread ? t.markedUnread : '';
    text(this.#countWords, mentions ? t.phrases([words, t.mentionsYou(Number(mentions))]) : words);
    hide(this.#countWords, !words && mentions === 0n);
  }

  /** @param {Conversation} conversation */
  #paintChosen({ pinned, muted }) {
    const words = t.phrases([pinned ? t.pinned : '', muted ? t.muted : ''].filter(Boolean));
    if (words && !this.#chosen.firstChild) this.#chosen.append(icon('pin'), icon('muted')); // most show none
    const [pin, mute] = this.#chosen.children;
    if (pin) set(pin, 'hidden', !pinned);
    if (mute) set(mute, 'hidden', !muted);
    set(this.#chosen, 'aria-label', words);
    set(this.#chosen, 'title', words);
    hide(this.#chosen, !words);
  }

  #paintPresence() {
    const words = presenceWords(this.#participants, this.#context);
    const online = words === t.online;
    set(this.#avatar, 'data-online', online);
    set(this.#link, 'title', words || null);
    hide(this.#here, !online);
    text(this.#here, online ? t.inBrackets(words) : '');
  }

  /** @param {Message | null} last */
  #paintLast(last) {
    const typing = this.#context.presence.typists(this.#participants.key).length > 0;
    const line = last !== null && isSystemMessage(last);
    const other = this.#participants.group && last && !last.mine && !line && !typing;
    const prefix = last?.mine && !line && !typing ? t.youPrefix : other ? t.authorPrefix(isolated(this.#participants.authorOf(last))) : '';
    hide(this.#prefix, !prefix);
    text(this.#prefix, prefix);
    text(this.#preview, typing ? t.typingBrief : this.#previewOf(last));
    set(this.#time, 'datetime', last?.time ? new Date(last.time).toISOString() : null);
    set(this.#time, 'title', last?.time ? fullTime(last.time) : null);
    const state = last?.mine && !line && !typing && last.state !== 'received' ? last.state : '';
    hide(this.#state, !state);
    if (this.#shownState === state) return;
    this.#shownState = state;
    this.#state.className = `entry-state ${state}`;
    this.#state.replaceChildren(...(state ? receiptIcon(state) : []));
  }

  /** @param {Message | null} last */
  #previewOf(last) {
    if (!this.#participants.known) return t.cannotBeShown;
    if (!last) return '';
    if (!this.#participants.shows(last)) return t.customerService;
    if (last.type === 'unknown' && !last.content) return t.cannotBeShown;
    return isSystemMessage(last) ? systemWords(last, this.#participants) : briefly(last, previewLength);
  }
}
