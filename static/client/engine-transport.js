// @ts-check
// A page's line to the engine's worker (engine.js): to the SharedWorker or,
// where there is none, over a BroadcastChannel to the worker of the leading tab.
import { ParleyError } from './http.js';
import { scriptAddress } from './script-address.js';

const channelName = 'parley';
const lockName = 'parley-engine';
/** How long a worker that was told to end may take, in milliseconds. */
const endTimeout = 6000;
/** How long to wait before a worker that could not be loaded is tried again, in milliseconds. */
const retryDelay = 3000;
/** How long a worker that has ended may still be taken for a living one, in milliseconds. */
const reopenDelay = 500;
/** How long an engine may take to say that it is there, in milliseconds. */
const answerTimeout = 300;
/** How often one is asked whose end nothing else tells, in milliseconds, and how often in vain. */
const askEvery = 5000;
const mostAsks = 3;
/** How long a SharedWorker may be silent, in milliseconds, before another way to the engine is taken. */
const lifeTimeout = 5000;

/**
 * @typedef {object} Line
 * @property {(message: any) => void} post
 * @property {(now?: boolean) => void} close now: leave nothing that goes on, as this page may be frozen next
 */

/** A SharedWorker that no line has taken yet. @type {SharedWorker | null} */
let prepared = null;
/** The one that the line leads to. @type {SharedWorker | null} */
let current = null;

/** Begins the worker before there is a line to it, and tells it something. @param {any} message */
export function prepareWorker(message) {
  if (prepared || typeof SharedWorker === 'undefined') return;
  try {
    prepared = newSharedWorker();
  } catch {
    return; // the line will try another way
  }
  prepared.onerror = () => { prepared = null; };
  prepared.port.postMessage(message);
}

/**
 * Lets the worker end, so that the next page, of another version, begins its own. One
 * that is no SharedWorker ends with its tab.
 */
export function endEngine() {
  (current ?? prepared)?.port.postMessage({ end: true });
}

function newSharedWorker() {
  return new SharedWorker(scriptAddress(new URL('../engine.js', import.meta.url)), { type: 'module', name: 'parley' });
}

/**
 * Opens a line; receive gets every message of the engine. What keeps the
 * worker from being loaded comes as a {failed, attempt} message like the
 * worker's own. Throws if this browser can run no engine.
 * @param {(message: any) => void} receive
 * @param {boolean} alone the browser lets this site's tabs share nothing
 * @returns {Line}
 */
export function openTransport(receive, alone) {
  checkOrigin();
  let closed = false;
  /** @type {Line} */
  let line = alone ? openAlone(receive) : openShared(receive, switchTo);

  /** @param {(receive: (message: any) => void, switchTo: (open: any) => void) => Line} open */
  function switchTo(open) {
    line.close();
    if (closed) return;
    try {
      line = open(receive, switchTo);
    } catch (cause) {
      const { message, reasonCode } = /** @type {ParleyError} */ (cause);
      receive({ failed: message, reasonCode, attempt: Infinity });
      return;
    }
    receive({ restart: true });
  }
  return {
    post: message => line.post(message),
    close(now) {
      closed = true;
      line.close(now);
    },
  };
}

/** A browser imports a module of another origin, but runs no worker of one. */
function checkOrigin() {
  const { origin } = new URL(import.meta.url);
  if (origin === location.origin) return;
  throw new Error(`Parley cannot run here: its files came from ${origin}, and a browser runs workers of the page's own origin alone. `
    + `Serve the files from ${location.origin}, call connect({ token, server: '${origin}' }), and start that server with -origins ${location.origin}.`);
}

/**
 * @param {(message: any) => void} receive
 * @param {(open: typeof openShared) => void} switchTo called when this line leads nowhere
 * @returns {Line}
 */
