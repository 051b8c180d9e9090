// @ts-check
// Narrows a search of messages: what they carry, who wrote them, and from which day to which.
import { t } from '../texts/strings.js';
import { beginOf } from './day-dialog.js';
import { element } from './dom.js';

/** @typedef {{ kind?: 'picture' | 'file' | 'link', sender: bigint, from: number, to: number }} Filters */

const kinds = /** @type {const} */ (['picture', 'file', 'link']);

/** Fires "change". */
export class SearchFilters extends HTMLElement {
  #kind = element('select', {}, element('option', { value: '' }, t.anyKind), ...kinds.map(kind => element('option', { value: kind }, t.foundKinds[kind])));
  #sender = element('select', {}, element('option', { value: '' }, t.anybody));
  #from = element('input', { type: 'date' });
  #to = element('input', { type: 'date' });

  connectedCallback() {
    if (this.firstChild) return;
    this.setAttribute('role', 'group');
    this.setAttribute('aria-label', t.filterMessages);
    const fields = /** @type {const} */ ([[t.writtenBy, this.#sender], [t.carries, this.#kind], [t.fromDay, this.#from], [t.toDay, this.#to]]);
    this.append(...fields.map(([name, field]) => element('label', {}, element('span', {}, name), field)));
    // Of a select and of a date alike; each tells of itself no further.
    this.addEventListener('change', event => {
      if (event.target === this) return;
      event.stopPropagation();
      this.dispatchEvent(new Event('change'));
    });
  }

  /** @returns {Filters} */
  get value() {
    return {
      kind: kinds.find(kind => kind === this.#kind.value), sender: BigInt(this.#sender.value || 0),
      from: this.#from.value ? beginOf(this.#from.value) : 0, to: this.#to.value ? beginOf(this.#to.value, 1) - 1 : 0,
    };
  }

  /** Whether any is chosen. */
  get chosen() {
    return [this.#kind, this.#sender, this.#from, this.#to].some(({ value }) => value !== '');
  }

  clear() {
    for (const field of [this.#kind, this.#sender, this.#from, this.#to]) field.value = '';
  }

  /** Who can be chosen as the one who wrote; whoever is chosen stays. @param {Map<bigint, string>} people names by id */
  offer(people) {
    const { value } = this.#sender;
    const chosen = [...this.#sender.options].find(option => option.value === value);
    const options = [...people].map(([id, name]) => (String(id) === value && chosen ? chosen : element('option', { value: String(id) }, name)));
    if (value && chosen && !options.includes(chosen)) options.unshift(chosen);
    this.#sender.replaceChildren(/** @type {Element} */ (this.#sender.firstElementChild), ...options);
    this.#sender.value = value;
  }
}

customElements.define('search-filters', SearchFilters);
