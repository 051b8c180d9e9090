// @ts-check
// What the address says: #/to/{user}, #/c/{key} or #/invite/{code}.

/**
 * @typedef {{ name: 'home' }
 *   | { name: 'to', user: bigint }
 *   | { name: 'conversation', key: string }
 *   | { name: 'invite', code: string }
 *   | { name: 'bad' }} Route
 */

const maxID = (1n << 64n) - 1n;

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
    case 'c':
      return /^s:[1-9][0-9]*:[0-9]+$/.test(rest) ? { name: 'conversation', key: rest } : { name: 'bad' };
    case 'invite': {
      const code = decode(rest);
      return code ? { name: 'invite', code } : { name: 'bad' };
    }
  }
  return { name: 'bad' };
}

/** The address, within the page, of a conversation. @param {{ key: string, peer: bigint }} conversation */
export function hashOf({ key, peer }) {
  return peer ? `#/to/${peer}` : `#/c/${key}`;
}

/** The address that others open to write to a user. @param {bigint | string} user */
export function linkTo(user) {
  return `${location.origin}/#/to/${user}`;
}

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}
