// @ts-check
// Who answered a message with which emoji.

/**
 * @typedef {import('../parley.js').Reaction} Reaction
 * @typedef {import('../model/participants.js').Participants} Participants
 * @typedef {{ emoji: string, names: string[], mine: boolean }} Reacted
 */

/** Reactions by emoji, in the order in which each came first. @param {Reaction[]} reactions @param {Participants} participants @returns {Reacted[]} */
export function reactedOf(reactions, participants) {
  /** @type {Map<string, Reacted>} */
  const all = new Map();
  for (const { user, emoji } of reactions) {
    const one = all.get(emoji) ?? { emoji, names: [], mine: false };
    one.names.push(participants.reactorName(user));
    one.mine ||= participants.isMyVoice(user);
    all.set(emoji, one);
  }
  return [...all.values()];
}

/** The user's own reaction to a message, '' if there is none. @param {import('../parley.js').Message} message @param {Participants} participants */
export function ownReaction({ reactions }, participants) {
  return reactions.find(({ user }) => participants.isMyVoice(user))?.emoji ?? '';
}
