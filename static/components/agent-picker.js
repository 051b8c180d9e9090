// @ts-check
// Chooses the agent that a conversation is handed over to.
import { isolated } from '../texts/foreign-text.js';
import { inOrder, reasonOf, userName } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { avatar } from './avatar.js';
import { askToConfirm } from './confirm-dialog.js';
import { element, isInputMethods, spoken, text } from './dom.js';
import { RovingFocus } from './roving-focus.js';

const pause = 200; // ms without typing before the server is asked

/**
 * Asks which agent; resolves with one, or with null.
 * @param {Element} place where the dialog lives
 * @param {import('../parley.js').Parley} parley
 * @param {number} service whose agents
 * @returns {Promise<import('../parley.js').Person | null>}
 */
export function askForAgent(place, parley, service) {
  const picker = new AgentPicker(parley, service);
  place.append(picker.dialog);
  picker.dialog.showModal();
  return picker.choice;
}

class AgentPicker {
  #parley;
  #service;
  #input = element('input', {
    type: 'search', 'aria-label': t.findAgent, placeholder: t.findAgent, autocomplete: 'off', spellcheck: 'false',
    dir: 'auto', maxlength: 64, autofocus: true, oninput: () => this.#later(), onkeydown: event => this.#key(event),
  });
  #note = element('p', { class: 'note', 'aria-live': 'polite' });
  #list = element('ul', { role: 'list', 'aria-label': t.findAgent, hidden: true });
  #roving = new RovingFocus(this.#list, 'button');
  #asked = 0;
  #timer = 0;
  /** What the agents shown were found for; null while there is no answer. @type {string | null} */
  #answered = null;
  /** @type {import('../parley.js').Person | null} */
  #chosen = null;
  dialog = element('dialog', { class: 'ask', 'aria-labelledby': 'agent-picker' },
    element('form', { method: 'dialog', onsubmit: event => this.#submit(event) },
      element('h2', { id: 'agent-picker' }, t.acts['hand-over']),
      element('div', { class: 'field' }, this.#input), this.#note, this.#list,
      element('div', { class: 'choices' }, element('button', { class: 'button', type: 'button', onclick: () => this.dialog.close() }, t.cancel))));
  choice;

  /** @param {import('../parley.js').Parley} parley @param {number} service */
  constructor(parley, service) {
    this.#parley = parley;
    this.#service = service;
    this.choice = new Promise(resolve => this.dialog.addEventListener('close', () => {
      clearTimeout(this.#timer);
      this.dialog.remove();
      resolve(this.#chosen);
    }));
    this.#ask();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), pause);
  }

  async #ask() {
    const asked = ++this.#asked;
    const query = this.#input.value.trim();
    text(this.#note, t.searching);
    try {
      const found = inOrder(await this.#parley.users(query, { service: this.#service }), query);
      const agents = found.toSorted((a, b) => Number(a.away ?? false) - Number(b.away ?? false));
      if (asked !== this.#asked) return;
      this.#answered = query;
      this.#show(agents, agents.length ? '' : query ? t.noAgentFound : t.noAgents);
    } catch (error) {
      if (asked === this.#asked) this.#show([], t.searchFailed(reasonOf(error, t.unknownError)));
    }
  }

  /** @param {import('../parley.js').Person[]} agents @param {string} note */
  #show(agents, note) {
    text(this.#note, note);
    this.#list.hidden = agents.length === 0;
    this.#list.replaceChildren(...agents.map(agent => {
      const name = userName(agent.name, agent.id);
      return element('li', {}, element('button', {
        class: 'entry', type: 'button', tabindex: -1, 'aria-description': String(agent.id), onclick: () => this.#choose(agent),
      }, spoken(agent.away ? t.handOverToAway(isolated(name)) : t.handOverTo(isolated(name))), avatar(name, agent.id), element('span', { class: 'entry-name', dir: 'auto', 'aria-hidden': 'true' }, name),
        element('span', { class: 'entry-preview', 'aria-hidden': 'true' }, agent.away ? `${t.away} · ${agent.id}` : String(agent.id))));
    }));
    this.#roving.rest(this.#list.querySelector('button'));
  }

  /** Enter in the search chooses the only one found for what stands there. @param {SubmitEvent} event */
  #submit(event) {
    event.preventDefault();
    if (this.#answered === this.#input.value.trim() && this.#list.childElementCount === 1) this.#list.querySelector('button')?.click();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== 'ArrowDown' || isInputMethods(event)) return;
    this.#list.querySelector('button')?.focus();
    event.preventDefault();
  }

  /** @param {import('../parley.js').Person} agent */
  async #choose(agent) {
    const name = isolated(userName(agent.name, agent.id));
    if (agent.away && !await askToConfirm(this.dialog, { title: t.agentIsAway(name), yes: t.handOverAnyway })) return;
    this.#chosen = agent;
    this.dialog.close();
  }
}
