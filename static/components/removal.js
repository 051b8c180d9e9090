// @ts-check
// Takes what is stored of a conversation out of this browser, if the person is sure.
import { isolated } from '../texts/foreign-text.js';
import { t } from '../texts/strings.js';
import { askToConfirm } from './confirm-dialog.js';

/**
 * Resolves with whether it was done.
 * @param {Element} place where the question lives
 * @param {import('../parley.js').Parley} parley @param {string} key @param {string} name of the conversation
 * @returns {Promise<boolean>}
 */
export async function removeFromDevice(place, parley, key, name) {
  const hint = parley.keeping.state === 'on' ? `${t.removeMeans} ${t.removePauses}` : t.removeMeans;
  if (!await askToConfirm(place, { title: t.removeOf(isolated(name)), hint, yes: t.removeHere })) return false;
  await parley.evict(key);
  return true;
}
