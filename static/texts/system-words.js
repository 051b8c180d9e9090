// @ts-check
// What control entries tell, in words.
import { isolated } from './foreign-text.js';
import { formats, t } from './strings.js';

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
    case 'group-create':
      return t.groupCreated(message.mine ? t.youDid : who, isolated(message.content));
    case 'group-join':
      return message.members.length === 1 && message.members[0] === message.sender ? t.groupJoined(message.mine ? t.youDid : who) : t.groupAdded(message.mine ? t.youDid : who, membersOf(message, participants));
    case 'group-leave':
      return t.groupLeft(message.mine ? t.youDid : who);
    case 'group-remove':
      return t.groupRemoved(message.mine ? t.youDid : who, membersOf(message, participants));
    case 'group-rename':
      return t.groupRenamed(message.mine ? t.youDid : who, isolated(message.content));
    case 'group-picture':
      return t.groupPictured(message.mine ? t.youDid : who, message.content !== '' || message.attachments.length > 0);
    case 'group-role':
      return t.groupRole(message.mine ? t.youDid : who, membersOf(message, participants), t.roles[message.content] ?? '');
    default:
      return t.cannotBeShown;
  }
}

/** @param {Message} message @param {Participants} participants */
function membersOf(message, participants) {
  const names = participants.membersOf(message);
  if (names.length) return formats.list(names);
  return message.members.length ? t.memberCount(message.members.length) : t.someMembers;
}

/** Types whose content is said in the words. */
const ofGroups = new Set(['group-create', 'group-rename', 'group-role', 'group-picture']);

/** What was said with a control entry, '' if nothing was. @param {Message} message */
export function saidWith({ type, content }) {
  return ofGroups.has(type) ? '' : content;
}
