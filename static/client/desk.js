// @ts-check
// What only agents have, over HTTP: notes on a conversation, a service's canned replies, and what is known of
// a customer. Each is given a way to ask: one request, with a token that is good.
import { idOf, ParleyError } from './http.js';

/**
 * @typedef {import('../parley.d.ts').Note} Note
 * @typedef {import('../parley.d.ts').Reply} Reply
 * @typedef {import('../parley.d.ts').Customer} Customer
 * @typedef {(path: string, options?: { method?: string, body?: any, version?: string }) => Promise<any>} Ask
 */

/** @param {Ask} ask @param {string} key @returns {Promise<Note[]>} */
export async function notesOn(ask, key) {
  return listOf(await ask(notesPath(key)), 'notes').map(noteOf);
}

/** @param {Ask} ask @param {string} key @param {string} content @param {{ after?: bigint, ref?: string }} options */
export async function addNote(ask, key, content, { after, ref = '' }) {
  const body = { content, ref, ...after !== undefined && { after_seq: String(after) } };
  return noteOf(await ask(notesPath(key), { method: 'POST', body }));
}

/** @param {Ask} ask @param {string} key @param {bigint} id */
export async function deleteNote(ask, key, id) {
  await ask(`${notesPath(key)}/${id}`, { method: 'DELETE' });
}

/** @param {string} key */
const notesPath = key => `/api/conversations/${encodeURIComponent(key)}/notes`;

/** @param {any} note @returns {Note} */
function noteOf(note) {
  const { author_name: authorName, content } = note;
  return {
    id: idOf(note.id), after: BigInt(note.after_seq), author: idOf(note.author_id), authorName: String(authorName ?? ''),
    time: Number(note.create_time), content: String(content),
  };
}

/** @param {Ask} ask @param {number} service @returns {Promise<{ replies: Reply[], placeholders: string[] }>} */
export async function repliesOf(ask, service) {
  const answer = await ask(repliesPath(service));
  return { replies: listOf(answer, 'replies').map(replyOf), placeholders: listOf(answer, 'placeholders').map(String) };
}

/** Adds one, or with an id changes it. @param {Ask} ask @param {number} service @param {Partial<Reply> & { title: string, content: string }} reply */
export async function putReply(ask, service, { id, version, title, content }) {
  const body = { title, content };
  if (!id) return replyOf(await ask(repliesPath(service), { method: 'POST', body }));
  return replyOf(await ask(`${repliesPath(service)}/${id}`, { method: 'PUT', body, version: version || '*' }));
}

/** @param {Ask} ask @param {number} service @param {Reply} reply */
export async function deleteReply(ask, service, { id, version }) {
  await ask(`${repliesPath(service)}/${id}`, { method: 'DELETE', version: version || '*' });
}

/** @param {number} service */
const repliesPath = service => `/api/services/${encodeURIComponent(service)}/replies`;

/** @param {any} reply @returns {Reply} */
function replyOf({ id, version, title, content }) {
  return { id: idOf(id), version: String(version), title: String(title), content: String(content) };
}

/** @param {Ask} ask @param {bigint} id @returns {Promise<Customer>} */
export async function customerOf(ask, id) {
  const answer = await ask(`/api/customers/${id}`);
  return {
    id: idOf(answer?.user_id), name: String(answer.name), firstSeen: Number(answer.first_seen), lastSeen: Number(answer.last_seen),
    extend: String(answer.extend), conversations: listOf(answer, 'conversations').map(conversationOf),
  };
}

/** As the closing states are numbered. */
const closed = /** @type {const} */ (['open', 'resolved', 'no-reply-needed', 'moved']);

/** @param {any} conversation @returns {Customer['conversations'][number]} */
function conversationOf(conversation) {
  return {
    key: String(conversation.key), service: Number(conversation.service_type), messages: Number(conversation.messages), began: Number(conversation.oldest_time), time: Number(conversation.newest_time),
    closed: closed[conversation.post_proc] ?? 'open', assignee: BigInt(conversation.assignee_id), assigneeName: String(conversation.assignee_name),
    waitingSince: Number(conversation.waiting_since),
  };
}

/** @param {any} answer @param {string} name @returns {any[]} */
function listOf(answer, name) {
  if (!Array.isArray(answer?.[name])) throw new ParleyError(`The server answered something that has no list of ${name}.`);
  return answer[name];
}
