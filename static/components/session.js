// @ts-check
// Being signed in: the account, signing out here or everywhere, going on as somebody else by a code, and what
// is said, and can be done, when the server lets the user in no more.
import { deviceLabel } from '../model/device-label.js';
import { forgetDownloads } from '../model/download.js';
import { clearIdentity, forgetUser, keepsIdentity, learnWhoMints, storedIdentity, storeIdentity } from '../model/identity.js';
import { forgetServices } from '../model/services.js';
import { signInWithCode } from '../parley.js';
import { isolated } from '../texts/foreign-text.js';
import { reasonOf, userName } from '../texts/labels.js';
import { formats, t } from '../texts/strings.js';
import { AccountDialog } from './account-dialog.js';
import { askForCode } from './code-form.js';
import { element } from './dom.js';
import { ExportDialog } from './export-dialog.js';
import { askToSignInInstead, askToSignOut } from './sign-out-dialog.js';
import { StorageDialog } from './storage-dialog.js';

/**
 * @typedef {import('../parley.js').Parley} Parley
 * @typedef {import('../parley.js').Conversation} Conversation
 */

/** Fires "signed-out" at its place, with words for the person, when nobody is signed in any more, or somebody by a code. */
export class Session {
  /** @type {Parley | null} */
  parley = null;
  /** Why nobody is signed in any more, where another tab came to know of it before. */
  parting = '';
  banner = element('div', { class: 'banner', role: 'alert', hidden: true });
  #bannered = ''; // what the banner says
  #leaving = false; // signing out
  #saidNotKept = false;
  /** Whether the server mints tokens, once this page was told. @type {boolean | null} */
  #told = null;
  #place;
  #context;
  #conversations;
  #notices;
  #signal;

  /**
   * @param {Element} place where its dialogs live
   * @param {import('../model/page-context.js').PageContext} context
   * @param {() => readonly Conversation[]} conversations all that are known
   * @param {import('./notice-list.js').NoticeList} notices
   * @param {AbortSignal} signal that the page of the user is gone
   */
  constructor(place, context, conversations, notices, signal) {
    this.#place = place;
    this.#context = context;
    this.#conversations = conversations;
    this.#notices = notices;
    this.#signal = signal;
  }

  /** Whether the server mints the user's tokens, and so gives and takes codes: as far as is known, also when it lets nobody in. */
  get mints() {
    return storedIdentity()?.mints ?? this.#told ?? true;
  }

  /** How whoever is let in no more comes back, in words. */
  get wayBack() {
    return this.mints ? t.startOverHint : t.signInElsewhere;
  }

