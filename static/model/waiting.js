// @ts-check
// Who waits for whom in a conversation, and who is here, in words.
import { isolated } from '../texts/foreign-text.js';
import { duration, sinceTime } from '../texts/labels.js';
import { t } from '../texts/strings.js';

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
