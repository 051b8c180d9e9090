// @ts-check
// The worker that runs the Go program, for all tabs of this browser profile. It
// is a SharedWorker or, where there is none, a dedicated Worker of the leading
// tab, which the others reach over a BroadcastChannel; engine-transport.js is the page's
// end. It knows no chat: it carries bytes between ports and the program
// (contract: bridge.d.ts), notices when a tab is gone, and starts the
// program again when it dies.
//
// Its URL is the same in every version, so that all tabs share one worker; it
// is therefore told by the tabs where the program is, and refers to no other file.
//
// Messages from a tab: {prepare: {protocol, program}} as early as it likes;
// {attach: {protocol, program, lock}, command} first, then Uint8Array commands;
// {detach: true} last; {end: true} where pages of another version come next. Messages to a tab, besides the program's Uint8Arrays:
//   {alive: true, lock}         attach has come; the Web Lock is held as long as this worker lives
//   {marks: {name, time}[]}     how far the engine's start came, in Unix milliseconds with fractions
//   {here: true}                this worker is the engine: the answer to {anyone: true}
//   {progress: {received, total}}  bytes of the program that have come, of how many, 0 if unknown; if a tab watches
//   {restart: true}             a program started that knows nothing of this tab: attach
//   {failed: string, reasonCode, reasonArgs, attempt}  the program died or cannot be loaded, for the n-th time in a row
//   {updated: true}             the tab is older than the worker or another tab: it must be reloaded
//   {reopen: true}              this worker is older than the tab and ends: open a new one
//   {elsewhere: true}           another worker is the engine: reach it over the channel
//
// Where the person deletes the site's data, Chromium gives pages and workers
// that are opened from then on other Web Locks than those that were there
// before, of the same names: a lock that is free says nothing about a holder
// whose locks are others. So only a lock that was seen held is waited for, and
// over the channel, which all share, an engine learns of another one: the older
// gives way.

/**
 * What engine-transport.js in the page and this worker must agree on; rises with every
 * change that is not understood by the other.
 */
const PROTOCOL = 9;

/** A tab that can share nothing with others names a channel of its own. */
const channelName = new URLSearchParams(location.search).get('channel') ?? 'parley';
/** The tab that made a dedicated worker, by its name on the channel. */
const ownTab = new URLSearchParams(location.search).get('tab');
const lockName = 'parley-engine';
/** How long the engine before this one may take to end, in milliseconds, until tabs are told that it stays. */
const patience = 2000;

/**
 * @typedef {{ wasm: string, exec: string, watched?: boolean }} Urls the program and its wasm_exec.js;
 *   watched: somebody wants to be told how much of it has come
 * @typedef {import('./bridge.d.ts').Program} Program
 * @typedef {{ protocol: number, program: Urls, lock: string }} Tab
 * @typedef {{ post(message: any, transfer?: Transferable[]): void, close(): void, attached: boolean, held: Uint8Array | null, marked: number, release(): void }} Port
 *   held is its attach command, until a program is there to take it; marked is how many marks it was told
 */

const scope = /** @type {any} */ (globalThis);
const dedicated = !('onconnect' in scope);

// ---------------------------------------------------------------- ports

/** @type {Map<number, Port>} */
const ports = new Map();
let lastPort = 0;
/** Whether this is the profile's engine, waits to be, or another one is. @type {'waiting' | 'engine' | 'elsewhere'} */
let role = 'waiting';

/** @param {Pick<Port, 'post' | 'close'>} port @returns {number} */
function open(port) {
  ports.set(++lastPort, { ...port, attached: false, held: null, marked: 0, release() {} });
  return lastPort;
}

/** @param {number} number @param {any} message */
function receive(number, message) {
  const port = ports.get(number);
  if (!port) return;
  if (message instanceof Uint8Array) {
    if (port.attached) runner.program?.receive(number, message);
  } else if (message?.attach) {
    attach(number, port, message.attach, message.command);
  } else if (message?.prepare) {
    if (message.prepare.protocol === PROTOCOL) runner.want(message.prepare.program);
  } else if (message?.detach) {
    drop(number);
  } else if (message?.anyone) {
    port.post({ here: true });
  } else if (message?.end) {
    giveWay(null);
  }
}

