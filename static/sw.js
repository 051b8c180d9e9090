// @ts-check
// The page's service worker: keeps one whole version of the page and its program,
// so that they open with the server or the network away, and answers requests for
// those files from what is kept. It knows no chat, and touches no other request. What a
// page notifies of by it, it leads to.
//
// Versions are whole. A new one is fetched into a cache of its own, all of it or
// nothing, each file checked by its hash; it waits until no page of the old one is
// open, or until a page says {activate: true}, as the person wished. The packer
// writes into this script what a version consists of, so the script changes
// exactly when any file does. Sources that are served as they are, where nothing is
// written into it, are no version: the script then removes what an earlier one left.

/**
 * files: addresses from this script's folder on, each with the first hexadecimal
 * digits of its content's SHA-256.
 * @type {{ version: string, files: Record<string, string> }}
 */
const { version, files } = JSON.parse('{"version":"","files":{}}');

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (globalThis));
const folder = new URL('./', location.href).href;
/** How the caches of this folder's versions are called; another Parley may be in another folder of the site. */
const family = `parley ${folder} `;
const cacheName = family + version;

worker.addEventListener('install', event => {
  // Where the browser can, it answers a page from what is kept, or asks the network, without this script, which would
  // have to start first; where it takes no such routes, as for what a SharedWorker asks for, the script answers.
  if (version) /** @type {any} */ (event).addRoutes?.([...Object.keys(files).map(routeTo), restFromNetwork]).catch(console.warn);
  event.waitUntil(install());
});
worker.addEventListener('activate', event => event.waitUntil(activate()));
worker.addEventListener('message', event => {
  if (event.data?.activate) worker.skipWaiting();
});
worker.addEventListener('fetch', event => {
  const name = nameOf(event.request);
  if (name) event.respondWith(answer(name, event.request));
});

worker.addEventListener('notificationclick', event => {
  event.notification.close();
  event.waitUntil(show(event.notification.data));
});

/** Shows what a notification was about, in the page that was used last or else in a new one. @param {string} hash */
async function show(hash) {
  const pages = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const page = pages.find(({ url }) => url.startsWith(folder));
  if (!page) return worker.clients.openWindow(folder + hash);
  page.postMessage({ show: hash });
  return page.focus();
}

/** Which of the version's files a request is for; '' if for none. @param {Request} request */
function nameOf({ method, url, mode, headers }) {
  const [address] = url.split(/[?#]/);
  if (method !== 'GET' || !address.startsWith(folder) || headers.has('range')) return '';
  const name = address.slice(folder.length) || './';
  return Object.hasOwn(files, name) && (name !== './' || mode === 'navigate') ? name : '';
}

/** A route of the Service Worker Static Routing API, from a file's address to what is kept. @param {string} name */
function routeTo(name) {
  const { protocol, hostname, port, pathname } = new URL(addressOf(name));
  const condition = { urlPattern: { protocol: protocol.slice(0, -1), hostname, port, pathname: pathname.replaceAll(/[^\w/-]/g, '\\$&'), search: '*' }, requestMethod: 'GET' };
  return { condition: name === './' ? { ...condition, requestMode: 'navigate' } : condition, source: { cacheName } };
}

/**
 * The route of everything else, at whatever origin. Where this script had a say in it, a new version might not take
 * over as long as the page asks for things: Chromium ends the old version's script for that, starts it again for what
 * is asked for just then, and waits until it has had nothing to do for half a minute.
 */
const restFromNetwork = { condition: { urlPattern: { protocol: '*' } }, source: 'network' };

/** @param {string} name */
function addressOf(name) {
  return new URL(name, folder).href;
}

/** @param {string} name @param {Request} request */
async function answer(name, request) {
  const kept = await find(cacheName, name).catch(() => undefined);
  return kept ?? fetch(request); // the browser may have dropped what was kept
}

/** @param {string} cache @param {string} name */
function find(cache, name) {
  return caches.match(addressOf(name), { cacheName: cache, ignoreVary: true });
}

async function install() {
  if (!version) return worker.skipWaiting();
  try {
    const cache = await caches.open(cacheName);
    const older = (await caches.keys()).filter(name => name.startsWith(family));
    // One after the other: there are more urgent things to load.
    for (const name of Object.keys(files)) {
      await cache.put(addressOf(name), await reuse(older, name) ?? await load(name));
    }
    // The activation of another version meanwhile takes it for an old one.
    if ((await (await caches.open(cacheName)).keys()).length < Object.keys(files).length) throw new Error('what was kept is gone');
  } catch (cause) {
    await caches.delete(cacheName);
    throw cause;
  }
}

async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith(family) && (name !== cacheName || !version)) await caches.delete(name);
  }
  if (version) await worker.clients.claim(); // a page that nobody counts is one that an update does not wait for
  else await worker.registration.unregister();
}

/** The file as another version has it, if it is the same. @param {string[]} older names of caches @param {string} name */
async function reuse(older, name) {
  for (const cache of older) {
    const kept = await find(cache, name);
    if (kept && await isRight(kept, name)) return kept;
  }
}

/** @param {string} name */
async function load(name) {
  // What carries its hash in its name is right wherever it comes from, unless it was damaged there.
  for (const cache of /** @type {RequestCache[]} */ ([name.includes(`.${files[name]}.`) ? 'default' : 'no-cache', 'reload'])) {
    const response = await fetch(addressOf(name), { cache });
    if (response.ok && !response.redirected && await isRight(response, name)) return response;
  }
  throw new Error(`${name} is not of this version`);
}

/** @param {Response} response @param {string} name */
async function isRight(response, name) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await response.clone().arrayBuffer()));
  return Array.from(digest, byte => byte.toString(16).padStart(2, '0')).join('').startsWith(files[name]);
}
