// @ts-check
// Who the customer is with whom an agent talks: beside the conversation where there is room, else in a dialog.
import { extendRows } from '../model/extend-rows.js';
import { hashOf } from '../model/route.js';
import { isolated, presentable } from '../texts/foreign-text.js';
import { briefTime, fullDate, fullTime, reasonOf, sinceTime } from '../texts/labels.js';
import { formats, t } from '../texts/strings.js';
import { element, set, text } from './dom.js';
import { icon } from './icons.js';

/** @typedef {import('../parley.js').Customer} Customer */

const place = 'parley.customer-panel'; // in localStorage: "open" on this device
const pause = 500; // ms that changes are gathered for
/** Where there is room beside the conversation. */
const roomy = matchMedia('(min-width: 1100px)');

/** Fires "shown" when it begins or ends to stand beside the conversation. */
export class CustomerPanel extends HTMLElement {
  #parley;
  #participants;
  #context;
  #body = element('div', { class: 'customer' });
  #close = element('button', { class: 'icon-button', type: 'button', 'aria-label': t.close, title: t.close, onclick: () => this.#shut() }, icon('close'));
  #part = element('section', { 'aria-labelledby': 'about-customer' },
    element('div', { class: 'customer-head' }, element('h2', { id: 'about-customer' }, t.aboutCustomer), this.#close), this.#body);
  /** @type {HTMLDialogElement | null} */
  #dialog = null;
  #asked = 0;
  #timer = 0;
  #done = new AbortController();
  /** Opens and closes it. */
  button = element('button', {
    class: 'icon-button', type: 'button', 'aria-label': t.aboutCustomer, title: t.aboutCustomer, 'aria-expanded': 'false', onclick: () => this.#toggle(),
  }, icon('person'));

  /** @param {Promise<import('../parley.js').Parley>} parley @param {import('../model/participants.js').Participants} participants @param {import('../model/page-context.js').PageContext} context */
  constructor(parley, participants, context) {
    super();
    this.#parley = parley;
    this.#participants = participants;
    this.#context = context;
    this.hidden = true;
  }

  connectedCallback() {
    this.#done = new AbortController();
    roomy.addEventListener('change', () => this.#settle(), { signal: this.#done.signal });
    this.#settle();
  }

  disconnectedCallback() {
    this.#done.abort();
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#dialog?.close();
  }

  /** Something of what it shows may have changed. */
  refresh() {
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      if (!this.hidden || this.#dialog) this.#ask();
    }, pause);
  }

  /** Stands beside the conversation, or not. */
  #settle() {
    const beside = roomy.matches && wanted();
    if (beside) this.#dialog?.close();
    if (beside === !this.hidden) return;
    if (beside) {
      this.append(this.#part);
      this.#ask();
    }
    this.hidden = !beside;
    set(this.button, 'aria-expanded', String(beside));
    this.dispatchEvent(new Event('shown'));
  }

  #toggle() {
    if (!roomy.matches) return this.#openDialog();
    want(!wanted());
    this.#settle();
  }

  #openDialog() {
    const dialog = element('dialog', { class: 'ask', 'aria-labelledby': 'about-customer' }, this.#part);
    this.#dialog = dialog;
    dialog.addEventListener('close', () => {
      dialog.remove();
      this.#dialog = null;
      set(this.button, 'aria-expanded', 'false');
    });
    this.before(dialog);
    dialog.showModal();
    set(this.button, 'aria-expanded', 'true');
    this.#ask();
  }

  #shut() {
    if (this.#dialog) return this.#dialog.close();
    want(false);
    this.#settle();
    this.button.focus();
  }

