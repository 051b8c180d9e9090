// @ts-check
// Takes a link code or a recovery code, and signs in by it.
import { deviceLabel } from '../model/device-label.js';
import { parseRoute } from '../model/route.js';
import { ParleyError, signInWithCode } from '../parley.js';
import { reasonOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { element, text } from './dom.js';

const longestLink = 10; // letters of a link code, of which recovery codes have more

/** Fires "signed-in" with who that is: what signInWithCode tells. */
export class CodeForm extends HTMLElement {
  #code = element('input', {
    id: 'code', name: 'code', type: 'text', required: true, autocomplete: 'one-time-code', autocapitalize: 'characters', spellcheck: 'false',
    enterkeyhint: 'go', dir: 'ltr', maxlength: 2048, 'aria-describedby': 'code-hint code-error',
    oninput: () => {
      this.#refuse('');
      this.#change();
    },
  });
  #hint = element('p', { class: 'small', id: 'code-hint' }, t.codeHint);
  #others = element('input', { type: 'checkbox', role: 'switch' });
  #othersField = element('label', { class: 'switch', hidden: true }, this.#others, t.endOthersToo);
  #error = element('p', { class: 'error', id: 'code-error', role: 'alert' });
  #submitter = element('button', { class: 'button primary', type: 'submit' }, t.signIn);
  #busy = false;

  connectedCallback() {
    if (this.firstChild) return;
    this.append(element('form', { novalidate: true, onsubmit: event => this.#submit(event) },
      element('div', { class: 'field' }, element('label', { for: 'code' }, t.code), this.#code),
      this.#hint, this.#othersField, this.#submitter, this.#error));
  }

  /** Takes over a code of a link that was opened. @param {string} code */
  show(code) {
    this.#code.value = code;
    text(this.#hint, t.linkHint);
    this.#change();
  }

  focus() {
    (this.#code.value ? this.#submitter : this.#code).focus();
  }

  /** Whoever lost a device may want to end what is left of it. */
  #change() {
    this.#othersField.hidden = this.#typed().replace(/[^\p{L}\p{N}]/gu, '').length <= longestLink;
  }

  /** The code, which may stand in a link that was pasted. */
  #typed() {
    const value = this.#code.value.trim();
    const route = parseRoute(value.slice(Math.max(0, value.indexOf('#/'))));
    return route.name === 'link' ? route.code : value;
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    const code = this.#typed();
    if (!code) return this.#refuse(t.codeMissing);
    if (this.#busy) return;
    this.#work(true);
    try {
      const endOthers = this.#others.checked && !this.#othersField.hidden;
      const detail = await signInWithCode(code, { device: deviceLabel(), endOthers });
      this.dispatchEvent(new CustomEvent('signed-in', { detail }));
    } catch (error) {
      const known = error instanceof ParleyError && error.code !== 0;
      this.#refuse(t.signInFailed(known ? reasonOf(error, t.unknownError) : t.serverAway));
    }
    this.#work(false);
  }

  /** @param {boolean} busy */
  #work(busy) {
    this.#busy = busy;
    this.#submitter.toggleAttribute('aria-busy', busy);
    text(this.#submitter, busy ? t.signingIn : t.signIn);
    if (busy) this.#refuse('');
  }

  /** @param {string} reason */
  #refuse(reason) {
    text(this.#error, reason);
    this.#code.setAttribute('aria-invalid', String(reason !== ''));
    if (reason) this.#code.focus();
  }
}

customElements.define('code-form', CodeForm);

/**
 * Asks for a code; resolves with who signed in, or null if the person does not want to.
 * @param {Element} place where the dialog lives
 * @returns {Promise<Awaited<ReturnType<typeof signInWithCode>> | null>}
 */
export function askForCode(place) {
  const form = new CodeForm();
  const dialog = element('dialog', { class: 'ask', 'aria-labelledby': 'sign-in-again' },
    element('h2', { id: 'sign-in-again' }, t.signInAgain), form,
    element('div', { class: 'choices' }, element('button', { class: 'button', type: 'button', onclick: () => dialog.close() }, t.cancel)));
  place.append(dialog);
  dialog.showModal();
  form.focus();
  return new Promise(resolve => {
    form.addEventListener('signed-in', event => {
      resolve(/** @type {CustomEvent} */ (event).detail);
      dialog.close();
    });
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(null);
    });
  });
}
