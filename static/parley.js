// @ts-check
// Parley's public JavaScript API, typed in parley.d.ts. This module keeps no
// chat: it turns calls into commands for the engine, and what the engine tells
// into promises and events. What it adds is that both survive the engine: when
// that is started again, or another tab's takes over, the page is attached
// again, open sends are made again, other open calls are refused with a reason,
// and a reset says to ask anew.
import { endDevice, endDevices, listDevices, makeCode, rename } from './client/account.js';
import { openTransport, prepareWorker, randomName } from './client/engine-transport.js';
import { addGroupLink, addMembers, changeRole, createGroup, deleteGroupLink, groupLinks, joinGroup, linkedGroup, removeMember, renameGroup, setGroupPicture } from './client/groups.js';
import { Attachments, forgetAttachments, upload } from './client/attachments.js';
import { addNote, customerOf, deleteNote, deleteReply, notesOn, putReply, repliesOf } from './client/desk.js';
import { addressOf, findUsers, ParleyError, request } from './client/http.js';
import { keepFile, keptFile } from './client/kept-files.js';
import { mark, markEngine } from './client/marks.js';
import { newRef, PendingSends } from './client/pending-sends.js';
import { seqAt } from './client/seq-at.js';
import { decode, encode } from './client/wire.js';

export { ParleyError, renewToken, services, signInAsGuest, signInWithCode } from './client/http.js';
export { mergeMessages } from './client/merge-messages.js';
export { newRef } from './client/pending-sends.js';

/**
 * @typedef {import('./parley.d.ts').Options} Options
 * @typedef {import('./parley.d.ts').User} User
 * @typedef {import('./parley.d.ts').Message} Message
 * @typedef {import('./parley.d.ts').Conversation} Conversation
 * @typedef {import('./parley.d.ts').Connection} Connection
 * @typedef {import('./parley.d.ts').Timeline} Timeline
 * @typedef {import('./bridge.d.ts').Commands} Commands
 */

/** Version of what pages, worker and program say to each other; wasm/bridge/hub.go says when it rises. */
const PROTOCOL = 9;
/** How long the worker may take to say that it is there, in milliseconds. */
const lifeTimeout = 15_000;
/** Failures in a row after which connect() gives up. */
const lastAttempt = 3;
/** How long to wait before a refused attach is tried again, in milliseconds. */
const retryDelay = 5000;
/** What the program takes in one command, in bytes. */
const maxCommand = 4 << 20;

/** Where this version's program is. The literals are what the packer replaces by names with a hash. */
const program = {
  wasm: new URL('./parley.wasm', import.meta.url).href,
  exec: new URL('./wasm_exec.js', import.meta.url).href,
  watched: false,
};

/** Who is told how much of the program has come. @type {((received: number, total: number) => void) | undefined} */
let told;

/**
 * The key of the conversation between two users.
 * @param {bigint} a @param {bigint} b
 */
export function directKey(a, b) {
  for (const id of [a, b]) checkID('user id', id);
  if (a === b || !a || !b) throw new ParleyError('a conversation needs two users');
  return a < b ? `d:${a}:${b}` : `d:${b}:${a}`;
}

/** The key of a group. @param {bigint} group */
export function groupKey(group) {
  checkID('group', group);
  if (!group) throw new ParleyError('a group has an id');
  return `g:${group}`;
}

/**
 * The key of the conversation between a customer and a service.
 * @param {bigint} customer @param {number} service
 */
export function serviceKey(customer, service) {
  checkID('customer', customer);
  if (!customer || !Number.isInteger(service) || service < 0) throw new ParleyError('a service conversation needs a customer and a service type');
  return `s:${customer}:${service}`;
}

/**
 * Begins to load the engine, which takes a while, before there is a token to
 * connect() with.
 * @param {Parameters<typeof import('./parley.d.ts').prepare>[0]} [options]
 */
export function prepare({ progress } = {}) {
  mark('engine begun');
  told = progress;
  program.watched = progress !== undefined;
  prepareWorker({ prepare: { protocol: PROTOCOL, program } });
}

