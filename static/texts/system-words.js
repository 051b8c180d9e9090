// @ts-check
// What control entries tell, in words.
import { isolated } from './foreign-text.js';
import { t } from './strings.js';

/**
 * @typedef {import('../parley.js').Message} Message
 * @typedef {import('../model/participants.js').Participants} Participants
 */

/** What a control entry tells. @param {Message} message @param {Participants} participants */
export function systemWords(message, participants) {
  const who = isolated(participants.authorOf(message));
  const by = message.mine ? t.byYou : who;
  switch (message.type) {
    case 'claim':
      return t.claimed(who);
    case 'release':
      return t.released(who);
    case 'hand-over': {
      const target = participants.agentName(message.target);
      return t.handedOver(target === t.you ? t.byYou : isolated(target), by);
    }
    case 'move':
      return participants.agent ? t.movedBy(participants.otherService(message), by) : t.movedTo(participants.otherService(message));
    case 'moved':
      return participants.agent ? t.movedHereBy(participants.otherService(message), message.agent === participants.me ? t.byYou : who) : t.movedHere(participants.otherService(message));
    case 'resolve':
      return participants.agent ? t.resolvedBy(by) : t.resolved;
    case 'reopen':
      return t.reopenedBy(by);
    case 'no-reply-needed':
      return t.neededNoReply(who);
    case 'recalled':
      return message.recalledBy ? t.recalledOf(message.recalledBy === participants.me ? '' : isolated(participants.agentName(message.recalledBy)), message.mine ? '' : who) : t.recalled(message.mine, who);
    default:
      return t.cannotBeShown;
  }
}