function openShared(receive, switchTo) {
  if (typeof SharedWorker === 'undefined') return openChannel(receive);
  let worker;
  try {
    worker = prepared ?? newSharedWorker();
    prepared = null;
    current = worker;
  } catch {
    return openChannel(receive); // there is one, and it is not allowed here
  }
  const left = new AbortController();
  let watched = false;

  /** Gives this line up for another, once. @param {any} open @param {number} [delay] */
  function leave(open, delay = 0) {
    if (left.signal.aborted) return;
    left.abort();
    setTimeout(() => switchTo(open), delay);
  }

  // The worker runs in the process of one of its tabs. Where that crashes it is
  // gone, and the browser tells nobody; but the worker's lock is free then. One
  // that was not seen held tells nothing: after the site's data was deleted, the
  // worker's locks are not this page's. Then it is asked whether it lives.
  const watch = async (/** @type {string | undefined} */ lock) => {
    if (!lock || watched) return;
    watched = true;
    const { held } = await navigator.locks.query();
    if (held?.some(({ name }) => name === lock)) await navigator.locks.request(lock, { signal: left.signal }, () => {});
    else await silence(ask, left.signal);
    if (left.signal.aborted) return;
    receive({ failed: "Parley's engine ended with another tab and is started again.", reasonCode: 'engine-restarted', attempt: 1 });
    leave(openShared, reopenDelay);
  };
  let heard = false;
  const ask = async (/** @type {number} */ wait) => {
    heard = false;
    worker.port.postMessage({ anyone: true });
    await delay(wait);
    return heard;
  };

  // The browser knows no modules in a SharedWorker, or the file is out of
  // reach now, which the other way would tell as well.
  worker.onerror = () => leave(openChannel);
  // A worker whose file never comes, on a connection that is half-open, is every
  // tab's, and stays as long as any of them, also those kept for the way back.
  const silent = setTimeout(() => leave(openChannel), lifeTimeout);
  worker.port.onmessage = ({ data }) => {
    clearTimeout(silent);
    heard = true;
    if (data.here) return;
    if (data.elsewhere) leave(openChannel);
    else if (data.reopen) leave(openShared, reopenDelay);
    else {
      if (data.alive) watch(data.lock).catch(() => {}); // only ever: left
      receive(data);
    }
  };
  return {
    post: message => worker.port.postMessage(message),
    close() {
      clearTimeout(silent);
      left.abort();
      worker.onerror = null;
      worker.port.close();
    },
  };
}

/** @param {(message: any) => void} receive @returns {Line} */
function openChannel(receive) {
  if (!navigator.locks) {
    throw new ParleyError('This browser cannot share one chat among its tabs here: open this site over https, or update the browser.', 0, { reasonCode: 'no-locks' });
  }
  const line = new Channel(receive, channelName);
  line.stand().catch(cause => line.failed(cause));
  return line;
}

/** A line to an engine of this tab's own. @param {(message: any) => void} receive @returns {Line} */
function openAlone(receive) {
  const line = new Channel(receive, `${channelName}-${randomName()}`);
  line.run(signal => line.lead(signal)).catch(cause => line.failed(cause));
  return line;
}

/**
 * A line over a BroadcastChannel. One of its tabs leads: it runs the worker. A
 * tab that holds a lock is not frozen in the background, so the worker lives.
 */
class Channel {
  name;
  #receive;
  #channel;
  #tab = randomName();
  #over = new AbortController();
  /** Called with the answer of an engine that was asked for. */
  #answered = () => {};
  /** Another tab's engine has begun since this tab's did: it may be too busy to answer. */
  #another = false;