/**
 * Opens the engine for the token's user. Resolves as soon as what is stored in
 * this browser can be read, online or not.
 * @param {Options} options
 * @returns {Promise<import('./parley.d.ts').Parley>}
 */
export async function connect({ token, server, messages = 'all' }) {
  const giveToken = typeof token === 'function' ? token : () => token;
  const first = await ask(giveToken);
  const parley = new Parley(addressOf(server), giveToken, first, messages === 'newest');
  try {
    await parley.open();
  } catch (cause) {
    parley.close();
    throw cause;
  }
  return /** @type {any} */ (parley);
}

/** @typedef {{ token: string, user: User, device: bigint, issued: number, expires: number }} Token */
/** @typedef {(stale?: string) => string | Promise<string>} GiveToken */

/** @param {GiveToken} giveToken @param {string} [stale] the token that a fresh one should replace @returns {Promise<Token>} */
async function ask(giveToken, stale) {
  const token = await giveToken(stale);
  if (typeof token !== 'string') throw new ParleyError('token: want a string, or a function that gives one');
  return { token, ...claims(token) };
}

/**
 * Reads a JWT; whether it is valid is for the server to say.
 * @param {string} token
 * @returns {Omit<Token, 'token'>} device 0n if it names none; times in Unix milliseconds; 0: unknown, and never
 */
function claims(token) {
  try {
    const base64 = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0));
    const { sub, name, services, device, iat, exp } = JSON.parse(new TextDecoder().decode(bytes));
    const id = BigInt(sub);
    if (typeof sub !== 'string' || id < 1n || id >= 2n ** 64n) throw new Error(`sub ${sub} is no user id`);
    return {
      user: { id, name: String(name ?? ''), services: Array.isArray(services) ? services : [] },
      device: /^[1-9]\d{0,19}$/.test(device) ? BigInt(device) : 0n,
      issued: iat > 0 ? iat * 1000 : 0,
      expires: exp > 0 ? exp * 1000 : 0,
    };
  } catch (cause) {
    throw new ParleyError('token: this is not a JWT whose sub is a user id in decimal', 0, { cause });
  }
}

class Parley extends EventTarget {
  /** @type {User} */
  user;
  /** @type {Connection} */
  connection = {
    state: 'connecting', since: Date.now(), next: 0, reason: '', reasonCode: '', reasonArgs: [], opening: true, serverOffset: 0, loading: 0, memoryOnly: '', memoryOnlyCode: '',
  };
  /** @type {import('./parley.d.ts').Keeping} */
  keeping = { state: 'off', kept: 0, all: 0, days: 0, bytes: 0 };
  /** @type {import('./parley.d.ts').Settings | null} */
  chosen = null;

  #server;
  #giveToken;
  #newest;
  /** @type {Token} */
  #token;
  /** @type {ReturnType<typeof openTransport> | null} */
  #transport = null;
  /** Calls that wait for their answers. @type {Map<number, { resolve(value: any): void, reject(cause: Error): void }>} */
  #calls = new Map();
  #lastCall = 0;
  #pendingSends = new PendingSends(fields => this.#post('send', fields, message => this.#transport?.post(message)));
  /** Settles when calls can be made, or never again can. */
  #attached = gate();
  #wasAttached = false;
  /** The attach whose answer counts. */
  #attempt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** The name of the Web Lock that tells the worker that this page lives; '' without locks, null if none is allowed. @type {string | null} */
  #lock = '';
  #closed = new AbortController();
  #attachments;
  /** @type {Promise<{ largest: number, files: number }> | null} */
  #limits = null;

  /** @param {string} server @param {GiveToken} giveToken @param {Token} token @param {boolean} newest */
  constructor(server, giveToken, token, newest) {
    super();
    this.#server = server;
    this.#giveToken = giveToken;
    this.#token = token;
    this.#newest = newest;
    this.user = token.user;
    this.#attachments = new Attachments(this.user.id, server, work => this.#authorized(work));
  }

