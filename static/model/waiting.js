// @ts-check
// Who waits for whom in a conversation, and who is here, in words.
import { isolated } from '../texts/foreign-text.js';
import { duration, sinceTime } from '../texts/labels.js';
import { t } from '../texts/strings.js';

const place = 'parley.waiting'; // in localStorage: on, if the person wants words
let words = readChoice();

/** Whether it is said in words, on this device, who of friends waits: agents are always told, others by a quiet mark. */
export const saysWhoWaits = () => words;

/** @param {boolean} on */
export function sayWhoWaits(on) {
  words = on;
  try {
    if (on) localStorage.setItem(place, 'on');
    else localStorage.removeItem(place);
  } catch {
    // It counts until the page is loaded again.
  }
}

function readChoice() {
  try {
    return localStorage.getItem(place) === 'on';
  } catch {
    return false;
  }
}

/**
 * What the user still owes and what they wait for; '' if nothing.
 * @param {import('../parley.js').Conversation} conversation
 * @param {import('./participants.js').Participants} participants
 * @param {number} now by the server's clock
 */
export function waitingWords({ waitingSince, awaitingSince, blocked }, participants, now) {
  if (blocked) return { owing: '', awaiting: '' }; // neither can answer
  return {
    owing: waitingSince ? t.owing(duration(now - waitingSince)) : '',
    awaiting: awaitingSince ? t.awaiting(isolated(participants.name), sinceTime(awaitingSince, now)) : '',
  };
}

/**
 * Whether the person on the other side is here, or when they were; '' if nobody tells.
 * @param {import('./participants.js').Participants} participants
 * @param {import('./page-context.js').PageContext} context
 */
export function presenceWords(participants, { presence, clock }) {
  const there = participants.person ? presence.of(participants.person) : undefined;
  if (there?.online) return t.online;
  return there?.lastSeen ? t.lastSeen(sinceTime(there.lastSeen, clock.now())) : '';
}
