// @ts-check
// The sign of how far an own message has come, in a picture and in words.
import { exactTime } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { spoken } from './dom.js';
import { icon } from './icons.js';

const pictures = /** @type {const} */ ({ pending: 'clock', sent: 'tick', delivered: 'ticks', read: 'ticks', refused: 'warning' });

/** @param {keyof typeof pictures} state */
export function receiptIcon(state) {
  return [receiptPicture(state), spoken(t.states[state])];
}

/** The picture alone, where something else says the words. @param {keyof typeof pictures} state */
export function receiptPicture(state) {
  return icon(pictures[state]);
}

/**
 * When an own message took which step, as far as that is known; '' if it is not confirmed.
 * @param {import('../parley.js').Message} message
 * @param {number} now
 */
export function timesOf({ state, time, deliveredTime, readTime }, now) {
  if (!(state in t.steps)) return '';
  /** @type {[keyof typeof t.steps, number][]} */
  const steps = [['sent', time], ['delivered', deliveredTime], ['read', readTime]];
  return steps.filter(([step, at]) => at > 0 || step === state)
    .map(([step, at]) => (at > 0 ? t.stepAt(t.steps[step], exactTime(at, now)) : t.steps[step]))
    .join(' · ');
}