/** @param {number} number @param {Port} port @param {Tab} tab @param {Uint8Array} command */
function attach(number, port, { protocol, program, lock }, command) {
  if (ending) return port.post({ reopen: true });
  if (protocol < PROTOCOL) return port.post({ updated: true });
  if (protocol > PROTOCOL) return giveWay(port);
  if (role === 'elsewhere') return port.post({ elsewhere: true });
  port.post({ alive: true, lock: life });
  if (!port.attached) {
    port.attached = true;
    port.release = whenReleased(lock, () => drop(number));
  }
  runner.want(program);
  if (progress) port.post({ progress });
  if (runner.program) runner.program.receive(number, command);
  else port.held = command;
}

/** Forgets a tab that is gone. @param {number} number */
function drop(number) {
  const port = ports.get(number);
  if (!port) return;
  ports.delete(number);
  port.release();
  port.close();
  if (port.attached) runner.program?.detach(number);
}

/**
 * Calls back when a tab lets go of its lock, which it does by ending, however
 * it ends. Returns what stops the wait. Without locks (a page that is neither
 * https nor localhost), and where the tab's locks are others, the tab's own
 * word has to do.
 * @param {string} lock @param {() => void} callback
 */
function whenReleased(lock, callback) {
  if (!lock || !navigator.locks) return () => {};
  const wait = new AbortController();
  const watch = async () => {
    const { held } = await navigator.locks.query();
    if (held?.some(({ name }) => name === lock)) await navigator.locks.request(lock, { signal: wait.signal }, callback);
  };
  watch().catch(() => {}); // only ever: stopped, or not allowed here
  return () => wait.abort();
}

/** Attaches a tab that waits for a program; one that another program knew is to attach again. @param {number} number @param {Port} port @param {Program} program */
function greet(number, port, program) {
  const command = port.held;
  port.held = null;
  if (command) program.receive(number, command);
  else port.post({ restart: true });
}

/** @param {any} message */
function broadcast(message) {
  for (const port of ports.values()) port.post(message);
}

/** This worker gives way to another one: who attaches from now on is of that one. */
let ending = false;

/**
 * A tab of a newer version came, or will come: end, so that its own worker can begin.
 * Every other tab has to be reloaded.
 * @param {Port | null} newer
 */
async function giveWay(newer) {
  ending = true;
  for (const port of ports.values()) port.post(port === newer ? { reopen: true } : { updated: true });
  await end();
  scope.close();
}

/** Ends the program; the tab that made a dedicated worker waits for the word. */
async function end() {
  await runner.end();
  if (dedicated) scope.postMessage('ended');
}

// ---------------------------------------------------------------- program

/** Ends the program however it fails to end by itself. */
const stopTimeout = 5000;
/** A program that ran this long, in milliseconds, has not failed in a row. */
const settled = 60_000;

/** Keeps the program of the newest version running, for ever. */
class Runner {
  /** The running program, null while there is none. @type {Program | null} */
  program = null;
  /** What should run. @type {Urls | null} */
  #wanted = null;
  /** What last started, to fall back on. @type {Urls | null} */
  #good = null;
  /** Programs that were wanted before: an older tab does not bring back an older program. @type {Set<string>} */
  #known = new Set();
  #failures = 0;
  #ending = false;
  /** Ends the current run, by an error or (undefined) as asked. @type {(cause?: Error) => void} */
  #leave = () => {};
  /** Ends the pause before what failed is tried again: a tab waits. */
  #hurry = () => {};
  /** @type {Promise<void> | null} */
  #running = null;

