// @ts-check
// The server's HTTP API, as far as pages use it themselves, and the errors
// that Parley's calls end with.

/** How long the server may take, in milliseconds. */
const timeout = 15_000;

/** An error with the server's or engine's reason. */
export class ParleyError extends Error {
  /** MQTT reason code or HTTP status; 0 if neither. */
  code;
  /** A word for the sentence; '' if it has none. */
  reasonCode;
  /** What the sentence speaks of. */
  reasonArgs;

  /** @param {string} message @param {number} [code] @param {ErrorOptions & { reasonCode?: string, reasonArgs?: string[] }} [options] */
  constructor(message, code = 0, { reasonCode = '', reasonArgs = [], ...options } = {}) {
    super(message, options);
    this.name = 'ParleyError';
    this.code = code;
    this.reasonCode = reasonCode;
    this.reasonArgs = reasonArgs;
  }
}

/** The server's root, above this module's folder, whatever path a proxy gives it. */
const here = new URL('..', import.meta.url);

/**
 * The address of a server, its path included, without a slash at the end; by
 * default of the one that this module came from.
 * @param {string | URL} [server]
 */
export function addressOf(server = here) {
  try {
    const { origin, protocol, pathname } = new URL(server);
    if (protocol === 'https:' || protocol === 'http:') return origin + pathname.replace(/\/$/, '');
  } catch {
    // The same answer as for a foreign protocol.
  }
  throw new ParleyError(`server: ${server} is not an http or https address`);
}

/**
 * @param {string} server its address
 * @param {string} path
 * @param {{ method?: string, token?: string, body?: any, version?: string, cache?: RequestCache }} [options] version is that
 * of what is to be changed
 * @returns {Promise<any>} what the answer's JSON says
 */
export async function request(server, path, { method = 'GET', token, body, version, cache = 'no-store' } = {}) {
  /** @type {Record<string, string>} */
  const headers = { Accept: 'application/json' };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers['Content-Type'] = 'application/json';
  if (version) headers['If-Match'] = version === '*' ? '*' : `"${version}"`;
  let response, answer;
  try {
    response = await fetch(server + path, {
      method, headers, body: body && JSON.stringify(body),
      cache, credentials: 'omit', signal: AbortSignal.timeout(timeout),
    });
    answer = await response.json().catch(() => null);
  } catch (cause) {
    throw new ParleyError('The server cannot be reached: check the connection and try again.', 0, { cause, reasonCode: 'server-unreachable' });
  }
  if (!response.ok) {
    throw refusalOf(response.status, answer);
  }
  return answer;
}

/** What an answer that is no success says, by its problem document (RFC 9457) if it is one. @param {number} status @param {any} problem */
export function refusalOf(status, problem) {
  const words = problem?.detail || problem?.title;
  if (!words) return new ParleyError(`The server answered HTTP ${status}.`, status, { reasonCode: 'http-status', reasonArgs: [String(status)] });
  const { code, args } = problem;
  return new ParleyError(words, status, {
    reasonCode: typeof code === 'string' ? code : '',
    reasonArgs: Array.isArray(args) ? args.map(String) : [],
  });
}

/**
 * Registers a guest. With an agent invite, the guest is an agent.
 * @param {string} name
 * @param {{ server?: string | URL, invite?: string, device?: string }} [options]
 * @returns {Promise<{ id: bigint, name: string, token: string }>}
 */
export async function signInAsGuest(name, { server, invite, device } = {}) {
  return guestOf(await request(addressOf(server), '/api/guests', { method: 'POST', body: { name, invite, device } }));
}

/**
 * Signs in by a link code or a recovery code, once.
 * @param {string} code
 * @param {{ server?: string | URL, device?: string, endOthers?: boolean }} [options]
 * @returns {Promise<{ id: bigint, name: string, token: string, recovered: boolean }>}
 */
export async function signInWithCode(code, { server, device, endOthers = false } = {}) {
  const guest = await request(addressOf(server), '/api/sign-in', { method: 'POST', body: { code, device, end_others: endOthers } });
  return { ...guestOf(guest), recovered: guest.recovered === true };
}

/** @param {any} guest */
function guestOf(guest) {
  return { id: idOf(guest?.user_id), name: String(guest.name), token: String(guest.token) };
}

/**
 * Gives a new token for the user of a token that is still valid.
 * @param {string} token
 * @param {{ server?: string | URL, device?: string }} [options]
 */
export async function renewToken(token, { server, device } = {}) {
  const guest = await request(addressOf(server), '/api/guests', { method: 'POST', token, body: { device } });
  return String(guest?.token);
}

/**
 * Finds people by name or id.
 * @param {string} server its address @param {string} token @param {string} query
 * @param {number} [service] that they answer for
 * @returns {Promise<import('../parley.d.ts').Person[]>}
 */
export async function findUsers(server, token, query, service) {
  const only = service === undefined ? '' : `&service=${encodeURIComponent(service)}`;
  const answer = await request(server, `/api/users?q=${encodeURIComponent(query)}${only}`, { token });
  return usersOf(answer).map((/** @type {any} */ user) => ({
    id: idOf(user.user_id), name: String(user.name), services: user.services ?? [], customerOf: user.customer_of ?? [],
    away: user.away === true,
  }));
}

/**
 * The services that customers can write to.
 * @param {{ server?: string | URL }} [options]
 * @returns {Promise<import('../parley.d.ts').Service[]>}
 */
export async function services({ server } = {}) {
  const answer = await request(addressOf(server), '/api/services', { cache: 'no-cache' });
  if (!Array.isArray(answer?.services)) throw new ParleyError('The server answered something that is not a list of services.');
  return answer.services.map((/** @type {any} */ { service_type, name, greeting, open, changes }) => ({
    number: Number(service_type), name: textsOf(name), greeting: textsOf(greeting), open: open !== false, changes: Number(changes),
  }));
}

/** Texts by language. @param {any} texts @returns {Record<string, string>} */
function textsOf(texts) {
  return Object.fromEntries(Object.entries(texts ?? {}).map(([tag, text]) => [tag, String(text)]));
}

/** @param {any} answer */
function usersOf(answer) {
  if (!Array.isArray(answer?.users)) throw new ParleyError('The server answered something that is not a list of users.');
  return answer.users;
}

/** An id is a decimal string in JSON. @param {unknown} id */
export function idOf(id) {
  if (typeof id !== 'string' || !/^[1-9]\d{0,19}$/.test(id)) {
    throw new ParleyError('The server answered something that is not a user.');
  }
  return BigInt(id);
}