  /** @param {(message: any) => void} receive @param {string} name */
  constructor(receive, name) {
    this.name = name;
    this.#receive = receive;
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data: { from, to, data } }) => {
      if (to !== this.#tab && to !== '*') return;
      if (to === '*' && from !== this.#tab) this.#another = true;
      if (data.here) this.#answered();
      else receive(data);
    };
  }

  /** @param {any} message */
  post(message) {
    if (!this.#over.signal.aborted) this.#channel.postMessage({ from: this.#tab, data: message });
  }

  /** @param {boolean} [now] */
  close(now) {
    this.#over.abort(now ? atOnce : undefined);
    this.#channel.close();
  }

  /** @param {any} cause */
  failed(cause) {
    if (!this.#over.signal.aborted) this.#receive({ failed: String(cause?.message ?? cause), reasonCode: cause?.reasonCode, attempt: Infinity });
  }

  /** Lets this tab lead as soon as it is its turn. */
  async stand() {
    const { signal } = this.#over;
    await this.run(() => navigator.locks.request(lockName, { signal }, async () => {
      await this.#engineToEnd();
      return signal.aborted || this.lead(signal);
    }));
  }

  /** Runs engines, one after the other. @param {(signal: AbortSignal) => Promise<boolean>} engine resolves with whether it could be loaded */
  async run(engine) {
    const { signal } = this.#over;
    for (let attempt = 1; !signal.aborted; attempt++) {
      const begun = await engine(signal).catch(cause => {
        if (!signal.aborted) throw cause;
        return true;
      });
      if (signal.aborted) break;
      if (begun) attempt = 0;
      else this.#receive({ failed: "Parley's engine could not be loaded; it is tried again.", reasonCode: 'engine-not-loaded', attempt });
      await delay(retryDelay);
    }
  }

  /**
   * It is this tab's turn, by the lock. An engine from before the site's data was
   * deleted has another lock of that name: as long as one answers, it stays.
   */
  async #engineToEnd() {
    const ask = (/** @type {number} */ wait) => this.#ask(wait);
    if (await ask(answerTimeout) || this.#another) await silence(ask, this.#over.signal);
  }

  /** Runs the worker until it ends, or over says so; resolves with whether it could be loaded. @param {AbortSignal} over */
  async lead(over) {
    this.#another = false;
    return lead(over, this.name, this.#tab);
  }

  /** Asks for an engine, and resolves after a while with whether one answered. @param {number} wait */
  async #ask(wait) {
    let answer = false;
    this.#answered = () => { answer = true; };
    this.post({ anyone: true });
    await delay(wait);
    return answer;
  }
}

/**
 * Runs the worker until it ends, or over says so.
 * @param {AbortSignal} over
 * @param {string} channel how tabs reach it
 * @param {string} tab whose it is
 * @returns {Promise<boolean>} whether it could be loaded
 */
function lead(over, channel, tab) {
  // Under its own URL, as the browser lets a request wait for another one of the
  // same, which may be the one that is never answered.
  const url = new URL('../engine.js?dedicated', import.meta.url);
  url.searchParams.set('channel', channel);
  url.searchParams.set('tab', tab);
  const worker = new Worker(scriptAddress(url), { type: 'module', name: 'parley' });
  let begun = false;
  return new Promise(resolve => {
    worker.onmessage = ({ data }) => {
      if (data === 'begun') begun = true;
      else resolve(begun);
    };
    worker.onerror = () => {
      if (!begun) resolve(false); // later errors are the worker's own to handle
    };
    const end = () => {
      if (over.reason === atOnce) return resolve(begun);
      worker.postMessage('end');
      setTimeout(() => resolve(begun), endTimeout);
    };
    if (over.aborted) resolve(false);
    else over.addEventListener('abort', end);
  }).finally(() => worker.terminate());
}

/**
 * Resolves once an engine, of whose end nothing else tells, has not answered for long.
 * @param {(wait: number) => Promise<boolean>} ask resolves after so many milliseconds with whether it answered
 * @param {AbortSignal} over
 */
async function silence(ask, over) {
  for (let unanswered = 0; unanswered < mostAsks && !over.aborted;) {
    unanswered = await ask(askEvery) ? 0 : unanswered + 1;
  }
}

/** @param {number} ms */
function delay(ms) {
  return new Promise(resolve => setTimeout(resolve, ms));
}

/** Ends a worker without asking it: what a page has sent is stored or was not answered. */
const atOnce = new Error('this page is being left');

/** A name that no other tab has. crypto.randomUUID would need https. */
export function randomName() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), n => n.toString(36)).join('');
}
