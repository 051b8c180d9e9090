// @ts-check
// Asks a name, once, and signs a guest in; or a code, by which somebody signs in who was here before.
import { deviceLabel } from '../model/device-label.js';
import { keepsIdentity, storeIdentity } from '../model/identity.js';
import { ParleyError, prepare, signInAsGuest } from '../parley.js';
import { reasonOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { CodeForm } from './code-form.js';
import { element, text } from './dom.js';

/** Fires "signed-in" once the identity is stored, with words for the person, if there are any. */
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
  #note = element('p', { class: 'small', role: 'status' });
  #newcomer = element('form', { novalidate: true, onsubmit: event => this.#submit(event) },
    element('div', { class: 'field' }, element('label', { for: 'name' }, t.yourName), this.#name),
    this.#inviteField,
    this.#start,
    this.#error);
  #code = new CodeForm();
  #turn = element('button', { class: 'link-button', type: 'button', onclick: () => this.#turnTo(this.#code.hidden === true) });
  #kept = element('p', { class: 'small' }, keepsIdentity() ? t.signInNote : t.signInNoteUnkept);
  #busy = false;
  #loading;
  #prepared = false;

  /** @param {(received: number, total: number) => void} loading called with how much of the engine has come, once somebody is signed in */
  constructor(loading) {
    super();
    this.#loading = loading;
    this.#code.hidden = true;
  }

  /** Takes over what the address asks for. @param {import('../model/route.js').Route} route */
  show(route) {
    const code = route.name === 'invite' ? route.code : '';
    this.#invite.value = code;
    this.#inviteField.hidden = !code;
    text(this.#hint, code ? t.asAgent : route.name === 'to' ? t.toSomebody : route.name === 'service' ? t.toService : t.tagline);
    if (route.name === 'link') {
      history.replaceState(null, '', '#/'); // whoever looks at the address later has no business with it
      this.#code.show(route.code);
      this.#turnTo(true);
    }
  }

  /** Tells why the person is here. @param {string} words */
  tell(words) {
    text(this.#note, words);
  }

  /** Says where one signs in, on a server that lets in only who comes with a token of the site's own. */
  refer() {
    this.#code.hidden = this.#newcomer.hidden = this.#turn.hidden = this.#kept.hidden = true;
    text(this.#hint, t.signInElsewhere);
  }

  /** Shows the form for a code, or that for a name. @param {boolean} code */
  #turnTo(code) {
    this.#code.hidden = !code;
    this.#newcomer.hidden = code;
    text(this.#turn, code ? t.newHere : t.wasHere);
    if (!this.isConnected) return;
    if (code) this.#code.focus();
    else this.#name.focus();
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(element('main', { class: 'card' },
      element('img', { class: 'logo', src: './icon.svg', alt: '', width: 56, height: 56 }),
      element('h1', {}, t.product),
      this.#hint, this.#note, this.#newcomer, this.#code, this.#turn,
      this.#kept));
    this.#turnTo(!this.#code.hidden);
    this.#code.addEventListener('signed-in', event => {
      const { recovered, ...who } = /** @type {CustomEvent<{ id: bigint, name: string, token: string, recovered: boolean }>} */ (event).detail;
      storeIdentity({ ...who, mints: true });
      this.dispatchEvent(new CustomEvent('signed-in', { detail: recovered ? t.recovered : '' }));
    });
    this.#name.addEventListener('input', () => this.#prepare(), { once: true });
    // The form comes first; and nobody who must save is made to load what they may not want.
    if (!(/** @type {any} */ (navigator).connection?.saveData)) whenIdle(() => this.isConnected && this.#prepare());
  }

  /** Loads the engine while the person types. */
  #prepare() {
    if (this.#prepared) return;
    this.#prepared = true;
    prepare({ progress: this.#loading });
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
      storeIdentity({ ...await signInAsGuest(name, { device: deviceLabel(), ...invite && { invite } }), mints: true });
      this.dispatchEvent(new CustomEvent('signed-in', { detail: '' }));
    } catch (error) {
      this.#work(false);
      if (error instanceof ParleyError && error.reasonCode === 'no-guests') return this.refer();
      const known = error instanceof ParleyError && error.code !== 0;
      this.#refuse(t.signInFailed(known ? reasonOf(error, t.unknownError) : t.serverAway));
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

/** Calls back when the page is loaded and has nothing else to do. @param {() => void} callback */
function whenIdle(callback) {
  const wait = () => ('requestIdleCallback' in globalThis ? requestIdleCallback(callback) : setTimeout(callback, 200));
  if (document.readyState === 'complete') wait();
  else addEventListener('load', wait, { once: true });
}

customElements.define('sign-in', SignIn);
