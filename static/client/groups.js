// @ts-check
// What a member does to a group, over HTTP. Each is given a way to ask: one request, with a token that is
// good. What comes of it is told to all members by entries of the group's log.
import { idOf, ParleyError } from './http.js';

/**
 * @typedef {import('../parley.d.ts').GroupLink} GroupLink
 * @typedef {(path: string, options?: { method?: string, body?: any }) => Promise<any>} Ask
 */

/** @param {string} key */
function pathOf(key) {
  const [kind, id] = key.split(':');
  if (kind !== 'g') throw new ParleyError(`${key} is no group's key`);
  return `/api/groups/${encodeURIComponent(id)}`;
}

/** @param {Ask} ask @param {string} name @param {{ members?: bigint[], whole?: boolean, ref?: string }} options @returns {Promise<string>} */
export async function createGroup(ask, name, { members = [], whole = false, ref = '' }) {
  const body = { name, members: members.map(String), history: whole ? 'all' : 'joined', ref };
  return String((await ask('/api/groups', { method: 'POST', body })).key);
}

/** @param {Ask} ask @param {string} key @param {string} name */
export async function renameGroup(ask, key, name) {
  await ask(pathOf(key), { method: 'PATCH', body: { name } });
}

/** @param {Ask} ask @param {string} key @param {bigint | null} picture an upload; null: none */
export async function setGroupPicture(ask, key, picture) {
  const path = `${pathOf(key)}/picture`;
  if (picture === null) await ask(path, { method: 'DELETE' });
  else await ask(path, { method: 'PUT', body: { attachment_id: String(picture) } });
}

/** @param {Ask} ask @param {string} key @param {bigint[]} members */
export async function addMembers(ask, key, members) {
  await ask(`${pathOf(key)}/members`, { method: 'POST', body: { members: members.map(String) } });
}

/** @param {Ask} ask @param {string} key @param {bigint} user */
export async function removeMember(ask, key, user) {
  await ask(`${pathOf(key)}/members/${user}`, { method: 'DELETE' });
}

/** @param {Ask} ask @param {string} key @param {bigint} user @param {string} role */
export async function changeRole(ask, key, user, role) {
  await ask(`${pathOf(key)}/members/${user}`, { method: 'PATCH', body: { role } });
}

/** @param {Ask} ask @param {string} key @returns {Promise<GroupLink[]>} */
export async function groupLinks(ask, key) {
  const { links } = await ask(`${pathOf(key)}/links`);
  return links.map(linkOf);
}

/** @param {Ask} ask @param {string} key @param {number} lasts seconds; 0: until it is withdrawn */
export async function addGroupLink(ask, key, lasts) {
  return linkOf(await ask(`${pathOf(key)}/links`, { method: 'POST', body: { expires_in: lasts } }));
}

/** @param {Ask} ask @param {string} key @param {bigint} id */
export async function deleteGroupLink(ask, key, id) {
  await ask(`${pathOf(key)}/links/${id}`, { method: 'DELETE' });
}

/** @param {any} link @returns {GroupLink} */
function linkOf(link) {
  return { id: idOf(link.id), code: String(link.code), made: Number(link.create_time), expires: Number(link.expires) };
}

/** @param {Ask} ask @param {string} code */
export async function linkedGroup(ask, code) {
  const { key, name, member_count: members } = await ask(`/api/group-links/${encodeURIComponent(code)}`);
  return { key: String(key), name: String(name), members: Number(members) };
}

/** @param {Ask} ask @param {string} code @returns {Promise<string>} */
export async function joinGroup(ask, code) {
  return String((await ask(`/api/group-links/${encodeURIComponent(code)}`, { method: 'POST' })).key);
}
