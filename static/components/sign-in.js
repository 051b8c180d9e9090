// @ts-check
// Asks a name, once, and signs a guest in.
import { keepsIdentity, storeIdentity } from '../model/identity.js';
import { ParleyError, signInAsGuest } from '../parley.js';
import { t } from '../texts/strings.js';
import { ConnectionStatus } from './connection-status.js';
import { element, text } from './dom.js';

/** Fires "signed-in" once the identity is stored. */
export class SignIn extends HTMLElement {
  #name = element('input', {
    id: 'name', name: 'name', type: 'text', required: true, maxlength: 64, autocomplete: 'nickname',
    autocapitalize: 'words', spellcheck: 'false', enterkeyhint: 'go', dir: 'auto', 'aria-describedby': 'sign-in-error',
  });
  #invite = element('input', { id: 'invite', name: 'invite', type: 'text', autocomplete: 'off', spellcheck: 'false' });
  #inviteField = element('div', { class: 'field' }, element('label', { for: 'invite' }, t.inviteCode), this.#invite);
  #hint = element('p', { class: 'hint' });
  #error = element('p', { class: 'error', id: 'sign-in-error', role: 'alert' });
  #start = element('button', { class: 'button primary', type: 'submit' }, t.start);
  #busy = false;

  /** Takes over what the address asks for. @param {import('../model/route.js').Route} route */
  show(route) {
    const code = route.name === 'invite' ? route.code : '';
    this.#invite.value = code;
    this.#inviteField.hidden = !code;
    text(this.#hint, code ? t.asAgent : route.name === 'to' ? t.toSomebody : t.tagline);
  }

  connectedCallback() {
    const status = new ConnectionStatus();
    this.append(element('main', { class: 'card' },
      element('img', { class: 'logo', src: './icon.svg', alt: '', width: 56, height: 56 }),
      element('h1', {}, t.product),
      this.#hint,
      element('form', { novalidate: true, onsubmit: event => this.#submit(event) },
        element('div', { class: 'field' }, element('label', { for: 'name' }, t.yourName), this.#name),
        this.#inviteField,
        this.#start,
        this.#error),
      element('p', { class: 'small' }, keepsIdentity() ? t.signInNote : t.signInNoteUnkept),
      status));
    status.show({ state: 'signed-out' });
    this.#name.focus();
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    const name = this.#name.value.trim();
    if (!name) return this.#refuse(t.nameMissing);
    if (this.#busy) return;
    this.#work(true);
    try {
      const invite = this.#invite.value.trim();
      storeIdentity(await signInAsGuest(name, invite ? { invite } : {}));
      this.dispatchEvent(new Event('signed-in'));
    } catch (error) {
      this.#work(false);
      const known = error instanceof ParleyError && error.code !== 0;
      this.#refuse(t.signInFailed(known ? error.message : t.serverAway));
    }
  }

  /** @param {boolean} busy */
  #work(busy) {
    this.#busy = busy;
    this.#start.toggleAttribute('aria-busy', busy);
    text(this.#start, busy ? t.starting : t.start);
    if (busy) this.#refuse('');
  }

  /** @param {string} reason */
  #refuse(reason) {
    text(this.#error, reason);
    this.#name.setAttribute('aria-invalid', String(reason !== ''));
    if (reason) this.#name.focus();
  }
}

customElements.define('sign-in', SignIn);
