// @ts-check
// Says what signing out, or in as somebody else, means for what this browser holds, and asks whether that is wanted.
import { formats, t } from '../texts/strings.js';
import { element } from './dom.js';

/**
 * @param {Element} place where the dialog lives
 * @param {string[]} unsent names of those to whom something was not sent yet
 * @param {boolean} mints whether the server lets the user in again by a code; else the site does where their account is
 * @param {boolean} [everywhere]
 * @returns {Promise<boolean>}
 */
export function askToSignOut(place, unsent, mints, everywhere = false) {
  const back = mints ? [...(everywhere ? [t.noWayBackHint] : []), t.startOverHint] : [t.signInElsewhere];
  return ask(place, unsent, everywhere ? t.signOutEverywhereNow : t.signOutHere,
    [...(everywhere ? [t.signOutEverywhereHint] : []), t.signOutHint, ...back], t.signOut);
}

/**
 * Asks whether to sign in by a link where somebody is signed in.
 * @param {Element} place where the dialog lives
 * @param {string[]} unsent names of those to whom something was not sent yet
 * @param {string} name of who is signed in
 * @returns {Promise<boolean>}
 */
export function askToSignInInstead(place, unsent, name) {
  return ask(place, unsent, t.signInInstead, [t.linkWhileSignedIn(name)], t.signIn);
}

/** @param {Element} place @param {string[]} unsent @param {string} title @param {string[]} hints @param {string} yes @returns {Promise<boolean>} */
function ask(place, unsent, title, hints, yes) {
  const dialog = element('dialog', { class: 'ask', 'aria-labelledby': 'sign-out', 'aria-describedby': 'sign-out-hint' },
    element('form', { method: 'dialog' },
      element('h2', { id: 'sign-out' }, title),
      element('div', { id: 'sign-out-hint' },
        ...(unsent.length ? [element('p', { class: 'warning', dir: 'auto' }, t.unsentIsLost(formats.list(unsent)))] : []),
        ...hints.map(hint => element('p', { dir: 'auto' }, hint))),
      element('div', { class: 'choices' },
        element('button', { class: 'button', value: 'out' }, yes),
        element('button', { class: 'button primary', autofocus: true }, t.cancel))));
  place.append(dialog);
  dialog.showModal();
  return new Promise(resolve => dialog.addEventListener('close', () => {
    dialog.remove();
    resolve(dialog.returnValue === 'out');
  }));
}
