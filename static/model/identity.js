// @ts-check
// Who is signed in, in this browser profile. The token is the identity: it is
// kept in localStorage, shared by all tabs, and renewed when the engine asks for
// it. Where the browser keeps nothing it is this page's, and ends with it.
import { ParleyError, renewToken } from '../parley.js';
import { deviceLabel } from './device-label.js';

const place = 'parley.session';

/**
 * @typedef {object} Identity
 * @property {bigint} id
 * @property {string} name
 * @property {string} token
 * @property {boolean} [mints] whether the server mints the token, and not a site's own that has the key; unless it is known
 */

/** Who is signed in on this page alone. @type {Identity | null} */
let unkept = null;

/** Whether this browser keeps who is signed in, or would. */
export function keepsIdentity() {
  if (unkept) return false;
  try {
    if (localStorage.getItem(place) === null) {
      localStorage.setItem(`${place}.probe`, '');
      localStorage.removeItem(`${place}.probe`);
    }
    return true;
  } catch {
    return false;
  }
}

/** The identity; null if nobody is signed in or it cannot be read. @returns {Identity | null} */
export function storedIdentity() {
  if (unkept) return unkept;
  try {
    const stored = JSON.parse(localStorage.getItem(place) ?? 'null');
    if (typeof stored?.token !== 'string') return null;
    return { id: BigInt(stored.id), name: String(stored.name), token: stored.token, ...typeof stored.mints === 'boolean' && { mints: stored.mints } };
  } catch {
    return null;
  }
}

/** Keeps who is signed in: for as long as this page, if the browser keeps nothing. @param {Identity} who */
export function storeIdentity({ id, name, token, mints }) {
  try {
    localStorage.setItem(place, JSON.stringify({ id: String(id), name, token, mints }));
    unkept = null;
  } catch {
    unkept = { id, name, token, mints };
  }
}

/** Keeps the user's new name. @param {string} name */
export function renameIdentity(name) {
  const identity = storedIdentity();
  if (identity && identity.name !== name) storeIdentity({ ...identity, name });
}

/** Keeps whether the server mints the user's tokens: where it lets them in no more it cannot be asked. @param {boolean} mints */
export function learnWhoMints(mints) {
  const identity = storedIdentity();
  if (identity && identity.mints !== mints) storeIdentity({ ...identity, mints });
}

export function clearIdentity() {
  unkept = null;
  try {
    localStorage.removeItem(place);
  } catch {
    // Nothing is kept, nor was.
  }
}

/** Deletes what this browser keeps of a user beside the chat: settings and drafts. @param {bigint} user */
export function forgetUser(user) {
  try {
    const of = ['settings', 'draft'].map(kind => `parley.${kind}.${user}`);
    for (const key of Object.keys(localStorage)) {
      if (of.some(name => key === name || key.startsWith(`${name}.`))) localStorage.removeItem(key);
    }
  } catch {
    // Nothing is kept, nor was.
  }
}

/** Calls back when another tab signs in or out. @param {() => void} callback @param {AbortSignal} signal */
export function onIdentityChange(callback, signal) {
  addEventListener('storage', event => {
    if (event.key === place || event.key === null) callback();
  }, { signal });
}

/**
 * The token; or a fresh one in the place of one that another tab has not replaced
 * yet. When that is due is for the engine to say, which knows the server's clock:
 * this device's may be anywhere.
 * @param {string} [stale]
 */
export async function currentToken(stale) {
  const identity = storedIdentity();
  if (!identity) throw new ParleyError('nobody is signed in', 0, { reasonCode: 'signed-out' });
  if (identity.token !== stale) return identity.token;
  const token = await renewToken(stale, { device: deviceLabel() }).catch(error => {
    if (error instanceof ParleyError && error.reasonCode === 'no-guests') learnWhoMints(false);
    throw error;
  });
  if (storedIdentity()?.token === stale) storeIdentity({ ...identity, token }); // nobody signed out meanwhile
  return token;
}
