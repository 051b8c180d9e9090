// @ts-check
// What one can do with a conversation as a whole.

/**
 * @typedef {import('../parley.js').Parley} Parley
 * @typedef {import('../parley.js').Conversation} Conversation
 * @typedef {'mark-read' | 'mark-unread' | 'pin' | 'unpin' | 'mute' | 'unmute' | 'archive' | 'unarchive' | 'search' | 'date' | 'media' | 'print' | 'export' | 'remove' | 'block' | 'unblock'} ConversationAct
 */

const choices = {
  'mark-unread': { markedUnread: true }, pin: { pinned: true }, unpin: { pinned: false }, mute: { muted: true }, unmute: { muted: false },
  archive: { archived: true }, unarchive: { archived: false },
};

/** @param {string} key @param {Conversation | undefined} conversation undefined where nothing was written yet @returns {ConversationAct[]} */
export function actsOn(key, conversation) {
  /** @type {ConversationAct[]} */
  const acts = [];
  if (conversation && conversation.head > 0n) {
    const { unread, markedUnread, pinned, muted, archived, agent } = conversation;
    acts.push(unread > 0n || markedUnread ? 'mark-read' : 'mark-unread');
    if (!agent) acts.push(pinned ? 'unpin' : 'pin'); // a queue has an order of its own, and an end: resolved
    acts.push(muted ? 'unmute' : 'mute');
    if (!agent) acts.push(archived ? 'unarchive' : 'archive');
    acts.push('search', 'date', 'media', 'print', 'export', 'remove');
  }
  if (key.startsWith('d:')) acts.push(conversation?.blocked ? 'unblock' : 'block');
  return acts;
}

/**
 * Does it, but for what takes a dialog.
 * @param {Parley} parley @param {Exclude<ConversationAct, 'search' | 'date' | 'media' | 'print' | 'export' | 'remove'>} act @param {string} key @param {bigint} peer
 * @param {Conversation | undefined} conversation
 */
export async function act(parley, act, key, peer, conversation) {
  switch (act) {
    case 'mark-read':
      await parley.markRead(key, conversation?.head ?? 0n);
      return unmark(parley, conversation);
    case 'block':
      return parley.block(peer);
    case 'unblock':
      return parley.unblock(peer);
    default:
      return parley.choose(key, choices[act]);
  }
}

/** Whoever opens a conversation, or says so, has read what was marked as unread. @param {Parley} parley @param {Conversation | undefined} conversation */
export async function unmark(parley, conversation) {
  if (conversation?.markedUnread) await parley.choose(conversation.key, { markedUnread: false });
}
