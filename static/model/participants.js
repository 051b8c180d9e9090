// @ts-check
// With whom a conversation is, and who in it is called what.
import { isolated } from '../texts/foreign-text.js';
import { t } from '../texts/strings.js';
import { speaksOfAnother } from './message-acts.js';

/** @typedef {import('../parley.js').Message} Message */

/** Entries that are a quiet line in the log; all others are shown as messages. */
const lines = new Set(['claim', 'release', 'hand-over', 'resolve', 'reopen', 'no-reply-needed', 'move', 'moved', 'recalled', 'unknown-control',
  'group-create', 'group-join', 'group-leave', 'group-remove', 'group-rename', 'group-role', 'group-picture']);

/** Those of these that customers are shown, too. */
const shownToCustomers = new Set(['resolve', 'move', 'moved', 'recalled', 'unknown-control']);

/** @param {Message} message */
export const isSystemMessage = message => lines.has(message.type);

/** What the conversation's key tells, and the names that go with it. */
export class Participants {
  key;
  me;
  /** The service type, -1 between two users. */
  service;
  /** The other user, 0n in a service conversation and a group. */
  peer;
  /** Whether it is a group's. */
  group;
  /** The customer, 0n between two users. */
  customer;
  /** Whether the user answers for the service, and is not its customer. */
  agent;
  /** Whether this version can show such a conversation at all. */
  known;
  #names;
  #me;
  #services;

  /** @param {string} key @param {bigint} me @param {import('./names.js').Names} names @param {import('./services.js').Services} services */
  constructor(key, me, names, services) {
    const [kind, first, second] = key.split(':');
    const direct = kind === 'd';
    const ofService = kind === 's';
    this.key = key;
    this.me = me;
    this.group = kind === 'g';
    this.known = direct || ofService || this.group;
    this.service = ofService ? Number(second) : -1;
    this.peer = !direct ? 0n : BigInt(first) === me ? BigInt(second) : BigInt(first);
    this.customer = ofService ? BigInt(first) : 0n;
    this.agent = ofService && this.customer !== me;
    this.#names = names;
    this.#me = me;
    this.#services = services;
  }

  /** @param {bigint} id */
  isMe(id) {
    return id === this.#me;
  }

  /** Where nobody is to be pressed for an answer: between two users and in groups. */
  get amongFriends() {
    return this.peer !== 0n || this.group;
  }

  /** The person on the other side, 0n if it is a service. */
  get person() {
    return this.agent ? this.customer : this.peer;
  }

  /** The name of the other side. */
  get name() {
    if (!this.known) return t.unknownKind;
    if (this.group) return this.#names.group(this.key) || t.group;
    return this.person ? this.#names.user(this.person) : this.serviceName;
  }

  get serviceName() {
    return this.#services.name(this.service);
  }

  /** The name of the service that a move names. @param {Message} message */
  otherService({ target }) {
    return this.#services.name(Number(target));
  }

  /** The key of the conversation where it goes on, or where it comes from; '' if nowhere that the user may read. @param {Message} message */
  elsewhere({ type, target }) {
    if (type !== 'move' && type !== 'moved' || this.agent && !this.#services.own.includes(Number(target))) return '';
    return `s:${this.customer}:${target}`;
  }

  /** How the service greets its customer, '' if it does not. */
  get greeting() {
    return this.customer && !this.agent ? this.#services.greeting(this.service) : '';
  }

  /** When the service opens, Unix milliseconds, to its customer; 0 while it is open. */
  get opens() {
    return this.customer && !this.agent ? this.#services.opens(this.service) : 0;
  }

  /** Whether the service takes no messages any more. */
  get gone() {
    return this.service >= 0 && this.#services.gone(this.service);
  }

  /** @param {bigint} id */
  agentName(id) {
    return this.#names.agent(id);
  }

  /** Who wrote it. @param {Message} message */
  authorOf({ mine, agent, sender, senderName }) {
    if (mine) return t.you;
    if (this.group) return this.#member(sender, senderName);
    return agent ? this.agentName(agent) : this.name;
  }

  /** A member's name, as it was when they wrote if no other is known. @param {bigint} id @param {string} name */
  #member(id, name) {
    if (!this.#names.bare(id)) this.#names.set(id, name);
    return this.#names.user(id);
  }

  /** Whom it is about that happened to a group, in words; '' where these are too many. @param {Message} message */
  membersOf({ members, memberNames }) {
    return members.length === memberNames.length ? members.map((id, i) => (id === this.#me ? t.byYou : isolated(this.#member(id, memberNames[i])))) : [];
  }

  /** Who reacted. @param {bigint} user 0n is the service */
  reactorName(user) {
    if (this.isMyVoice(user) && (!this.agent || this.isMe(user))) return t.you;
    if (this.group) return this.#names.user(user);
    if (user === this.customer || user === this.peer) return this.name;
    return user ? this.agentName(user) : this.serviceName;
  }

  /** Whether a reaction is the one that the user's would take the place of: a service has one voice. @param {bigint} user */
  isMyVoice(user) {
    return this.agent ? user !== this.customer : this.isMe(user);
  }

  /** The same for all messages of one author. @param {Message} message */
  authorKey({ mine, agent, sender, type }) {
    if (this.group) return String(sender);
    return `${mine ? 'me' : agent} ${type === 'note'}`;
  }

  /** Written by the user's side of the conversation. @param {Message} message */
  ours({ mine, agent }) {
    return mine || this.agent && agent !== 0n;
  }

  /** Who types; 0n is a service of which nobody may know who. @param {bigint} user */
  typistName(user) {
    if (this.group) return this.#names.user(user);
    return !this.agent || user === this.customer ? this.name : this.agentName(user);
  }

  /**
   * Whether the entry is shown at all: what speaks of another shows there, and a
   * customer sees one voice, and of what agents do among themselves nothing.
   * @param {Message} message
   */
  shows(message) {
    if (speaksOfAnother(message)) return false;
    if (this.service < 0 || this.agent) return true;
    return shownToCustomers.has(message.type) || message.type !== 'note' && !isSystemMessage(message);
  }

  /** Whether it is something to read, and so counts as unread until it was. @param {Message} message */
  counts(message) {
    return !message.mine && (!isSystemMessage(message) || message.type === 'moved') && this.shows(message);
  }
}
