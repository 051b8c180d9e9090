// @ts-check
// The sign of how far an own message has come, in a picture and in words.
import { spoken } from './dom.js';
import { icon } from './icons.js';
import { t } from './strings.js';

const pictures = /** @type {const} */ ({ pending: 'clock', sent: 'tick', delivered: 'ticks', read: 'ticks', refused: 'warning' });

/** @param {keyof typeof pictures} state */
export function stateSign(state) {
  return [icon(pictures[state]), spoken(t.states[state])];
}
