// @ts-check
// A page's line to the engine's worker (engine.js): to the SharedWorker or,
// where there is none, over a BroadcastChannel to the worker of the leading tab.

const channelName = 'parley';
const lockName = 'parley-engine';
/** How long a worker that was told to end may take, in milliseconds. */
const endTimeout = 6000;
/** How long to wait before a worker that could not be loaded is tried again, in milliseconds. */
const retryDelay = 3000;
/** How long a worker that has ended may still be taken for a living one, in milliseconds. */
const reopenDelay = 500;
/** How long a SharedWorker may be silent, in milliseconds, before another way to the engine is taken. */
const lifeTimeout = 5000;

/**
 * @typedef {object} Line
 * @property {(message: any) => void} post
 * @property {(now?: boolean) => void} close now: leave nothing that goes on, as this page may be frozen next
 */

/** A SharedWorker that no line has taken yet. @type {SharedWorker | null} */
let prepared = null;

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

function newSharedWorker() {
  return new SharedWorker(new URL('./engine.js', import.meta.url), { type: 'module', name: 'parley' });
}

/**
 * Opens a line; receive gets every message of the engine. What keeps the
 * worker from being loaded comes as a {failed, attempt} message like the
 * worker's own. Throws if this browser can run no engine.
 * @param {(message: any) => void} receive
 * @returns {Line}
 */
export function openTransport(receive) {
  let closed = false;
  /** @type {Line} */
  let line = openShared(receive, switchTo);

  /** @param {(receive: (message: any) => void, switchTo: (open: any) => void) => Line} open */
  function switchTo(open) {
    line.close();
    if (closed) return;
    line = open(receive, switchTo);
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
  // gone, and the browser tells nobody; but the worker's lock is free then.
  const watch = (/** @type {string | undefined} */ lock) => {
    if (!lock || watched) return;
    watched = true;
    navigator.locks.request(lock, { signal: left.signal }, () => {
      receive({ failed: "Parley's engine ended with another tab and is started again.", attempt: 1 });
      leave(openShared, reopenDelay);
    }).catch(() => {}); // only ever: left
  };

  // The browser knows no modules in a SharedWorker, or the file is out of
  // reach now, which the other way would tell as well.
  worker.onerror = () => leave(openChannel);
  // A worker whose file never comes, on a connection that is half-open, is every
  // tab's, and stays as long as any of them, also those kept for the way back.
  const silent = setTimeout(() => leave(openChannel), lifeTimeout);
  worker.port.onmessage = ({ data }) => {
    clearTimeout(silent);
    if (data.elsewhere) leave(openChannel);
    else if (data.reopen) leave(openShared, reopenDelay);
    else {
      if (data.alive) watch(data.lock);
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
    throw new Error('This browser cannot share one chat among its tabs here: open this site over https, or update the browser.');
  }
  const tab = randomName();
  const channel = new BroadcastChannel(channelName);
  channel.onmessage = ({ data: { to, data } }) => {
    if (to === tab || to === '*') receive(data);
  };
  const resign = stand(receive);
  return {
    post: message => channel.postMessage({ from: tab, data: message }),
    close(now) {
      channel.close();
      resign(now);
    },
  };
}

/**
 * Lets this tab lead as soon as it is its turn: the leader runs the worker. A
 * tab that holds a lock is not frozen in the background, so the worker lives.
 * @param {(message: any) => void} receive
 * @returns {(now?: boolean) => void} ends it
 */
function stand(receive) {
  const over = new AbortController();
  const campaign = async () => {
    for (let attempt = 1; !over.signal.aborted; attempt++) {
      const begun = await navigator.locks.request(lockName, { signal: over.signal }, () => lead(over.signal));
      if (over.signal.aborted) break;
      if (begun) attempt = 0;
      else receive({ failed: "Parley's engine could not be loaded; it is tried again.", attempt });
      await new Promise(resolve => setTimeout(resolve, retryDelay));
    }
  };
  campaign().catch(cause => {
    if (!over.signal.aborted) receive({ failed: String(cause), attempt: Infinity });
  });
  return now => over.abort(now ? atOnce : undefined);
}

/**
 * Runs the worker until it ends, or over says so.
 * @param {AbortSignal} over
 * @returns {Promise<boolean>} whether it could be loaded
 */
function lead(over) {
  // Under its own URL, as the browser lets a request wait for another one of the
  // same, which may be the one that is never answered.
  const worker = new Worker(new URL('./engine.js?dedicated', import.meta.url), { type: 'module', name: 'parley' });
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

/** Ends a worker without asking it: what a page has sent is stored or was not answered. */
const atOnce = new Error('this page is being left');

/** A name that no other tab has. crypto.randomUUID would need https. */
export function randomName() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), n => n.toString(36)).join('');
}
