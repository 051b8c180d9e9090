// @ts-check
// The files that wait to be sent. They stand in a database of their own, as Blobs, before the engine is given
// their message: so what it has taken it can upload, also after a reload. It deletes them once they are sent, and
// what no message names within an hour. wasm/idb/files_js.go is the other end.
import { ParleyError } from './http.js';

const version = 1;
const store = 'files';

/** @param {bigint} user */
const databaseOf = user => `parley-files-${user}`;

/**
 * Keeps a file, and resolves with its key: 32 hex digits, the first 12 of which are the time.
 * @param {bigint} user @param {Blob} blob
 * @returns {Promise<string>}
 */
export async function keepFile(user, blob) {
  const key = Date.now().toString(16).padStart(12, '0') +
    Array.from(crypto.getRandomValues(new Uint8Array(10)), byte => byte.toString(16).padStart(2, '0')).join('');
  try {
    await use(user, 'readwrite', files => files.put(blob, key));
  } catch (cause) {
    const full = /** @type {any} */ (cause)?.name === 'QuotaExceededError';
    throw new ParleyError(full ? 'this browser has no room for the file' : 'this browser keeps nothing, so that no files can be sent from it', 0,
      { cause, reasonCode: full ? 'storage-full' : 'no-files-here' });
  }
  return key;
}

/**
 * The file under a key; null if it is not there any more.
 * @param {bigint} user @param {string} key
 * @returns {Promise<Blob | null>}
 */
export async function keptFile(user, key) {
  try {
    return (await use(user, 'readonly', files => files.get(key))) ?? null;
  } catch {
    return null;
  }
}

/**
 * One request, in a transaction of its own.
 * @param {bigint} user @param {IDBTransactionMode} mode @param {(files: IDBObjectStore) => IDBRequest} ask
 * @returns {Promise<any>}
 */
async function use(user, mode, ask) {
  const opening = indexedDB.open(databaseOf(user), version);
  opening.onupgradeneeded = ({ oldVersion }) => {
    if (oldVersion < 1) opening.result.createObjectStore(store);
  };
  const database = await settled(opening);
  try {
    const transaction = database.transaction(store, mode);
    const request = ask(transaction.objectStore(store));
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    return request.result;
  } finally {
    database.close();
  }
}

/** @param {IDBOpenDBRequest} request @returns {Promise<IDBDatabase>} */
function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error('the files are held by another tab'));
  });
}
