// @ts-check
// What is seen of the page where it is not looked at: its title, and the count on the icons.
import { EachFrame } from '../model/each-frame.js';
import { isolated } from '../texts/foreign-text.js';
import { t } from '../texts/strings.js';

const pause = 300; // ms between two changes: they take the browser long, and are not for each of many messages

export class PageTitle {
  #attention;
  #unread = 0n;
  #what = '';
  #frame = new EachFrame(() => this.#paint(), pause);

  /** @param {import('../model/attention.js').Attention} attention that marks the icons */
  constructor(attention) {
    this.#attention = attention;
  }

  /** @param {bigint} unread messages @param {string} what the page shows; '' for nothing of its own */
  show(unread, what) {
    this.#unread = unread;
    this.#what = what;
    this.#frame.want();
  }

  /** Nobody is signed in any more. */
  close() {
    this.#frame.cancel();
    document.title = t.title(0);
  }

  #paint() {
    const unread = Number(this.#unread);
    const title = this.#what ? t.titleOf(unread, isolated(this.#what)) : t.title(unread);
    if (document.title !== title) document.title = title;
    this.#attention.mark(this.#unread);
  }
}