  /** Asks the server while it answers: by when it matters it may not. */
  async #learnWhoMints() {
    if (this.#told !== null || !this.parley) return;
    this.#told = this.mints;
    if (storedIdentity()?.mints) return; // by who signed in here
    try {
      this.#told = (await this.parley.devices()).mints;
      learnWhoMints(this.#told);
    } catch {
      this.#told = null; // the next connection asks again
    }
  }

  /**
   * Says what this browser does not keep: once, or where that may pass as long as it is so.
   * @param {string} memoryOnly why it keeps no messages, '' if it does @param {boolean} passing
   */
  sayNotKept(memoryOnly, passing) {
    const kept = keepsIdentity();
    if (kept) this.#notices.stand(passing ? t.messagesNotKept(memoryOnly) : '');
    if ((kept && passing) || (kept && !memoryOnly) || this.#saidNotKept) return;
    this.#saidNotKept = true;
    this.#notices.add(kept ? t.messagesNotKept(memoryOnly) : t.nothingKept(memoryOnly || t.identityNotKept));
  }

  showAccount() {
    if (!this.parley) return this.#notices.add(t.notDone(t.serverAway));
    const dialog = new AccountDialog(this.parley, this.#context.clock);
    dialog.addEventListener('sign-out', event => this.signOut(/** @type {CustomEvent<boolean>} */ (event).detail));
    dialog.addEventListener('export', () => this.#export());
    this.#place.append(dialog);
  }

  showStorage() {
    if (!this.parley) return this.#notices.add(t.notDone(t.serverAway));
    this.#place.append(new StorageDialog(this.parley, this.#context));
  }

  /** Gives the person all of their conversations; those that an agent answers in are the service's. */
  #export() {
    const { parley } = this;
    const own = this.#conversations().filter(({ agent, head }) => !agent && head > 0n);
    if (parley) this.#place.append(new ExportDialog(parley, this.#context, own));
  }

  /** Tells of devices that signed in elsewhere, where the person looks. @param {import('../parley.js').Device[]} devices */
  tellDevices(devices) {
    const account = /** @type {AccountDialog | null} */ (this.#place.querySelector('account-dialog'));
    for (const { label } of devices) {
      const words = t.newDevice(label ? isolated(label) : t.unnamedDevice);
      if (account) account.tell(words);
      else this.#notices.add(words, { words: t.showDevices, act: () => this.showAccount() });
    }
  }

  /** Names of those to whom something was not sent yet. */
  #unsent(all = this.#conversations()) {
    return all.filter(({ unsent }) => unsent > 0).map(({ key }) => isolated(this.#context.participants(key).name));
  }

  /** Ends the chat in this browser, and what is kept of it, if the person still wants that. @param {boolean} everywhere */
  async signOut(everywhere) {
    if (!await askToSignOut(this.#place, this.#unsent(), this.mints, everywhere)) return;
    await this.#leaveFor(null, { everywhere, ends: !everywhere });
  }

  /**
   * Deletes what this browser keeps of the user, who goes; and lets another come.
   * @param {import('../model/identity.js').Identity | null} next
   * @param {{ everywhere?: boolean, ends?: boolean, anyway?: boolean, words?: string }} [options] whether the server is to
   * sign the user out on all devices, or on this one; whether to go although what is kept cannot be deleted; and what to
   * tell the person
   */
  async #leaveFor(next, { everywhere = false, ends = false, anyway = false, words = '' } = {}) {
    const { parley } = this;
    this.#leaving = true;
    try {
      if (everywhere) await parley?.endDevices();
      await parley?.forget();
      await forgetDownloads();
    } catch (error) {
      this.#leaving = anyway;
      if (!anyway) return this.#notices.add(t.notDone(reasonOf(error, t.unknownError)));
    }
    if (ends) parley?.endDevice().catch(() => {}); // where the server is away, it is listed until its token expires
    clearIdentity(); // and the other tabs see it
    forgetUser(this.#context.me);
    if (next) storeIdentity({ ...next, mints: true });
    forgetServices();
    history.replaceState(null, '', '#/');
    this.#tell(words);
  }

  /** @param {string} words */
  #tell(words) {
    this.#place.dispatchEvent(new CustomEvent('signed-out', { bubbles: true, detail: words }));
  }

  /** Signs in by a link that was opened here, if the person wants that. @param {string} code */
  async signInInstead(code) {
    const { name, id } = /** @type {Parley} */ (this.parley).user;
    if (!await askToSignInInstead(this.#place, this.#unsent(), isolated(userName(name, id)))) return;
    try {
      await this.#become(await signInWithCode(code, { device: deviceLabel() }));
    } catch (error) {
      this.#notices.add(t.notDone(reasonOf(error, t.unknownError)));
    }
  }

  /** Goes on as who signed in by a code: as before, if they are who was signed in. @param {{ id: bigint, name: string, token: string, recovered: boolean }} who */
  async #become({ recovered, ...who }) {
    const words = recovered ? t.recovered : '';
    if (who.id !== this.#context.me) return this.#leaveFor(who, { ends: true, words });
    this.parley?.endDevice().catch(() => {}); // this browser is another one now; or it was ended before
    storeIdentity({ ...who, mints: true });
    this.#tell(words);
  }

  /** Learns of the connection, and says so where the server lets the user in no more. @param {import('../parley.js').Connection} connection @param {string} reason why, in words */
  show({ state, reasonCode }, reason) {
    if (state === 'live') this.#learnWhoMints();
    if (state !== 'signed-out') this.#showBanner('');
    else if (reasonCode === 'signed-out-elsewhere') this.#showSignedOut(this.parting = t.signedOutByOther, true);
    else this.#showSignedOut(t.signedOut(reason), false);
  }

  /**
   * Says that the server lets the user in no more, and what can be done. Where the user wanted that, on another device,
   * this browser keeps nothing but what was not sent.
   * @param {string} words @param {boolean} wanted
   */
  async #showSignedOut(words, wanted) {
    const unsent = this.#unsent(await this.parley?.conversations().catch(() => []));
    if (this.#leaving || this.#signal.aborted || this.parley?.connection.state !== 'signed-out') return; // by now
    if (wanted && !unsent.length && storedIdentity()?.id === this.#context.me) return this.#leaveFor(null, { words });
    this.#showBanner(t.paragraph([words, ...(unsent.length ? [t.unsentIsKept(formats.list(unsent))] : []), this.wayBack]));
  }

  /** @param {string} words */
  #showBanner(words) {
    if (words === this.#bannered) return; // who presses its button presses this one
    this.#bannered = words;
    this.banner.hidden = !words;
    if (words) this.banner.replaceChildren(element('p', { dir: 'auto' }, words), element('div', { class: 'choices' }, ...this.ways()));
  }

  /** Buttons that lead on for whom the server lets in no more. */
  ways() {
    const leave = async () => {
      const unsent = this.#unsent();
      if (unsent.length && !await askToSignOut(this.#place, unsent, this.mints)) return;
      await this.#leaveFor(null, { anyway: true });
    };
    if (!this.mints) return [element('button', { class: 'button', type: 'button', onclick: leave }, t.signOut)];
    return [
      element('button', { class: 'button', type: 'button', onclick: async () => {
        const who = await askForCode(this.#place);
        if (who) await this.#become(who);
      } }, t.signInAgain),
      element('button', { class: 'button', type: 'button', onclick: leave }, t.startOver),
    ];
  }
}
