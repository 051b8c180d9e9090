// @ts-check
// What messages carry, as the server has it, and what this browser keeps of it to show it again without asking.
import { idOf, ParleyError, refusalOf } from './http.js';

/** How long a download may take, in milliseconds. */
const timeout = 10 * 60_000;
/** What is kept, in bytes, and the largest of which each may be. */
const mostKept = 200 << 20;
const largestKept = 10 << 20;
/** How many are added before it is looked whether there are too many. */
const trimEvery = 10;

/** The header of what is kept that names the message that carried it, as Attachment.place. */
const placeHeader = 'Parley-Place';

/** The attachments of a user, kept in Cache storage until their message is taken back. */
export class Attachments {
  #name;
  #server;
  #authorized;
  #added = 0;
  /** @type {Map<bigint, Promise<Blob>>} */
  #loading = new Map();
  /** The places of messages that were taken back: what is being loaded for one is not kept. @type {Set<string>} */
  #recalled = new Set();

  /**
   * @param {bigint} user @param {string} server its address
   * @param {<T>(work: (token: string) => Promise<T>) => Promise<T>} authorized
   */
  constructor(user, server, authorized) {
    this.#name = cacheOf(user);
    this.#server = server;
    this.#authorized = authorized;
  }

  /** @param {bigint} id @param {string} place @param {boolean} keep what is loaded @returns {Promise<Blob>} of the type that the server found it to be */
  get(id, place, keep = true) {
    let wanted = this.#loading.get(id);
    if (!keep) return wanted ?? this.#get(id, place, false);
    if (!wanted) {
      wanted = this.#get(id, place).finally(() => this.#loading.delete(id));
      this.#loading.set(id, wanted);
    }
    return wanted;
  }

  /** @param {bigint} id @param {string} place @param {boolean} keep */
  async #get(id, place, keep = true) {
    const address = this.#address(id);
    const cache = await this.#cache();
    const kept = await cache?.match(address).catch(() => undefined);
    if (kept) return kept.blob();
    const response = await this.#authorized(token => download(address, token));
    const blob = await response.blob();
    if (keep) await this.#keep(cache, address, place, blob);
    return blob;
  }

  /** As get, of a place that has one attachment at a time: what was there before is not kept. @param {bigint} id @param {string} place */
  async only(id, place) {
    const cache = await this.#cache();
    if (cache && !await cache.match(this.#address(id)).catch(() => undefined)) await forget(cache, kept => kept === place);
    return this.get(id, place);
  }

  /** Keeps what was just sent, which need not be loaded then. @param {bigint} id @param {string} place @param {Blob} blob */
  async put(id, place, blob) {
    await this.#keep(await this.#cache(), this.#address(id), place, blob);
  }

  /** Deletes what those messages carried that were taken back. @param {import('../parley.d.ts').Message[]} messages */
  async forgetRecalled(messages) {
    const places = new Set(messages.filter(({ type }) => type === 'recalled').flatMap(({ key, seq, ref }) => [`${key}/${seq}`, `${key}/${ref}`]));
    for (const place of places) this.#recalled.add(place);
    for (const { type, key, attachments } of messages) if (type === 'group-picture' && !attachments.length) places.add(`${key}/0`);
    const cache = places.size > 0 && await this.#cache();
    if (cache) await forget(cache, place => places.has(place));
  }

  /** Deletes what messages of a conversation carried, and not its picture. @param {string} key */
  async forgetOf(key) {
    const cache = await this.#cache();
    if (cache) await forget(cache, place => place.startsWith(`${key}/`) && place !== `${key}/0`);
  }

  /** @param {bigint} id */
  #address(id) {
    return `${this.#server}/api/attachments/${id}`;
  }

  /** Null where the browser keeps nothing. */
  async #cache() {
    try {
      return await caches.open(this.#name);
    } catch {
      return null;
    }
  }

  /** @param {Cache | null} cache @param {string} address @param {string} place @param {Blob} blob */
  async #keep(cache, address, place, blob) {
    if (!cache || blob.size > largestKept || this.#recalled.has(place)) return;
    try {
      await cache.put(address, new Response(blob, {
        headers: { 'Content-Type': blob.type, 'Content-Length': String(blob.size), [placeHeader]: encodeURIComponent(place) },
      }));
      if (this.#added++ % trimEvery === 0) await trim(cache);
    } catch {
      // There is no room: it is loaded again when it is shown again.
    }
  }
}

/** @param {bigint} user */
const cacheOf = user => `parley-attachments-${user}`;

/** Deletes what a browser keeps of a user's attachments. @param {bigint} user */
export async function forgetAttachments(user) {
  try {
    await caches.delete(cacheOf(user));
  } catch {
    // Nothing is kept.
  }
}

/** Deletes what was in some places. @param {Cache} cache @param {(place: string) => boolean} those */
async function forget(cache, those) {
  for (const request of await cache.keys()) {
    const response = await cache.match(request);
    if (those(decodeURIComponent(response?.headers.get(placeHeader) ?? ''))) await cache.delete(request);
  }
}

/** Deletes the oldest, until what is left is within bounds. @param {Cache} cache */
async function trim(cache) {
  let size = 0;
  for (const request of (await cache.keys()).toReversed()) {
    const response = await cache.match(request);
    size += Number(response?.headers.get('Content-Length') ?? 0);
    if (size > mostKept) await cache.delete(request);
  }
}

/**
 * Uploads something small in one request, and resolves with its id.
 * @param {string} server its address @param {string} token @param {Blob} blob @param {string} name in ASCII
 */
export async function upload(server, token, blob, name) {
  const response = await transfer(`${server}/api/uploads`, token, {
    method: 'POST', body: blob, headers: {
      'Tus-Resumable': '1.0.0', 'Upload-Length': String(blob.size), 'Upload-Metadata': `filename ${btoa(name)}`, 'Content-Type': 'application/offset+octet-stream',
    },
  });
  if (response.headers.get('Upload-Offset') !== String(blob.size)) throw new ParleyError('The picture did not arrive whole: try again.', 0, { reasonCode: 'try-again' });
  return idOf(response.headers.get('Location')?.split('/').at(-1));
}

/** @param {string} address @param {string} token */
const download = (address, token) => transfer(address, token, {});

/** @param {string} address @param {string} token @param {RequestInit} options @returns {Promise<Response>} */
async function transfer(address, token, { headers, ...options }) {
  let response;
  try {
    response = await fetch(address, {
      headers: { Authorization: `Bearer ${token}`, ...headers }, cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(timeout), ...options,
    });
  } catch (cause) {
    throw new ParleyError('The server cannot be reached: check the connection and try again.', 0, { cause, reasonCode: 'server-unreachable' });
  }
  if (!response.ok) throw refusalOf(response.status, await response.json().catch(() => null));
  return response;
}
