// Receives messages over MQTT 5, puts them in order and keeps them in IndexedDB, as one writes it with the libraries that
// most use for each of that: MQTT.js, protobuf.js and idb. There is nothing else on the page.

protobuf.util.Long = Long;
protobuf.configure();
const { root } = protobuf.parse(await (await fetch('/e2e/chat.proto')).text(), { keepCase: true });
const Message = root.lookupType('parley.Message');

/** @typedef {{ conversation: string, seq: Long, payload: Uint8Array }} Received */

/** A number of 64 bits as a key, which sorts as the number does. @param {Long} n */
const keyOf = n => new Uint8Array(n.toBytesBE());

const frame = () => new Promise(resolve => setTimeout(resolve, 16));

/** A record for each, as it came: to clone an object with exact Longs takes longer. */
const single = () => (store, received) => received.map(({ conversation, seq, payload }) => store.put(payload, [conversation, keyOf(seq)]));

/** The ways to keep messages: each returns what puts some, in order, into an object store. */
const ways = {
  single,

  /** In a transaction each, as idb's own put does it. */
  alone: single,

  /** A record for 64 at a time, as they came. The one that is not full yet is in memory, and written again. */
  packed: () => {
    /** @type {Map<string, { key: any[], bodies: Uint8Array[] }>} by conversation */
    const newest = new Map();
    return (store, received) => {
      const changed = new Set();
      for (const { conversation, seq, payload } of received) {
        let page = newest.get(conversation);
        if (!page || (seq.low & 63) === 0) newest.set(conversation, page = { key: [conversation, keyOf(seq.shiftRightUnsigned(6))], bodies: [] });
        page.bodies.push(payload);
        changed.add(page);
      }
      return [...changed].map(({ key, bodies }) => store.put(packed(bodies), key));
    };
  },
};

/** @param {Uint8Array[]} bodies each comes after its length, four bytes */
function packed(bodies) {
  const bytes = new Uint8Array(bodies.reduce((size, body) => size + 4 + body.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const body of bodies) {
    view.setUint32(at, body.length);
    bytes.set(body, at + 4);
    at += 4 + body.length;
  }
  return bytes;
}

/** @param {Uint8Array} bytes what packed made @returns {number} of how many */
function countPacked(bytes) {
  const view = new DataView(bytes.buffer);
  let n = 0;
  for (let at = 0; at < bytes.length; at += 4 + view.getUint32(at)) n++;
  return n;
}

/** What the benchmark calls. */
globalThis.stock = {
  /** Receives from now on. @param {keyof typeof ways} way @param {string} user @param {string} token */
  receive: async (way, user, token) => {
    const db = globalThis.stock.db = await idb.openDB('stock', 1, { upgrade: db => { db.createObjectStore('messages'); } });
    const put = ways[way]();
    /** @type {Received[]} in order */
    let waiting = [];
    let writing = false;
    // What comes within a frame, or while a transaction is under way, goes into one transaction: more of them take longer.
    const write = async () => {
      for (; waiting.length; await frame()) {
        const received = waiting;
        waiting = [];
        const size = way === 'alone' ? 1 : received.length;
        const ends = [];
        for (let i = 0; i < received.length; i += size) {
          const { store, done } = db.transaction('messages', 'readwrite', { durability: 'relaxed' });
          ends.push(...put(store, received.slice(i, i + size)), done);
        }
        await Promise.all(ends);
      }
      writing = false;
    };
    /** @type {Map<string, { next: Long, early: Map<string, Received> }>} by conversation */
    const orders = new Map();
    const arrived = (/** @type {Uint8Array} */ packet) => {
      const { sender_id, seq } = Message.decode(packet); // Longs, which are exact
      // A copy: what comes is a view of all that came with it (so is a Buffer's slice), and would be stored with all of that.
      const payload = new Uint8Array(packet);
      const received = { conversation: sender_id.toString(), seq, payload };
      let order = orders.get(received.conversation);
      if (!order) orders.set(received.conversation, order = { next: Long.UONE, early: new Map() });
      if (!received.seq.equals(order.next)) {
        if (received.seq.greaterThan(order.next)) order.early.set(received.seq.toString(), received);
        return;
      }
      for (let it = received; it;) {
        waiting.push(it);
        order.next = order.next.add(1);
        if (order.early.size === 0) break;
        const key = order.next.toString();
        it = order.early.get(key);
        order.early.delete(key);
      }
      if (!writing) frame().then(write);
      writing = true;
    };
    const client = mqtt.connect(`ws://${location.host}/mqtt`, {
      protocolVersion: 5, clean: true, reconnectPeriod: 0, clientId: `${user}-${way}`, username: user, password: token,
    });
    client.on('message', (topic, payload) => arrived(payload));
    await new Promise((resolve, reject) => client.once('connect', resolve).once('error', reject).once('close', () => reject(Error('closed'))));
    await client.subscribeAsync(`chat/${user}/down/message`, { qos: 0 });
    return true;
  },

  /** How many messages of a sender are stored. @param {keyof typeof ways} way @param {string} sender */
  count: async (way, sender) => {
    const range = IDBKeyRange.bound([sender], [sender, []]);
    const { db } = globalThis.stock;
    if (way !== 'packed') return db.count('messages', range);
    return (await db.getAll('messages', range)).reduce((n, bytes) => n + countPacked(bytes), 0);
  },
};
