// @ts-check
// The messages that were given to the engine and are not answered yet. An engine
// that ends may have stored some of them, and nobody can tell which: so the next
// one is given them again, in order and with the same refs, by which it and the
// server know what they have.
import { ParleyError } from './http.js';

/** How many engines are given a message: one that ends each time may be what ends them. */
const mostEngines = 3;
/** How long after its engine ended a message waits for the answer of another, in milliseconds. */
const longest = 60_000;

const unknown = () => new ParleyError("Parley's engine ended while it was to take this message. It may have been sent: look before you send it again.", 0, { reasonCode: 'send-unknown' });
const notTaken = () => new ParleyError("Parley's engine does not answer: this message was not sent.", 0, { reasonCode: 'send-not-taken' });

/** @typedef {Parameters<import('../bridge.d.ts').Commands['send']>[0]} SendFields */
/** @typedef {import('../parley.d.ts').Message} Message */

/**
 * @typedef {object} Send
 * @property {Omit<SendFields, 'repeat'>} fields
 * @property {Message | undefined} message as the engine told of it last
 * @property {(message: Message) => void} resolve
 * @property {(cause: Error) => void} reject
 * @property {number} engines how many were given it
 * @property {number} turn the last in which it was given to one
 * @property {ReturnType<typeof setTimeout> | undefined} timer
 */

export class PendingSends {
  /** In the order in which they were made. @type {Send[]} */
  #open = [];
  /** Rises with every engine that begins or ends: an answer counts only in its turn. */
  #turn = 0;
  /** The engine has answered all that engines before it left open. */
  #ready = false;
  /** @type {Error | null} */
  #ended = null;
  #post;

  /** @param {(fields: SendFields) => Promise<null>} post gives the engine a message, at once; the answer, before which the engine tells of it, settles it */
  constructor(post) {
    this.#post = post;
  }

  /** Sends a message. @param {Omit<SendFields, 'repeat'>} fields @returns {Promise<Message>} */
  add(fields) {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended);
      /** @type {Send} */
      const send = { fields, message: undefined, resolve, reject, engines: 0, turn: 0, timer: undefined };
      this.#open.push(send);
      if (this.#ready) this.#give(send);
      else this.#limit(send);
    });
  }

  /** The engine tells of messages, of which some may be these. @param {Message[]} messages */
  take(messages) {
    for (const send of this.#open) {
      const own = String(send.fields.ref).toLowerCase(); // it is the application's; the engine's digits are lower case
      send.message = messages.findLast(({ mine, ref }) => mine && ref === own) ?? send.message;
    }
  }

  /** An engine is there. Resolves once it has answered what others left open. */
  async begin() {
    const turn = ++this.#turn;
    for (let send; (send = this.#open.find(open => open.turn !== turn));) {
      await this.#give(send); // one by one, or they would change places
      if (turn !== this.#turn) return;
    }
    this.#ready = true;
  }

  /** The engine is gone, and what it has not answered it never will. */
  interrupt() {
    this.#turn++;
    this.#ready = false;
    for (const send of [...this.#open]) {
      if (send.engines >= mostEngines) this.#fail(send);
      else this.#limit(send);
    }
  }

  /** There will be no engine any more. @param {Error} cause */
  end(cause) {
    this.#turn++;
    this.#ended = cause;
    for (const send of [...this.#open]) this.#settle(send).reject(cause);
  }

  /** @param {Send} send */
  async #give(send) {
    const turn = send.turn = this.#turn;
    send.engines++;
    try {
      await this.#post({ ...send.fields, repeat: send.engines > 1 });
      if (turn === this.#turn) this.#settle(send).resolve(/** @type {Message} */ (send.message)); // it was told of before
    } catch (cause) {
      if (turn === this.#turn) this.#settle(send).reject(/** @type {Error} */ (cause));
    }
  }

  /** @param {Send} send */
  #limit(send) {
    send.timer ??= setTimeout(() => this.#fail(send), longest);
  }

  /** @param {Send} send */
  #fail(send) {
    this.#settle(send).reject(send.engines ? unknown() : notTaken());
  }

  /** @param {Send} send */
  #settle(send) {
    clearTimeout(send.timer);
    this.#open = this.#open.filter(open => open !== send);
    return send;
  }
}

/** A client_ref, as hex digits. */
export function newRef() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('');
}