  /** Starts a program, or replaces the running one if this is another version. @param {Urls} urls */
  want(urls) {
    this.#hurry();
    if (this.#known.has(urls.wasm) || this.#ending) return;
    this.#known.add(urls.wasm);
    this.#wanted = urls;
    if (role === 'engine') this.begin();
    this.#replace();
  }

  /** It is this worker's turn to run what is wanted. */
  begin() {
    if (this.#wanted) this.#running ??= this.#keepRunning();
  }

  async end() {
    this.#ending = true;
    this.#replace();
    await this.#running;
  }

  /** Asks the running program to stop; what is wanted then runs next. */
  #replace() {
    if (!this.program) return;
    const leave = this.#leave;
    this.program.stop();
    setTimeout(() => leave(), stopTimeout);
  }

  async #keepRunning() {
    while (this.#wanted && !this.#ending) {
      const urls = this.#wanted;
      const began = performance.now();
      try {
        await this.#run(urls);
      } catch (cause) {
        if (performance.now() - began > settled) this.#failures = 0;
        this.#failures++;
        for (const port of ports.values()) port.held = null; // a tab that is told of a failure attaches again
        // Who only prepares for an engine that is needed later is not told, nor counts what failed until then.
        for (const port of ports.values()) if (port.attached) port.post({ failed: String(cause), .../** @type {any} */ (cause)?.told, attempt: this.#failures });
        if (this.#good && this.#good !== urls && this.#wanted === urls) this.#wanted = this.#good;
        await Promise.race([delay(Math.min(30_000, 250 * 2 ** (this.#failures - 1))), new Promise(hurry => { this.#hurry = hurry; })]);
      }
    }
  }

  /** Runs a program until it ends as asked; throws when it ends otherwise. @param {Urls} urls */
  async #run(urls) {
    const { go, instance } = await load(urls, this.#failures);
    mark('instantiated');
    let alive = true;
    const asked = () => this.#ending || this.#wanted !== urls;
    const left = new Promise((resolve, reject) => {
      this.#leave = cause => cause ? reject(cause) : resolve(undefined);
    });
    scope.parleyHost = {
      /** @param {Program} program */
      start: program => {
        if (!alive) return;
        this.program = program;
        this.#good = urls;
        if (asked()) return this.#replace(); // something newer was wanted meanwhile
        for (const [number, port] of ports) greet(number, port, program);
      },
      mark,
      /** @param {Uint8Array<ArrayBuffer>} bytes @param {...number} numbers */
      post: (bytes, ...numbers) => {
        if (alive) post(bytes, numbers);
      },
    };
    try {
      await Promise.race([go.run(instance), left]);
      if (!asked()) throw new Error(lastWords() || 'it ended without a word');
    } catch (cause) {
      throw failure('engine-failed', "Parley's engine failed and is started again", cause);
    } finally {
      alive = false;
      this.program = null;
      this.#leave = () => {};
      for (const thing of opened) thing.close();
      opened.clear();
    }
  }

  /** The program was left in pieces by an error that it did not see. @param {any} cause */
  broken(cause) {
    this.#leave(new Error(cause?.message ?? cause));
  }
}

/** An error that tabs are told of. @param {string} reasonCode @param {string} words @param {any} cause */
function failure(reasonCode, words, cause) {
  const reasonArgs = [String(cause?.message ?? cause)];
  const failed = `${words} (${reasonArgs[0]})`;
  return Object.assign(new Error(failed, { cause }), { told: { failed, reasonCode, reasonArgs } });
}

const runner = new Runner();

/** How far the start came, for the tabs to keep. @type {{ name: string, time: number }[]} */
const marks = [{ name: 'worker', time: performance.timeOrigin }];

/** @param {string} name */
function mark(name) {
  if (marks.length < 100) marks.push({ name, time: performance.timeOrigin + performance.now() });
}

/** Sends bytes to each of the ports; the last one gets the very buffer. @param {Uint8Array<ArrayBuffer>} bytes @param {number[]} numbers */
function post(bytes, numbers) {
  numbers.forEach((number, i) => {
    const port = ports.get(number);
    if (port && port.marked < marks.length) {
      port.post({ marks: marks.slice(port.marked) });
      port.marked = marks.length;
    }
    port?.post(bytes, i === numbers.length - 1 ? [bytes.buffer] : []);
  });
}

/** @type {{ url: string, module: WebAssembly.Module } | null} */
let compiled = null;

/**
 * Loads and compiles what was not compiled before.
 * @param {Urls} urls @param {number} attempt
 */
async function load({ wasm, exec, watched }, attempt) {
  try {
    // A browser may remember that an import failed; under another fragment it tries again.
    const [module] = await Promise.all([compile(wasm, watched), import(attempt ? `${exec}#${attempt}` : exec)]);
    mark('loaded');
    scope.fs.writeSync = write;
    const go = new scope.Go();
    const instance = await WebAssembly.instantiate(module, go.importObject);
    return { go, instance };
  } catch (cause) {
    throw failure('engine-not-loaded', "Parley's engine could not be loaded; it is tried again", cause);
  }
}

/** @param {string} url @param {boolean} [watched] @returns {Promise<WebAssembly.Module>} */
async function compile(url, watched) {
  if (compiled?.url !== url) {
    const response = fetchProgram(url);
    compiled = { url, module: await WebAssembly.compileStreaming(watched ? response.then(counted) : response) };
  }
  return compiled.module;
}

/** How much of the program has come, while it is on its way and that is counted. @type {{ received: number, total: number } | null} */
let progress = null;
/** How often the tabs are told, in milliseconds. */
const tellEvery = 100;

/**
 * Tells the tabs how much of an answer has come. What passes through here is not what
 * the browser keeps compiled for the next time: only for whoever waits for the first.
 * @param {Response} response
 */
function counted(response) {
  const { headers, body } = response;
  if (!body) return response;
  // What is counted is unpacked, and so must be the whole.
  const total = headers.get('X-Uncompressed-Content-Length') ?? (headers.has('Content-Encoding') ? 0 : headers.get('Content-Length'));
  const count = { received: 0, total: Number(total) || 0 };
  progress = count;
  let told = 0;
  return new Response(body.pipeThrough(new TransformStream({
    transform(bytes, out) {
      count.received += bytes.length;
      if (performance.now() - told > tellEvery) {
        told = performance.now();
        broadcast({ progress: count });
      }
      out.enqueue(bytes);
    },
    flush() {
      broadcast({ progress: count });
      progress = null;
    },
  })), { headers });
}

/** @param {string} url */
async function fetchProgram(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response;
}

// What the program writes goes to the console; the last lines are kept, to say
// what it died of.
let line = '';
/** @type {string[]} */
let lines = [];
const utf8 = new TextDecoder();

/** @param {number} _fd @param {Uint8Array} bytes */
function write(_fd, bytes) {
  const parts = (line + utf8.decode(bytes, { stream: true })).split('\n');
  line = parts.pop() ?? '';
  for (const part of parts) {
    console.log(part);
    lines.push(part);
  }
  if (lines.length > 500) lines = lines.slice(-250);
  return bytes.length;
}

/** The line in which the runtime said why it ended; the rest is a stack for the console. */
function lastWords() {
  const words = lines.findLast(text => /^(panic|fatal error|runtime): /.test(text)) ?? lines.at(-1) ?? '';
  lines = [];
  return words.slice(0, 300);
}

/** @param {number} ms */
function delay(ms) {
  return new Promise(resolve => setTimeout(resolve, ms));
}

/** How many bytes a server's messages have at least that do not wait for others to be told. */
const atOnce = 64 << 10;

// A program that died cannot close what it opened: the server would keep
// talking to nobody, and the database could not be upgraded or deleted. So what
// is opened here is known.
/** @type {Set<{ close(): void }>} */
const opened = new Set();
scope.WebSocket = class extends WebSocket {
  /** What came since the program was told of something. @type {ArrayBuffer[]} */
  #parts = [];
  #size = 0;
  /** The event that tells it. @type {Event | null} */
  #told = null;
  #turn = new MessageChannel();

  /** @param {string | URL} url @param {string | string[]} [protocols] */
  constructor(url, protocols) {
    super(url, protocols);
    opened.add(this);
    this.#turn.port1.onmessage = () => this.#tell();
    this.addEventListener('message', event => this.#gather(event));
    this.addEventListener('close', () => {
      this.#tell();
      this.#turn.port1.close();
      opened.delete(this);
    });
  }

  // MQTT is a stream of bytes, whatever messages they come in: those of a moment are told as one, since to call the
  // program takes as long as what it does about some.
  /** @param {MessageEvent} event */
  #gather(event) {
    if (event === this.#told || !(event.data instanceof ArrayBuffer)) return;
    event.stopImmediatePropagation();
    if (this.#parts.push(event.data) === 1) this.#turn.port2.postMessage(null);
    this.#size += event.data.byteLength;
    if (this.#size > atOnce) this.#tell();
  }

  #tell() {
    const parts = this.#parts;
    if (parts.length === 0) return;
    const whole = new Uint8Array(this.#size);
    let at = 0;
    for (const part of parts) {
      whole.set(new Uint8Array(part), at);
      at += part.byteLength;
    }
    this.#parts = [];
    this.#size = 0;
    this.#told = new MessageEvent('message', { data: whole.buffer });
    this.dispatchEvent(this.#told);
  }
};
const openDatabase = IDBFactory.prototype.open;
/** @param {Parameters<IDBFactory['open']>} args */
IDBFactory.prototype.open = function (...args) {
  const request = openDatabase.apply(this, args);
  request.addEventListener('success', () => opened.add(request.result));
  return request;
};

// An exception that passed through the program's frames leaves it unusable.
// One of a program that has ended before is of no interest.
addEventListener('error', event => failed(event.error ?? event.message, true));
addEventListener('unhandledrejection', event => failed(event.reason, false));

/** @param {any} cause @param {boolean} thrown */
function failed(cause, thrown) {
  if (/already exited/.test(cause?.message)) return;
  const inProgram = cause instanceof WebAssembly.RuntimeError || /wasm-function|wasm_exec/.test(cause?.stack);
  if (thrown || inProgram) runner.broken(cause);
}

// ---------------------------------------------------------------- ways in

/** Tabs that come over the channel, by their own names. @type {Map<string, number>} */
const named = new Map();
const channel = new BroadcastChannel(channelName);
channel.onmessage = (/** @type {MessageEvent} */ { data: { from, to, data } }) => {
  if (role !== 'engine') return;
  if (to === '*') return stepDown(); // only an engine that begins speaks to all
  if (typeof from !== 'string') return;
  let number = named.get(from);
  if (number === undefined) {
    number = open({
      post: message => channel.postMessage({ to: from, data: message }),
      close: () => named.delete(from),
    });
    named.set(from, number);
  }
  receive(number, data);
};

/** The name of the lock that is held as long as this worker lives, however it ends; '' without locks. */
let life = '';

/** Takes that lock; a tab that waits for it from then on waits for the worker's end. */
function holdLife() {
  if (!navigator.locks) return Promise.resolve();
  const name = `parley-worker-${crypto.randomUUID()}`;
  return new Promise(resolve => {
    navigator.locks.request(name, () => {
      life = name;
      resolve(undefined);
      return new Promise(() => {});
    }).catch(resolve); // not allowed here
  });
}

/** From here on this is the one engine of the profile; every tab attaches to it. */
function begin() {
  role = 'engine';
  mark('turn');
  channel.postMessage({ to: '*', from: ownTab, data: { restart: true } });
  runner.begin();
}

/** Another engine has begun, whose locks are others. It has the tabs from now on. */
async function stepDown() {
  role = 'elsewhere';
  broadcast({ elsewhere: true });
  await end();
}

if (dedicated) {
  scope.onmessage = end; // the tab that made this worker is done with it
  scope.postMessage('begun');
  begin(); // that tab holds the lock
} else {
  const held = holdLife();
  scope.onconnect = async (/** @type {MessageEvent} */ event) => {
    const port = event.ports[0];
    await held;
    const number = open({
      post: (message, transfer = []) => port.postMessage(message, transfer),
      close: () => port.close(),
    });
    port.onmessage = ({ data }) => receive(number, data);
  };
  if (navigator.locks) awaitTurn();
  else begin();
}

/** Two engines in one profile would write into one store: the lock says which is the one. */
function awaitTurn() {
  const timer = setTimeout(() => {
    role = 'elsewhere';
    broadcast({ elsewhere: true });
    for (const number of ports.keys()) drop(number);
  }, patience);
  navigator.locks.request(lockName, () => {
    clearTimeout(timer);
    begin();
    return new Promise(() => {}); // until this worker ends
  }).catch(() => { // not allowed here
    clearTimeout(timer);
    begin();
  });
}
