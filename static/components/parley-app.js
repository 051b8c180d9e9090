// @ts-check
// Shows the sign-in, or the chat of whoever is signed in.
import { onIdentityChange, storedIdentity } from '../model/identity.js';
import { parseRoute } from '../model/route.js';
import { forgetPlaces } from '../model/reading-places.js';
import { forgetSnapshot } from '../model/snapshot.js';
import { t } from '../texts/strings.js';
import { ChatPanes } from './chat-panes.js';
import { ConversationPane } from './conversation-pane.js';
import { takeFiles } from './file-drops.js';
import { SignIn } from './sign-in.js';
import { StartProgress } from './start-progress.js';
import { VersionNotice } from './version-notice.js';

export class ParleyApp extends HTMLElement {
  #done = new AbortController();
  #user = 0n;
  /** @type {Element | null} */
  #view = null;
  #notice = new VersionNotice();

  connectedCallback() {
    const { signal } = this.#done;
    this.addEventListener('connected', () => this.#notice.connected(), { signal });
    // By ChatPanes: nobody is, or somebody by a code; with words for the person, if there are any.
    this.addEventListener('signed-out', event => this.#show(/** @type {CustomEvent<string>} */ (event).detail), { signal });
    this.append(this.#notice);
    this.#show();
    onIdentityChange(() => {
      const { id = 0n } = storedIdentity() ?? {};
      if (id !== this.#user) this.#show(!id && this.#view instanceof ChatPanes ? this.#view.parting : '');
    }, signal);
    takeFiles(files => this.#take(files), signal);
    visualViewport?.addEventListener('resize', () => this.#fit(), { signal });
  }

  /** @param {File[]} files */
  #take(files) {
    const pane = this.querySelector('conversation-pane');
    if (document.querySelector('dialog[open]')) return; // something else is asked first
    if (pane instanceof ConversationPane && pane.takesFiles) pane.sendFiles(files);
    else this.firstElementChild?.dispatchEvent(new CustomEvent('notice', { detail: t.filesNowhere }));
  }

  disconnectedCallback() {
    this.#done.abort();
  }

  /** @param {string} [words] for the person */
  #show(words = '') {
    const identity = storedIdentity();
    this.#user = identity?.id ?? 0n;
    const before = this.#view;
    before?.remove();
    if (!identity || before instanceof ChatPanes) {
      forgetSnapshot();
      forgetPlaces();
    }
    this.#view = identity ? new ChatPanes(identity) : this.#signIn(words);
    this.prepend(this.#view);
    if (before && this.#view instanceof ChatPanes) this.#takeFocus(this.#view);
    if (this.#view instanceof SignIn && before instanceof ChatPanes && !before.mints) this.#view.refer();
    if (identity && words) this.#view.dispatchEvent(new CustomEvent('notice', { detail: words }));
  }

  /** What had the focus is gone: it goes to what there is by now, and once the engine is there to what the person came to. @param {ChatPanes} view */
  #takeFocus(view) {
    view.settleFocus();
    view.addEventListener('started', () => view.settleFocus());
  }

  /** @param {string} words */
  #signIn(words) {
    const progress = new StartProgress();
    const signIn = new SignIn((received, total) => progress.show(received, total));
    signIn.tell(words);
    signIn.show(parseRoute(location.hash));
    addEventListener('hashchange', () => {
      if (signIn.isConnected) signIn.show(parseRoute(location.hash));
    }, { signal: this.#done.signal });
    signIn.addEventListener('signed-in', event => {
      // The invite is used up, and no business of anybody who looks at the address.
      if (parseRoute(location.hash).name === 'invite') history.replaceState(null, '', '#/');
      this.#show(/** @type {CustomEvent<string>} */ (event).detail);
      const view = this.#view;
      view?.append(progress);
      view?.addEventListener('started', () => progress.remove());
    });
    return signIn;
  }

  /** Keeps the page above an on-screen keyboard where the browser itself does not. */
  #fit() {
    const { height, scale } = /** @type {VisualViewport} */ (visualViewport);
    const { style } = document.documentElement;
    if (scale === 1 && height < innerHeight - 80) style.setProperty('--height', `${height}px`);
    else style.removeProperty('--height');
  }
}
