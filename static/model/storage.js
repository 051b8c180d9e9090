// @ts-check
// What this browser keeps for the site, and whether it may delete that by itself.

/**
 * @typedef {object} Use
 * @property {number} used bytes, about
 * @property {number} quota how many bytes may be; 0 if the browser does not say
 * @property {boolean} persistent the browser deletes nothing by itself where room runs low
 */

/** @returns {Promise<Use>} */
export async function storageUse() {
  try {
    const [{ usage = 0, quota = 0 }, persistent] = await Promise.all([navigator.storage.estimate(), navigator.storage.persisted()]);
    return { used: usage, quota, persistent };
  } catch {
    return { used: 0, quota: 0, persistent: false };
  }
}

/** Asks the browser to delete nothing by itself; it may ask the person. */
export async function persistStorage() {
  try {
    if (!await navigator.storage.persisted()) await navigator.storage.persist();
  } catch {
    // It decides by itself, as before.
  }
}
