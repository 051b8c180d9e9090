// @ts-check
// Where in a conversation a time is: the server says or, where it cannot be reached, what is stored here does.
import { idOf, ParleyError } from './http.js';

/**
 * The seq of the first message that was created at a time or later; 0n if none was.
 * @param {(path: string) => Promise<any>} ask one request, with a token that is good
 * @param {(before: bigint) => Promise<import('../parley.d.ts').Timeline>} history the newest message before a seq, 0n for the newest of all
 * @param {string} key @param {number} time Unix milliseconds by the server's clock
 */
export async function seqAt(ask, history, key, time) {
  try {
    const at = Math.max(0, Math.floor(time));
    const { messages } = await ask(`/api/conversations/${encodeURIComponent(key)}/messages?at=${at}&limit=1`);
    return messages.length ? idOf(messages[0].seq) : 0n;
  } catch (cause) {
    if (cause instanceof ParleyError && cause.code) throw cause;
    return storedAt(history, time);
  }
}

/** By bisection: times never fall within a conversation. @param {(before: bigint) => Promise<import('../parley.d.ts').Timeline>} history @param {number} time */
async function storedAt(history, time) {
  /** @param {bigint} before */
  const newest = async before => (await history(before)).messages.findLast(({ seq }) => seq > 0n && (before === 0n || seq < before));
  const last = await newest(0n);
  if (!last || last.time < time) return 0n;
  let [low, high] = [1n, last.seq];
  while (low < high) {
    const middle = low + (high - low) / 2n;
    const found = await newest(middle + 1n);
    if (found && found.time >= time) high = found.seq;
    else low = middle + 1n;
  }
  return high;
}
