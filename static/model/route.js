// @ts-check
// What the address says: #/to/{user}, #/service/{type}, #/c/{key}, #/c/{key}/{seq}, #/join/{code}, #/invite/{code} or #/link/{code}; and what
// of the page it shows.
import { directKey, serviceKey } from '../parley.js';

/**
 * @typedef {{ name: 'home' }
 *   | { name: 'to', user: bigint }
 *   | { name: 'service', service: number }
 *   | { name: 'conversation', key: string, seq: bigint }
 *   | { name: 'join', code: string }
 *   | { name: 'invite', code: string }
 *   | { name: 'link', code: string }
 *   | { name: 'bad' }} Route
 */

const maxID = (1n << 64n) - 1n;
const maxService = 63;

/** Parses a user id: decimal, 1 to 2^64 − 1. Null if it is none. @param {string} digits */
export function parseID(digits) {
  if (!/^[1-9][0-9]{0,19}$/.test(digits)) return null;
  const id = BigInt(digits);
  return id <= maxID ? id : null;
}

/** @param {string} hash @returns {Route} */
export function parseRoute(hash) {
  const [, name = '', rest = ''] = /^#\/([a-z]*)\/?(.*)$/.exec(hash) ?? [];
  switch (name) {
    case '':
      return { name: 'home' };
    case 'to': {
      const user = parseID(rest);
      return user === null ? { name: 'bad' } : { name: 'to', user };
    }
    case 'service':
      return isService(rest) ? { name: 'service', service: Number(rest) } : { name: 'bad' };
    case 'c':
      return conversationRoute(rest);
    case 'join':
    case 'invite':
    case 'link': {
      const code = decode(rest);
      return code ? { name, code } : { name: 'bad' };
    }
  }
  return { name: 'bad' };
}

/**
 * The key of the conversation that a route leads to; '' if to none, or to one of a kind that is not known here.
 * @param {Route} route @param {bigint} me
 */
export function keyOf(route, me) {
  switch (route.name) {
    case 'to':
      return route.user === me ? '' : directKey(me, route.user);
    case 'service':
      return serviceKey(me, route.service);
    case 'conversation':
      return isKnownKind(route.key) ? route.key : '';
  }
  return '';
}

/** The message that a route leads to; 0n if to none. @param {Route} route */
export function seqOf(route) {
  return route.name === 'conversation' ? route.seq : 0n;
}

/** Which pane a route shows where there is room for one. @param {Route} route @returns {'list' | 'conversation'} */
export function viewOf({ name }) {
  return name === 'home' || name === 'invite' || name === 'link' ? 'list' : 'conversation';
}

/** Whether this version can show such a conversation. @param {string} key */
export function isKnownKind(key) {
  return key.startsWith('d:') || key.startsWith('s:') || key.startsWith('g:');
}

/** The address, within the page, of a conversation. @param {{ key: string, peer: bigint, service: number, agent: boolean }} conversation */
export function hashOf({ key, peer, service, agent }) {
  if (peer) return `#/to/${peer}`;
  return !agent && isService(String(service)) ? hashOfService(service) : `#/c/${encode(key)}`;
}

/** The address, within the page, of the user's own conversation with a service. @param {number} service */
export function hashOfService(service) {
  return `#/service/${service}`;
}

/** The address, within the page, of a message. @param {string} key @param {bigint} seq */
export function hashOfMessage(key, seq) {
  return `#/c/${encode(key)}/${seq}`;
}

/** The address at which a message is, for whoever may read it. @param {string} key @param {bigint} seq */
export function linkToMessage(key, seq) {
  return new URL(`./${hashOfMessage(key, seq)}`, location.href).href;
}

/** @param {string} digits */
function isService(digits) {
  return /^(0|[1-9][0-9]?)$/.test(digits) && Number(digits) <= maxService;
}

/** The page of a conversation, at a message if there is a seq. @param {string} rest key or key/seq @returns {Route} */
function conversationRoute(rest) {
  const [encoded, digits, ...more] = rest.split('/');
  const key = decode(encoded);
  const seq = digits === undefined ? 0n : parseID(digits);
  return isKey(key) && seq !== null && !more.length ? { name: 'conversation', key, seq } : { name: 'bad' };
}

/** Whether it is a key, be it of a kind that is not known here. @param {string} key */
function isKey(key) {
  const [kind, first = '', second, ...more] = key.split(':');
  const id = parseID(first);
  const other = parseID(second ?? '');
  switch (kind) {
    case 'g':
      return id !== null && second === undefined;
    case 'd':
      return id !== null && other !== null && id < other && !more.length;
    case 's':
      return id !== null && /^(0|[1-9]\d{0,9})$/.test(second) && !more.length;
  }
  return Boolean(kind && first);
}

/** The address that others open to write to a user. @param {bigint | string} user */
export function linkTo(user) {
  return new URL(`./#/to/${user}`, location.href).href;
}

/** The address by which others join a group. @param {string} code */
export function linkToGroup(code) {
  return new URL(`./#/join/${code}`, location.href).href;
}

/** The address by which another device signs in. @param {string} code */
export function linkOf(code) {
  return new URL(`./#/link/${code}`, location.href).href;
}

/** @param {string} key of a kind to come, which may hold anything */
function encode(key) {
  return encodeURIComponent(key).replaceAll('%3A', ':');
}

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}
