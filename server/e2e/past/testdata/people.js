() => {
  const ada = 9007199254740993n;
  /** Does something that not all versions can. */
  const perhaps = async what => {
    try {
      return await what();
    } catch (error) {
      console.warn(String(error));
      return null;
    }
  };
  const until = async (what, holds) => {
    for (const end = Date.now() + 60_000; Date.now() < end; await new Promise(resolve => setTimeout(resolve, 50)))
      if (await holds()) return;
    throw new Error('waited in vain for ' + what);
  };
  const plain = value => JSON.parse(JSON.stringify(value, (_, x) => typeof x === 'bigint' ? String(x) : x));
  const keyWith = other => other < ada ? `d:${other}:${ada}` : `d:${ada}:${other}`;
  const all = async key => {
    const messages = [];
    for (let before = 0n, more = true; more;) {
      const page = await past.parley.history(key, { before, limit: 40 });
      messages.unshift(...page.messages);
      before = page.messages[0]?.seq ?? 0n;
      more = page.more && before > 1n;
    }
    return messages;
  };
  const find = async (key, content) => (await all(key)).find(m => m.content === content);
  const base64 = bytes => btoa(String.fromCharCode(...new Uint8Array(bytes)));
  const done = request => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

  const past = globalThis.past = {
    parley: null,
    token: '',
    async attach(token) {
      const { connect } = await import('/parley.js');
      past.token = token;
      past.parley = await connect({ token });
      await until('a connection', () => past.parley.connection.state === 'live');
    },

    /** More messages than a page of the store has, in two scripts. */
    async tell(to) {
      for (let i = 1; i < 70; i++) await past.parley.send(BigInt(to), i % 10 ? `Number ${i}` : `第${i}条：今天天气很好`);
      await past.parley.send(BigInt(to), 'to be answered with an emoji');
    },

    async live(bob, carol) {
      const { parley } = past;
      const key = keyWith(BigInt(bob));
      await until('what Bob said', async () => (await parley.history(key, { limit: 1 })).messages.at(-1)?.seq === 70n);
      await all(key);
      for (const content of ['an answer', 'to be edited', 'to be taken back']) await parley.send(BigInt(bob), content, { seen: 70n });
      await parley.send(BigInt(carol), 'hello Carol');
      await until('all to be sent', async () => (await all(key)).filter(m => m.seq).length === 73);
      await parley.markRead(key, 70n);
      await perhaps(async () => parley.edit(await find(key, 'to be edited'), 'edited'));
      await perhaps(async () => parley.recall(await find(key, 'to be taken back')));
      await perhaps(async () => parley.react(await find(key, 'to be answered with an emoji'), '👍'));
      await perhaps(async () => parley.send(`s:${ada}:2`, 'a question to a service'));
      const team = await perhaps(() => parley.createGroup('Team', { members: [BigInt(bob)] }));
      if (team) await parley.send(team, 'hello team', { mentions: [BigInt(bob)] });
      await until('all to be sent', async () => {
        for (const { key } of await parley.conversations()) if ((await all(key)).some(m => m.state === 'pending')) return false;
        return true;
      });
    },

    async block(user) {
      await perhaps(() => past.parley.block(BigInt(user)));
    },

    async refused(carol) {
      if (!past.parley.block) return;
      await past.parley.send(BigInt(carol), 'refused');
      await until('a refusal', async () => (await find(keyWith(BigInt(carol)), 'refused'))?.state === 'refused');
    },

    async offline(bob) {
      const key = keyWith(BigInt(bob));
      await until('no connection', () => past.parley.connection.state !== 'live');
      await past.parley.send(BigInt(bob), 'waits', { seen: 70n });
      await past.parley.send(BigInt(bob), 'waits, to be edited', { seen: 70n });
      // What an earlier run of the engine left may be on its way, so that the edit follows it.
      past.parley.close();
      await new Promise(resolve => setTimeout(resolve, 1000));
      past.parley = await (await import('/parley.js')).connect({ token: past.token });
      await perhaps(async () => past.parley.edit(await find(key, 'waits, to be edited'), 'waits, edited'));
      await perhaps(() => past.parley.send(BigInt(bob), 'with a file', { type: 'file', files: [{ blob: new Blob(['a small file']), name: 'small.txt' }] }));
    },

    /** What is in the database, and what the program shows of it. */
    async database() {
      const shown = {};
      for (const { key } of await past.parley.conversations())
        shown[key] = (await all(key)).map(({ seq, id, content, state }) => plain({ seq, id, content, state }));
      past.parley.close();
      await new Promise(resolve => setTimeout(resolve, 1000));
      const db = await done(indexedDB.open(`parley-${ada}`));
      const stores = {};
      for (const name of db.objectStoreNames) {
        const store = db.transaction(name).objectStore(name);
        const [keys, values] = await Promise.all([done(store.getAllKeys()), done(store.getAll())]);
        stores[name] = keys.map((key, i) => [typeof key === 'string' ? key : { binary: base64(key) }, base64(values[i])]);
      }
      return { version: db.version, user: String(ada), shown, stores };
    },
  };
}
