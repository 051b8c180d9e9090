// @ts-check
// The order in which messages stand on the screen: confirmed ones by seq, then
// those of one's own that are not, by number.

/** @typedef {import('../parley.d.ts').Message} Message */

/**
 * Merges changed messages into a list as it is to be shown; returns a new list
 * and leaves both as they are. A confirmed message takes the place of the
 * unconfirmed one that it confirms, in whichever order the two come, and gap is
 * set where entries are missing between two. gone are refs of unconfirmed
 * messages that were deleted.
 * @param {Message[]} list in order
 * @param {Message[]} changed in any order; of two states of one message the later one counts
 * @param {string[]} [gone]
 * @returns {Message[]}
 */
export function mergeMessages(list, changed, gone = []) {
  if (gone.length === 0 && follow(list, changed)) return [...list, ...changed].map(withGap);
  /** @type {Map<bigint | string, Message>} */
  const latest = new Map();
  for (const message of changed) latest.set(identity(message), message);
  const deleted = new Set(gone);
  const confirmed = new Set();
  for (const some of [list, changed]) {
    for (const message of some) {
      if (message.seq && message.ref) confirmed.add(twin(message));
    }
  }
  /** @param {Message} message */
  const stays = message => message.seq || !deleted.has(message.ref) && !confirmed.has(twin(message));
  const kept = list.filter(message => !latest.has(identity(message)) && stays(message));
  const fresh = [...latest.values()].filter(stays).sort(compare);
  return zip(kept, fresh).map(withGap);
}

/** Whether changed are confirmed messages in order after all of the list, which holds no unconfirmed one. @param {Message[]} list @param {Message[]} changed */
function follow(list, changed) {
  let last = list.at(-1)?.seq;
  if (!last) return false; // an unconfirmed one may be among what it confirms
  for (const { seq } of changed) {
    if (seq <= last) return false;
    last = seq;
  }
  return true;
}

/**
 * Says whether entries are missing just before a message. What comes may close
 * a hole, or open one, before a message that has not changed itself; of the
 * first message only the engine knows.
 * @param {Message} message @param {number} i @param {Message[]} list
 */
function withGap(message, i, list) {
  if (i === 0 || !message.seq) return message;
  const gap = message.seq !== list[i - 1].seq + 1n;
  return gap === !!message.gap ? message : { ...message, gap };
}

/** What stays the same when a message changes, confirmation aside. @param {Message} message */
function identity(message) {
  return message.seq || twin(message);
}

/** A ref is unique among the messages of its sender, and anybody can repeat it. @param {Message} message */
function twin({ sender, ref }) {
  return `${sender} ${ref}`;
}

/** @param {Message} a @param {Message} b */
function compare(a, b) {
  if (a.seq && b.seq) return a.seq < b.seq ? -1 : 1;
  if (a.seq || b.seq) return a.seq ? -1 : 1;
  return a.number < b.number ? -1 : 1;
}

/** Merges two ordered lists. @param {Message[]} a @param {Message[]} b */
function zip(a, b) {
  const merged = [];
  let i = 0;
  for (const message of b) {
    while (i < a.length && compare(a[i], message) < 0) merged.push(a[i++]);
    merged.push(message);
  }
  while (i < a.length) merged.push(a[i++]);
  return merged;
}
