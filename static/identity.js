// @ts-check
// Who is signed in, in this browser profile. The token is the identity: it is
// kept in localStorage, shared by all tabs, and renewed in good time.
import { renewToken } from './parley.js';

const place = 'parley.session';

/**
 * @typedef {object} Identity
 * @property {bigint} id
 * @property {string} name
 * @property {string} token
 * @property {number} since by this device's clock, Unix milliseconds, when the token was received
 */

/** The stored identity; null if nobody is signed in or it cannot be read. @returns {Identity | null} */
export function storedIdentity() {
  try {
    const stored = JSON.parse(localStorage.getItem(place) ?? 'null');
    if (typeof stored?.token !== 'string') return null;
    return { id: BigInt(stored.id), name: String(stored.name), token: stored.token, since: Number(stored.since) };
  } catch {
    return null;
  }
}

/** @param {{ id: bigint, name: string, token: string }} who */
export function storeIdentity({ id, name, token }) {
  localStorage.setItem(place, JSON.stringify({ id: String(id), name, token, since: Date.now() }));
}

export function clearIdentity() {
  localStorage.removeItem(place);
}

/** Calls back when another tab signs in or out. @param {() => void} callback @param {AbortSignal} signal */
export function onIdentityChange(callback, signal) {
  addEventListener('storage', event => {
    if (event.key === place || event.key === null) callback();
  }, { signal });
}

/**
 * The token, renewed first if more than half of its life is over. While the
 * server is away the old one is as good as any.
 */
export async function currentToken() {
  const identity = storedIdentity();
  if (!identity) throw new Error('nobody is signed in');
  if (!isHalfOver(identity)) return identity.token;
  try {
    const token = await renewToken(identity.token);
    storeIdentity({ ...identity, token });
    return token;
  } catch {
    return identity.token;
  }
}

/** @param {Identity} identity */
function isHalfOver({ token, since }) {
  const { iat, exp } = claims(token);
  if (!exp) return false;
  // Issue and expiry come from one clock, receipt and now from another: neither needs to be right.
  const life = iat ? (exp - iat) * 1000 : exp * 1000 - since;
  return Date.now() - since > life / 2;
}

/** The times in a JWT, in seconds; empty if it cannot be read. @param {string} token @returns {{ iat?: number, exp?: number }} */
function claims(token) {
  try {
    return JSON.parse(atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'))) ?? {};
  } catch {
    return {};
  }
}
