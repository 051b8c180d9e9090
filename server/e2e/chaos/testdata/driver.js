// @ts-check
// Runs in each document before the page's own scripts, and gives the test
// `chaos`: what a person does on the page and sees of it, by the public API.
// The test makes `chaosTold`, a function that takes a string, beforehand.
(() => {
  if (!/^https?:$/.test(location.protocol)) return; // the browser's own page about an error

  const told = (/** @type {any} */ news) => /** @type {any} */ (globalThis).chaosTold(JSON.stringify(news));
  /** Unconfirmed messages, by ref. @type {Map<string, any>} */
  const pending = new Map();
  /** @type {Promise<any> | undefined} */
  let connecting;
  const parley = () => (connecting ??= start());

  async function start() {
    const { connect } = await import(/** @type {any} */ ('/parley.js'));
    const { token } = JSON.parse(localStorage.getItem('parley.session') ?? '{}');
    const api = await connect({ token });
    api.addEventListener('messages', ({ detail }) => detail.messages.forEach(note));
    api.addEventListener('reset', () => void readPending(api).catch(() => {})); // who waits sees that nothing changes
    await readPending(api);
    return api;
  }

  async function readPending(/** @type {any} */ api) {
    pending.clear();
    for (const { key } of await api.conversations()) {
      const { messages } = await api.history(key, { limit: 1 });
      messages.forEach(note);
    }
  }

  function note(/** @type {any} */ message) {
    if (message.state === 'pending') pending.set(message.ref, message);
    else pending.delete(message.ref);
  }

  /** What assistive technology reads of the connection. */
  const shown = () => /** @type {HTMLElement | null} */ (document.querySelector('[role=status][data-connection]'))?.dataset.connection;

  async function until(/** @type {() => any} */ holds) {
    while (!holds()) await new Promise(resolve => setTimeout(resolve, 50));
  }

  /** Asks the engine until it answers: a call that a dying one leaves open is rejected, as the API says. */
  async function answered(/** @type {() => Promise<any>} */ ask) {
    for (;;) {
      try {
        return await ask();
      } catch {
        await new Promise(resolve => setTimeout(resolve, 50));
      }
    }
  }

  /** The oldest unconfirmed message of each conversation. */
  function oldest() {
    /** @type {Map<string, any>} */
    const first = new Map();
    for (const m of pending.values()) {
      if (!first.has(m.key) || m.number < first.get(m.key).number) first.set(m.key, m);
    }
    return [...first.values()].map(m => m.ref);
  }

  const rows = () => [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[role=log] [data-seq]'))];

  Object.assign(globalThis, { chaos: {
    /** Resolves once the page is painted and the engine answers. */
    async up() {
      await parley();
      await until(shown);
      return true;
    },

    /** Sends in this order; resolves when the fate of each is known, and tells of each at once. */
    async send(/** @type {string} */ key, /** @type {string[]} */ contents) {
      const api = await parley();
      await Promise.all(contents.map((content, i) => api.send(key, content).then(
        () => told({ stood: content }),
        cause => told({ declined: content, code: cause.code, reason: cause.message }),
      )));
      return true;
    },

    /** Edits or takes back one of the newest own messages of a conversation. What is taken back is told before. */
    async revise(/** @type {string} */ key, /** @type {number} */ nth, /** @type {boolean} */ recalls) {
      const api = await parley();
      const { messages } = await api.history(key, { limit: 30 });
      const own = messages.filter((/** @type {any} */ m) => m.mine && m.type === 'text' && m.seq);
      const message = own[nth % own.length];
      if (!message) return false;
      if (recalls) told({ recalled: message.content });
      await (recalls ? api.recall(message) : api.edit(message, `edited ${message.content}`));
      return true;
    },

    /** Puts the cursor into the empty composer. */
    focus() {
      const box = /** @type {HTMLTextAreaElement | null} */ (document.querySelector('textarea[aria-label=Message]'));
      if (!box) throw new Error('there is no composer');
      box.value = '';
      box.dispatchEvent(new InputEvent('input', { bubbles: true }));
      box.focus();
      return true;
    },

    /** Tells when a typed message stands in the list. */
    async stands(/** @type {string} */ content) {
      await until(() => rows().some(row => row.textContent?.includes(content)));
      told({ stood: content });
      return true;
    },

    /**
     * Resolves once the page shows that it is live and what was the oldest
     * unconfirmed message is confirmed. Somebody impatient presses "Try now"
     * every second until then.
     */
    async recovered(/** @type {boolean} */ impatient) {
      const api = await parley();
      const awaited = oldest();
      const presses = impatient && setInterval(() => api.connection.state === 'live' || api.tryNow(), 1000);
      try {
        await until(() => shown() === 'live' && api.connection.state === 'live');
        await answered(() => api.conversations());
        await until(() => !awaited.some(ref => pending.has(ref)));
        return true;
      } finally {
        clearInterval(presses || undefined);
      }
    },

    /** From now on tries again at once whenever it is not connected, as somebody in a hurry does. */
    async hurry() {
      const api = await parley();
      setInterval(() => api.connection.state === 'live' || api.tryNow(), 20);
      return true;
    },

    /** Asks whether the connection still is one. */
    async wake() {
      (await parley()).tryNow();
      return true;
    },

    /** Resolves once the connection is known to be lost. */
    async offline() {
      const api = await parley();
      await until(() => api.connection.state !== 'live');
      return true;
    },

    /** Resolves once nothing waits to be sent. */
    async settled() {
      const api = await parley();
      await until(() => shown() === 'live' && api.connection.state === 'live' && pending.size === 0);
      await answered(() => readPending(api));
      return pending.size === 0;
    },

    /** The newest seq that the engine knows of. */
    async head(/** @type {string} */ key) {
      const conversations = await (await parley()).conversations();
      return String(conversations.find((/** @type {any} */ c) => c.key === key)?.head ?? 0n);
    },

    /** What a test that waits in vain has to say. */
    async state() {
      const api = await parley();
      const waiting = [...pending.values()].map(m => `${m.content.slice(0, 12)} (${m.key}, number ${m.number})`);
      await readPending(api);
      return `shown ${shown()}, connection ${JSON.stringify(api.connection)}, waiting ${waiting.join(', ') || 'nothing'}, ` +
        `in the engine ${[...pending.values()].map(m => m.content.slice(0, 12)).join(', ') || 'nothing'}`;
    },

    /** A page of a conversation, as the engine gives it. */
    async history(/** @type {string} */ key, /** @type {string} */ before) {
      const api = await parley();
      const { messages, more, incomplete } = await api.history(key, { before: BigInt(before), limit: 500 });
      return {
        More: more, Incomplete: incomplete,
        Messages: messages.map((/** @type {any} */ m) => ({
          Seq: String(m.seq), ID: String(m.id), Sender: String(m.sender), Content: m.content, State: m.state, Gap: m.gap,
        })),
      };
    },

    /** Goes to the newest message, as who came back to where they had read does; resolves with whether it is that one. */
    async toNewest(/** @type {string} */ seq) {
      /** @type {HTMLElement | null} */ (document.querySelector('message-list .down:not([hidden])'))?.click();
      for (const end = Date.now() + 20_000; rows().at(-1)?.dataset.seq !== seq; await new Promise(resolve => setTimeout(resolve, 20))) {
        if (Date.now() > end) return false;
      }
      return true;
    },

    /** What the list on the screen says, in its order. */
    screen: () => rows().map(row => ({ Seq: row.dataset.seq, ID: row.dataset.messageId, State: row.dataset.state, Text: row.textContent })),
  } });
})();
