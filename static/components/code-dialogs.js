// @ts-check
// Show a code that was just made, and is not told again.
import { qrCode } from '../model/qr-code.js';
import { linkOf } from '../model/route.js';
import { clockTime } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { element, text } from './dom.js';

const namespace = 'http://www.w3.org/2000/svg';

/**
 * Shows the code that signs in another device, its link and that as a QR code, until it was used; resolves when it is closed.
 * @param {Element} place where the dialog lives
 * @param {{ code: string, expires: number }} made
 * @param {import('../model/clock.js').Clock} clock the server's
 * @param {AbortSignal} used
 * @returns {Promise<void>}
 */
export async function showLinkCode(place, { code, expires }, clock, used) {
  const link = linkOf(code);
  const image = await picture(link);
  const device = expires - clock.now() + Date.now(); // as this device's clock will say
  return show(place, t.linkDevice, [
    element('p', {}, t.linkDeviceHint), image, shown(code),
    element('p', { class: 'note' }, t.codeExpires(clockTime(device))),
  ], copier(link, t.copyLinkToDevice), t.close, used);
}

/** Shows the code for when all else is lost; resolves when the person has kept it. @param {Element} place @param {string} code */
export function showRecoveryCode(place, code) {
  return show(place, t.recoveryCode, [element('p', {}, t.recoveryHint), shown(code)], copier(code, t.copyCode), t.keptCode);
}

/**
 * @param {Element} place @param {string} title @param {Element[]} content @param {Element} copy @param {string} done
 * @param {AbortSignal} [ends] @returns {Promise<void>}
 */
function show(place, title, content, copy, done, ends) {
  const dialog = element('dialog', { class: 'ask', 'aria-labelledby': 'code-title' },
    element('form', { method: 'dialog' }, element('h2', { id: 'code-title' }, title), ...content,
      element('div', { class: 'choices' }, copy, element('button', { class: 'button primary', autofocus: true }, done))));
  place.append(dialog);
  dialog.showModal();
  ends?.addEventListener('abort', () => dialog.close());
  return new Promise(resolve => dialog.addEventListener('close', () => {
    dialog.remove();
    resolve();
  }));
}

/** A code to read and type, in groups that stay together. @param {string} code */
function shown(code) {
  return element('output', { class: 'code', dir: 'ltr' }, ...code.split('-').flatMap((group, i) => [...(i ? ['-', element('wbr')] : []), element('span', {}, group)]));
}

/** @param {string} what @param {string} words */
function copier(what, words) {
  const label = element('span', { 'aria-live': 'polite' }, words);
  return element('button', {
    class: 'button', type: 'button', onclick: async () => {
      try {
        await navigator.clipboard.writeText(what);
        text(label, t.copied);
      } catch {
        text(label, t.notCopied);
      }
    },
  }, label);
}

/** A text as a QR code; nothing where the library cannot be had. @param {string} content */
async function picture(content) {
  try {
    const { width, path } = await qrCode(content);
    const svg = document.createElementNS(namespace, 'svg');
    svg.setAttribute('class', 'qr');
    svg.setAttribute('viewBox', `0 0 ${width} ${width}`);
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', t.qrCode);
    svg.setAttribute('shape-rendering', 'crispEdges');
    const dark = document.createElementNS(namespace, 'path');
    dark.setAttribute('d', path);
    svg.append(dark);
    return svg;
  } catch {
    return element('p', { class: 'note' }, t.noQrCode);
  }
}
