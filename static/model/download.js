// @ts-check
// Gives the person an archive that is made while it is written: on disk, as far as the browser lets a page write there, so
// that it may be larger than the memory.

const folder = 'exports';
const kept = 3_600_000; // ms for which a file stays that the browser may be copying still

/**
 * Resolves with a ZIP archive of these files once all of it is written; writes nothing more once the signal is aborted.
 * @param {AsyncIterable<{ name: string, lastModified: Date, input: Blob | AsyncIterable<string>, size?: number }>} files
 * @param {AbortSignal} signal
 * @returns {Promise<Blob>}
 */
export async function archived(files, signal) {
  const { makeZip } = await import('../vendor/client-zip.js');
  const content = makeZip(files);
  const handle = await newFile();
  if (!handle) return new Response(content).blob(); // the browser decides where that rests
  await content.pipeTo(await handle.createWritable(), { signal });
  return handle.getFile();
}

/** @param {Blob} file @param {string} name */
export function download(file, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), kept);
}

/** Null where a page cannot write files, as in some private windows. */
async function newFile() {
  try {
    const root = await navigator.storage.getDirectory();
    await forgetOld(root);
    const exports = await root.getDirectoryHandle(folder, { create: true });
    const handle = await exports.getFileHandle(`${Date.now()}-${crypto.randomUUID()}`, { create: true });
    return 'createWritable' in handle ? handle : null;
  } catch {
    return null;
  }
}

/** @param {FileSystemDirectoryHandle} root */
async function forgetOld(root) {
  const exports = await root.getDirectoryHandle(folder, { create: true });
  for await (const name of exports.keys()) {
    if (Date.now() - Number.parseInt(name, 10) > kept) await exports.removeEntry(name).catch(() => {}); // another tab writes it
  }
}

/** Deletes what was written for downloads. */
export async function forgetDownloads() {
  try {
    await (await navigator.storage.getDirectory()).removeEntry(folder, { recursive: true });
  } catch {
    // There is none, or the browser has no such place.
  }
}