  async #ask() {
    const asked = ++this.#asked;
    if (!this.#body.firstChild) this.#body.replaceChildren(element('p', { class: 'quiet', role: 'status' }, t.searching));
    try {
      const customer = await (await this.#parley).customer(this.#participants.customer);
      if (asked === this.#asked) this.#show(customer);
    } catch (error) {
      if (asked !== this.#asked) return;
      this.#body.replaceChildren(element('p', { role: 'status', dir: 'auto' }, t.customerNotShown(reasonOf(error, t.unknownError))),
        element('button', { class: 'link-button', type: 'button', onclick: () => this.#ask() }, t.tryAgain));
    }
  }

  /** @param {Customer} customer */
  #show(customer) {
    const now = this.#context.clock.now();
    const { names } = this.#context;
    names.set(customer.id, customer.name);
    const { rows, more } = extendRows(customer.extend);
    const held = document.activeElement?.getAttribute('href');
    this.#body.replaceChildren(
      element('p', { class: 'customer-name', dir: 'auto' }, names.user(customer.id)),
      factsOf([
        [t.userID, String(customer.id)],
        [t.firstSeen, customer.firstSeen ? fullTime(customer.firstSeen) : t.unknownTime],
        ...(customer.lastSeen ? [[t.lastSeenHere, sinceTime(customer.lastSeen, now)]] : []),
        [t.messagesWritten, formats.number(customer.conversations.reduce((sum, { messages }) => sum + messages, 0))],
      ]),
      element('h3', {}, t.conversations),
      element('ul', { role: 'list' }, ...customer.conversations.toSorted((a, b) => b.time - a.time).map(one => this.#conversation(one, now))),
      ...(rows.length ? [element('h3', {}, t.fromApplication),
        factsOf(rows.map(({ name, value }) => [presentable(name), presentable(value)])),
        ...(more ? [element('p', { class: 'quiet' }, t.moreLeftOut)] : [])] : []));
    if (held) for (const link of this.#body.querySelectorAll('a')) if (link.getAttribute('href') === held) link.focus();
  }

  /** When it was written in first and last, and where it stands. @param {Customer['conversations'][number]} conversation @param {number} now */
  #conversation({ key, service, messages, began, time, closed, assignee, assigneeName, waitingSince }, now) {
    this.#context.names.set(assignee, assigneeName);
    const holder = assignee ? t.claimedBy(assignee === this.#context.me ? t.byYou : isolated(this.#context.names.agent(assignee))) : t.unclaimed;
    const link = element('a', {
      class: 'summary', href: hashOf({ key, peer: 0n, service, agent: true }), 'aria-current': key === this.#participants.key ? 'page' : null,
      onclick: () => this.#dialog?.close(),
    }, element('span', { class: 'entry-name', dir: 'auto' }, this.#context.participants(key).serviceName),
    element('time', { class: 'entry-time', datetime: new Date(time).toISOString() }, briefTime(time, now)),
    element('span', { class: 'entry-preview' }, 
      [t.closed[closed], waitingSince && t.waitsSince(sinceTime(waitingSince, now)), holder].filter(Boolean).join(' · ')),
    element('span', { class: 'entry-preview' }, [began && t.began(fullDate(began)), t.messageCount(messages)].filter(Boolean).join(' · ')));
    return element('li', {}, link);
  }
}

/** Names and values, of which none says in which order the others stand. @param {string[][]} facts */
function factsOf(facts) {
  return element('dl', {}, ...facts.map(([name, value]) => {
    const term = element('dt');
    const words = element('dd');
    for (const [e, said] of /** @type {const} */ ([[term, name], [words, value]])) {
      const isolate = element('bdi');
      text(isolate, said);
      e.append(isolate);
    }
    return element('div', {}, term, words);
  }));
}

function wanted() {
  try {
    return localStorage.getItem(place) === 'open';
  } catch {
    return false;
  }
}

/** @param {boolean} open */
function want(open) {
  try {
    if (open) localStorage.setItem(place, 'open');
    else localStorage.removeItem(place);
  } catch {
    // A browser that keeps nothing has it closed.
  }
}

customElements.define('customer-panel', CustomerPanel);
