// @ts-check
// The services that one can write to, as links.
import { hashOfService } from '../model/route.js';
import { t } from '../texts/strings.js';
import { element } from './dom.js';
import { icon } from './icons.js';
import { RovingFocus } from './roving-focus.js';

export class ServiceLinks extends HTMLElement {
  #list = element('ul', { role: 'list', class: 'service-links', 'aria-label': t.customerService });
  #roving = new RovingFocus(this.#list, 'a');
  #services;
  #numbers;
  #done = new AbortController();

  /** @param {import('../model/services.js').Services} services @param {() => number[]} [numbers] those to show */
  constructor(services, numbers = () => services.named('')) {
    super();
    this.#services = services;
    this.#numbers = numbers;
  }

  connectedCallback() {
    this.append(this.#list);
    this.#done = new AbortController();
    this.#services.addEventListener('change', () => this.show(), { signal: this.#done.signal });
    this.show();
  }

  disconnectedCallback() {
    this.#done.abort();
  }

  /** Shows those that are to be shown now, and says how many they are. */
  show() {
    const numbers = this.#numbers();
    this.#list.replaceChildren(...numbers.map(number =>
      element('li', {}, element('a', { href: hashOfService(number), tabindex: -1 }, icon('agent'), element('bdi', {}, this.#services.name(number))))));
    this.#roving.rest(this.#list.querySelector('a'));
    return numbers.length;
  }
}

customElements.define('service-links', ServiceLinks);