  /** Attaches for the first time; for connect() only. */
  async open() {
    const { signal } = this.#closed;
    this.#lock = await holdLock(signal);
    this.#timer = setTimeout(() => this.#end(new ParleyError(
      'The engine in the background does not answer: close the other tabs of this site and reload.', 0, { reasonCode: 'engine-silent' })), lifeTimeout);
    try {
      this.#openTransport();
    } catch (cause) {
      const { message, reasonCode } = /** @type {ParleyError} */ (cause);
      throw new ParleyError(message, 0, { cause, reasonCode });
    }
    addEventListener('online', () => this.tryNow(), { signal });
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.tryNow();
    }, { signal });
    // A page that the browser keeps for the way back is frozen, with its locks
    // and worker: it leaves them to the others, and attaches again when it is shown.
    addEventListener('pagehide', () => this.#leave(), { signal });
    addEventListener('pageshow', ({ persisted }) => { if (persisted) this.#openTransport(); }, { signal });
    await this.#attached.promise;
  }

  #openTransport() {
    this.#transport = openTransport(message => this.#receive(message), this.#lock === null);
    this.#attach();
  }

  #leave() {
    this.#transport?.post({ detach: true });
    this.#transport?.close(true);
    this.#transport = null;
    this.#detached(new ParleyError('this page was left', 0, { reasonCode: 'page-left' }));
  }

  /**
   * @param {bigint | string} to
   * @param {string} content
   * @param {Parameters<import('./parley.d.ts').Parley['send']>[2]} [options]
   * @returns {Promise<Message>}
   */
  async send(to, content, { seen = 0n, type = 'text', target = 0n, extend = '', anyway = false, ref = newRef(), quote = 0n, mentions = [], files = [] } = {}) {
    const key = typeof to === 'string' ? to : directKey(this.user.id, to);
    const kept = [];
    for (const file of files) kept.push(await this.#keep(file));
    return this.#pendingSends.add({ key, content, seen, type, target, extend, anyway, ref, mentions, files: kept, ...quote && { quote } });
  }

  /** @param {Message} message @param {string} content @param {{ seen?: bigint }} [options] */
  edit(message, content, options) {
    return this.#revise('edit', message, content, options);
  }

  /** @param {Message} message @param {{ seen?: bigint }} [options] */
  recall(message, options) {
    return this.#revise('recall', message, '', options);
  }

  /** @param {Message} message @param {string} emoji @param {{ seen?: bigint }} [options] */
  react(message, emoji, options) {
    return this.#revise('react', message, emoji, options);
  }

  /**
   * @param {'edit' | 'recall' | 'react'} type @param {Message} message @param {string} content @param {{ seen?: bigint }} [options]
   * @returns {Promise<void>}
   */
  async #revise(type, { key, seq, ref }, content, { seen = 0n } = {}) {
    await this.#call('revise', { key, type, content, of: seq, ofRef: ref, seen, ref: newRef() });
  }

  /** @param {string} key @param {bigint} seq @returns {Promise<Message | null>} */
  message(key, seq) {
    return this.#call('message', { key, seq });
  }

  /** @param {import('./parley.d.ts').NewFile | import('./parley.d.ts').Attachment} file */
  async #keep(file) {
    const empty = new Uint8Array();
    if (!('blob' in file)) {
      const { id, name, mediaType, size, width, height, preview, duration, waveform } = file;
      return { key: '', id, name, mediaType, size, width, height, preview: bytesOf(preview), duration, waveform: bytesOf(waveform) };
    }
    const { blob, name, width = 0, height = 0, preview = empty, duration = 0, waveform = empty } = file;
    const key = await keepFile(this.user.id, blob);
    return { key, id: 0n, name, mediaType: blob.type, size: blob.size, width, height, preview, duration, waveform };
  }

  /** @param {string} ref @param {boolean} paused @returns {Promise<void>} */
  async pause(ref, paused) {
    await this.#call('pause', { ref, paused });
  }

  /** @param {import('./parley.d.ts').Attachment} attachment @param {{ keep?: boolean }} [options] @returns {Promise<Blob>} */
  async attachment({ id, file, place }, { keep = true } = {}) {
    const kept = file && await keptFile(this.user.id, file);
    if (kept) {
      if (id && keep) await this.#attachments.put(id, place, kept);
      return kept;
    }
    if (!id) throw new ParleyError('the file is not there any more: choose it again', 0, { reasonCode: 'file-gone' });
    return this.#attachments.get(id, place, keep);
  }

  uploadLimits() {
    this.#limits ??= this.#ask('/api/uploads').then(({ max_size, max_attachments }) => ({ largest: Number(max_size) || Infinity, files: max_attachments }));
    this.#limits.catch(() => { this.#limits = null; });
    return this.#limits;
  }

  /** @param {string} ref @param {{ seen?: bigint }} [options] @returns {Promise<void>} */
  async retry(ref, { seen = 0n } = {}) {
    await this.#call('retry', { ref, seen });
  }

  /** @param {string} ref @returns {Promise<void>} */
  async discard(ref) {
    await this.#call('discard', { ref });
  }

  /**
   * @param {string} key
   * @param {{ before?: bigint, limit?: number, aside?: boolean }} [options]
   * @returns {Promise<Timeline>}
   */
  history(key, { before = 0n, limit = 50, aside = false } = {}) {
    return this.#call('history', { key, before, limit, aside });
  }

  /** @param {string} key @param {number} time */
  seqAt(key, time) {
    return seqAt(path => this.#ask(path), before => this.history(key, { before, limit: 1, aside: true }), key, time);
  }

  /**
   * @param {string} text
   * @param {import('./parley.d.ts').SearchOptions} [options]
   * @returns {Promise<import('./parley.d.ts').Found>}
   */
  async search(text, { key = '', sender = 0n, kind = /** @type {string} */ (''), from = 0, to = 0, before = 0n, limit = 20, server = true, signal } = {}) {
    signal?.throwIfAborted();
    let call = 0;
    const end = () => { if (call) this.#tell('endSearch', { call }); };
    signal?.addEventListener('abort', end);
    try {
      return await this.#call('search', { text, key, sender, kind, from, to, before, limit, server }, number => {
        call = number;
        if (signal?.aborted) end(); // while the call waited
      });
    } catch (cause) {
      signal?.throwIfAborted();
      throw cause;
    } finally {
      signal?.removeEventListener('abort', end);
    }
  }

  /** @param {{ opening?: boolean }} [options] @returns {Promise<Conversation[]>} */
  async conversations({ opening = false } = {}) {
    if (!opening) await this.#opened();
    return this.#call('conversations', {});
  }

  /** Waits until all conversations that are stored in this browser are loaded. */
  async #opened() {
    await this.#attached.promise;
    const { signal } = this.#closed;
    await new Promise(resolve => {
      const look = () => { if (!this.connection.opening || signal.aborted) resolve(undefined); };
      this.addEventListener('connection', look, { signal });
      signal.addEventListener('abort', look);
      look();
    });
  }

  /** @param {string} key @param {bigint} seq @returns {Promise<void>} */
  async markRead(key, seq) {
    await this.#call('read', { key, seq });
  }

  /** @param {string} key @param {boolean} active */
  typing(key, active) {
    this.#tell('typing', { key, active });
  }

  /** @param {Partial<import('./parley.d.ts').Settings>} choice @returns {Promise<void>} */
  async settings({ shareTyping, sharePresence, listed, away }) {
    await this.#call('settings', {
      ...shareTyping !== undefined && { shareTyping },
      ...sharePresence !== undefined && { sharePresence },
      ...listed !== undefined && { listed },
      ...away !== undefined && { away },
    });
  }

  /** @param {'off' | 'on' | 'paused'} state @param {{ days?: number, bytes?: number }} [limits] @returns {Promise<void>} */
  async keep(state, { days = 0, bytes = 0 } = {}) {
    await this.#call('keep', { state, days, bytes });
  }

  /** @returns {Promise<import('./parley.d.ts').Stored[]>} */
  stored() {
    return this.#call('stored', {});
  }

  /** @param {string} key @returns {Promise<void>} */
  async evict(key) {
    await this.#call('evict', { key });
    await this.#attachments.forgetOf(key);
  }

  /** @param {bigint} user @returns {Promise<void>} */
  async block(user) {
    await this.#call('block', { user, blocked: true });
  }

  /** @param {bigint} user @returns {Promise<void>} */
  async unblock(user) {
    await this.#call('block', { user, blocked: false });
  }

  /** @param {string} key @param {import('./parley.d.ts').Choice} choice @returns {Promise<void>} */
  async choose(key, { pinned, muted, archived, markedUnread }) {
    await this.#call('choose', {
      key,
      ...pinned !== undefined && { pinned },
      ...muted !== undefined && { muted },
      ...archived !== undefined && { archived },
      ...markedUnread !== undefined && { markedUnread },
    });
  }

  /** @returns {Promise<void>} */
  async forget() {
    await this.#call('forget', {});
    await forgetAttachments(this.user.id);
    this.close();
  }

  tryNow() {
    this.#tell('wake', {});
  }

  /** @param {string} query @param {{ service?: number }} [options] @returns {Promise<import('./parley.d.ts').Person[]>} */
  users(query, { service } = {}) {
    return this.#authorized(token => findUsers(this.#server, token, query, service));
  }

  /** @param {string} name @returns {Promise<void>} */
  rename(name) {
    return this.#authorized(token => rename(this.#server, token, name));
  }

  async devices() {
    const list = () => this.#authorized(token => listDevices(this.#server, token));
    const listed = await list();
    if (this.#token.device || !listed.mints) return listed;
    // A token of before there were devices gets one when it is renewed; where not, nothing is lost.
    await this.#renew(this.#token.token).catch(() => {});
    return list();
  }

  /** @param {bigint} [id] @returns {Promise<void>} */
  endDevice(id) {
    const device = id ?? this.#token.device;
    checkID('device', device);
    return this.#authorized(token => endDevice(this.#server, token, device));
  }

  /** @param {{ others?: boolean }} [options] @returns {Promise<void>} */
  endDevices({ others = false } = {}) {
    return this.#authorized(token => endDevices(this.#server, token, others));
  }

  linkCode() {
    return this.#authorized(token => makeCode(this.#server, token, 'link'));
  }

  /** @returns {Promise<string>} */
  async recoveryCode() {
    return (await this.#authorized(token => makeCode(this.#server, token, 'recovery'))).code;
  }

  /** @param {string} key @returns {Promise<import('./parley.d.ts').Note[]>} */
  notes(key) {
    return notesOn(this.#ask, key);
  }

  /** @param {string} key @param {string} content @param {{ after?: bigint, ref?: string }} [options] */
  addNote(key, content, options = {}) {
    return addNote(this.#ask, key, content, options);
  }

  /** @param {string} key @param {bigint} id */
  deleteNote(key, id) {
    return deleteNote(this.#ask, key, id);
  }

  /** @param {number} service */
  replies(service) {
    return repliesOf(this.#ask, service);
  }

  /** @param {number} service @param {Parameters<typeof putReply>[2]} reply */
  putReply(service, reply) {
    return putReply(this.#ask, service, reply);
  }

  /** @param {number} service @param {import('./parley.d.ts').Reply} reply */
  deleteReply(service, reply) {
    return deleteReply(this.#ask, service, reply);
  }

  /** @param {bigint} id */
  customer(id) {
    return customerOf(this.#ask, id);
  }

  /** One request, as the user. @type {import('./client/desk.js').Ask} */
  /** @param {string} name @param {{ members?: bigint[], whole?: boolean, ref?: string }} [options] */
  createGroup(name, options = {}) {
    return createGroup(this.#ask, name, options);
  }

  /** @param {string} key @returns {Promise<import('./parley.d.ts').Group>} */
  group(key) {
    return this.#call('group', { key });
  }

  /** @param {string} key @param {string} name */
  renameGroup(key, name) {
    return renameGroup(this.#ask, key, name);
  }

  /** @param {string} key @param {Blob | null} picture */
  async setGroupPicture(key, picture) {
    const id = picture && await this.#authorized(token => upload(this.#server, token, picture, 'picture'));
    await setGroupPicture(this.#ask, key, id);
  }

  /** @param {string} key @param {bigint} picture */
  async groupPicture(key, picture) {
    return this.#attachments.only(picture, `${key}/0`);
  }

  /** @param {string} key @param {bigint[]} users */
  addMembers(key, users) {
    return addMembers(this.#ask, key, users);
  }

  /** @param {string} key @param {bigint} user */
  removeMember(key, user) {
    return removeMember(this.#ask, key, user);
  }

  /** @param {string} key */
  leaveGroup(key) {
    return removeMember(this.#ask, key, this.user.id);
  }

  /** @param {string} key @param {bigint} user @param {'owner' | 'admin' | 'member'} role */
  changeRole(key, user, role) {
    return changeRole(this.#ask, key, user, role);
  }

  /** @param {string} key */
  groupLinks(key) {
    return groupLinks(this.#ask, key);
  }

  /** @param {string} key @param {number} lasts */
  addGroupLink(key, lasts) {
    return addGroupLink(this.#ask, key, lasts);
  }

  /** @param {string} key @param {bigint} id */
  deleteGroupLink(key, id) {
    return deleteGroupLink(this.#ask, key, id);
  }

  /** @param {string} code */
  linkedGroup(code) {
    return linkedGroup(this.#ask, code);
  }

  /** @param {string} code */
  joinGroup(code) {
    return joinGroup(this.#ask, code);
  }

  #ask = (path, options) => this.#authorized(token => request(this.#server, path, { ...options, token }));

  /**
   * Does what takes a token, and once more with a fresh one where that is not taken: another page may have
   * renewed the engine's meanwhile, not this one's.
   * @template T @param {(token: string) => Promise<T>} work @returns {Promise<T>}
   */
  async #authorized(work) {
    const { token } = this.#token;
    try {
      return await work(token);
    } catch (cause) {
      if (/** @type {ParleyError} */ (cause).code !== 401) throw cause;
    }
    await this.#renew(token);
    return work(this.#token.token);
  }

  close() {
    if (this.#closed.signal.aborted) return; // what ended it has cleaned up
    this.#transport?.post({ detach: true });
    this.#end(new ParleyError('this Parley was closed'));
  }

  // ------------------------------------------------------- calls

  /**
   * Calls the engine, once it is there.
   * @template {keyof Commands} Op
   * @param {Op} op @param {Parameters<Commands[Op]>[0]} fields
   * @param {(call: number) => void} [numbered] is told the call's number once it is made
   * @returns {Promise<ReturnType<Commands[Op]>>}
   */
  async #call(op, fields, numbered) {
    while (!this.#attached.passed) await this.#attached.promise; // it may have been detached again before this went on
    const answer = this.#post(op, fields, message => this.#transport?.post(message));
    numbered?.(this.#lastCall);
    return answer;
  }

  /**
   * Tells the engine, if it is there now.
   * @template {keyof Commands} Op
   * @param {Op} op @param {Parameters<Commands[Op]>[0]} fields
   */
  #tell(op, fields) {
    if (this.#attached.open) this.#call(op, fields).catch(cause => this.#failed(cause));
  }

  /**
   * @template {keyof Commands} Op
   * @param {Op} op
   * @param {Parameters<Commands[Op]>[0]} fields
   * @param {(command: Uint8Array) => void} post
   * @returns {Promise<ReturnType<Commands[Op]>>}
   */
  #post(op, fields, post) {
    const id = ++this.#lastCall;
    return new Promise((resolve, reject) => {
      try {
        const command = encode({ id, op, ...fields });
        if (command.length > maxCommand) {
          const size = { reasonCode: 'message-too-large', reasonArgs: [String(command.length), String(maxCommand)] };
          throw new ParleyError('it is too long to be sent', 0, size);
        }
        this.#calls.set(id, { resolve, reject });
        post(command);
      } catch (cause) {
        const { message, reasonCode, reasonArgs } = /** @type {ParleyError} */ (cause);
        reject(new ParleyError(`${op}: ${message}`, 0, { cause, reasonCode, reasonArgs }));
      }
    });
  }

  /** @param {Error} cause */
  #rejectCalls(cause) {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const { reject } of calls) reject(cause);
  }

  // ------------------------------------------------------- the engine's messages

  /** @param {any} message */
  #receive(message) {
    if (this.#closed.signal.aborted) return;
    clearTimeout(this.#timer); // whatever it says, something lives there
    if (message instanceof Uint8Array) this.#receiveValue(decode(message));
    else if (message.marks) markEngine(message.marks);
    else if (message.progress) told?.(message.progress.received, message.progress.total);
    else if (message.restart) this.#restart();
    else if (message.failed) this.#engineFailed(new ParleyError(message.failed, 0, message), message.attempt);
    else if (message.updated) this.#outdated();
  }

  /** An answer, one event, or an array of events. @param {any} value */
  #receiveValue(value) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item.event) this.#event(item.event, item.detail);
      else this.#answer(item);
    }
  }

  /** @param {{ id: number, value?: any } & Partial<import('./bridge.d.ts').Refusal>} answer */
  #answer({ id, value, error, code, reasonCode, reasonArgs }) {
    const call = this.#calls.get(id);
    if (!call) return; // it was rejected before
    this.#calls.delete(id);
    if (error === undefined) call.resolve(value);
    else call.reject(new ParleyError(error, code, { reasonCode, reasonArgs }));
  }

  /** @param {string} name @param {any} detail */
  #event(name, detail) {
    switch (name) {
      case 'token':
        this.#tokenNeeded(detail);
        return;
      case 'user':
        this.user = detail;
        break;
      case 'connection':
        this.connection = detail;
        break;
      case 'settings':
        this.chosen = detail;
        break;
      case 'keeping':
        this.keeping = detail;
        break;
      case 'error':
        detail = new ParleyError(detail.message, detail.code, { reasonCode: detail.reasonCode, reasonArgs: detail.reasonArgs });
        break;
      case 'messages':
        this.#pendingSends.take(detail.messages);
        this.#attachments.forgetRecalled(detail.messages).catch(cause => this.#failed(cause));
        break;
    }
    this.#dispatch(name, detail);
  }

  /** @param {string} name @param {any} detail */
  #dispatch(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** @param {any} cause */
  #failed(cause) {
    if (!this.#closed.signal.aborted) this.#dispatch('error', cause);
  }

  // ------------------------------------------------------- attaching

  /** A program that knows nothing of this page: attach to it. */
  #restart() {
    this.#detached(new ParleyError("Parley's engine was started again: try once more.", 0, { reasonCode: 'engine-restarted' }));
    this.#attach();
  }

  /** @param {Error} cause why open calls have no answer */
  #detached(cause) {
    this.#attempt++;
    if (this.#attached.open) this.#attached = gate();
    this.#pendingSends.interrupt();
    this.#rejectCalls(cause);
  }

  /** @param {ParleyError} cause @param {number} attempt */
  #engineFailed(cause, attempt) {
    this.#detached(cause);
    const { message: reason, reasonCode, reasonArgs } = cause;
    if (this.#wasAttached) {
      this.connection = { ...this.connection, state: 'connecting', since: Date.now(), next: 0, reason, reasonCode, reasonArgs, loading: 0 };
      this.#dispatch('connection', this.connection);
      this.#failed(cause);
    } else if (attempt >= lastAttempt) {
      this.#end(cause);
    }
  }

  async #attach() {
    const attempt = ++this.#attempt;
    try {
      const args = { protocol: PROTOCOL, user: this.user.id, server: this.#server, newest: this.#newest, ...saidBy(this.#token) };
      this.connection = await this.#post('attach', args, command => this.#transport?.post({
        attach: { protocol: PROTOCOL, program, lock: this.#lock ?? '' }, command,
      }));
    } catch (cause) {
      if (attempt === this.#attempt) this.#attachRefused(cause);
      return;
    }
    if (attempt !== this.#attempt) return;
    mark('attached');
    this.#attached.resolve();
    await this.#pendingSends.begin(); // whoever is told of a reset is told before what became of the sends
    if (attempt !== this.#attempt) return;
    if (this.#wasAttached) {
      this.#dispatch('reset', null);
      this.#dispatch('connection', this.connection);
    }
    this.#wasAttached = true;
  }

  /** @param {any} cause */
  #attachRefused(cause) {
    if (!this.#wasAttached) {
      this.#end(cause);
      return;
    }
    this.#failed(cause);
    const attempt = this.#attempt;
    setTimeout(() => {
      if (attempt === this.#attempt && !this.#closed.signal.aborted) this.#attach();
    }, retryDelay);
  }

  #outdated() {
    const cause = new ParleyError('Parley was updated: reload this page.', 0, { reasonCode: 'updated' });
    if (this.#wasAttached) this.#failed(cause);
    this.#end(cause);
  }

  /** No call can be made any more, and this is why. @param {Error} cause */
  #end(cause) {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    clearTimeout(this.#timer);
    this.#attempt++;
    this.#attached.reject(cause);
    if (this.#attached.open) this.#attached = gate(cause);
    this.#pendingSends.end(cause);
    this.#rejectCalls(cause);
    this.#transport?.close();
  }

  // ------------------------------------------------------- tokens

  /** The engine asks this page for a fresh token; an empty one makes it ask another. @param {string} stale */
  async #tokenNeeded(stale) {
    try {
      await this.#renew(stale);
    } catch (cause) {
      this.#failed(cause);
      this.#tell('token', { token: '', name: '', services: [], issued: 0, expires: 0 });
      return;
    }
    this.#tell('token', saidBy(this.#token));
  }

  /** @param {string} stale */
  async #renew(stale) {
    const token = await ask(this.#giveToken, stale);
    if (token.user.id !== this.user.id) {
      throw new ParleyError(`token: it is user ${token.user.id}'s, and this is user ${this.user.id}'s chat`);
    }
    this.#token = token;
  }
}

/** @param {string} base64 */
function bytesOf(base64) {
  return Uint8Array.from(atob(base64), c => c.charCodeAt(0));
}

/** What the engine is told of a token. @param {Token} token */
function saidBy({ token, user: { name, services }, issued, expires }) {
  return { token, name, services, issued, expires };
}

/** A promise that is settled from outside, and whether it is open, and those who waited went on. @param {Error} [cause] if it begins rejected */
function gate(cause) {
  const self = {
    open: false,
    passed: false, // whoever comes from now on need not wait
    resolve: () => {},
    reject: (/** @type {Error} */ _cause) => {},
    promise: /** @type {Promise<void>} */ (Promise.resolve()),
  };
  self.promise = new Promise((resolve, reject) => {
    self.resolve = () => {
      self.open = true;
      resolve();
    };
    self.reject = reject;
  });
  self.promise.then(() => { self.passed = true; }, () => {}); // those who wait are told; there may be none
  if (cause) self.reject(cause);
  return self;
}

/** @param {string} what @param {unknown} id */
function checkID(what, id) {
  if (typeof id !== 'bigint' || id < 0n || id >= 2n ** 64n) {
    throw new ParleyError(`${what}: want a BigInt from 0 to 2^64-1; a number would lose digits`);
  }
}

/**
 * Takes a Web Lock until the signal; the browser gives it back when the page
 * ends, however it ends. Resolves with its name once it is held.
 * @param {AbortSignal} signal
 * @returns {Promise<string | null>} '' where there are no locks, null where none is allowed
 */
function holdLock(signal) {
  if (!navigator.locks) return Promise.resolve('');
  const name = `parley-tab-${randomName()}`;
  return new Promise(resolve => {
    navigator.locks.request(name, () => {
      resolve(name);
      return new Promise(release => signal.addEventListener('abort', release));
    }).catch(() => resolve(null)); // so it is where the browser keeps nothing for this site
  });
}
