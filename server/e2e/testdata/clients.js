// Drives stock libraries as their documentation says: MQTT.js (MQTT 5), Paho
// (MQTT 3.1.1) and protobuf.js with chat.proto as it stands. Everything that
// the server sends is kept, for the test to wait for.

protobuf.util.Long = Long;
protobuf.configure();
const { root } = protobuf.parse(await (await fetch('/e2e/chat.proto')).text(), { keepCase: true });
const Message = root.lookupType('parley.Message');

/** @param {string} receiver decimal */
const encode = (receiver, content, ref) => Message.encode(Message.fromObject({
  message_id: 0, sender_id: 0, content, create_time: Date.now(), receiver_id: receiver, client_ref: ref,
})).finish();

const decode = payload => Message.toObject(Message.decode(payload), { longs: String, bytes: String });

const messagesOf = user => `chat/${user}/down/message`;

const clients = {
  /** MQTT 5 by MQTT.js. */
  async mqtt(user, token) {
    const arrived = [], acknowledged = [];
    const client = mqtt.connect(`ws://${location.host}/mqtt`, {
      protocolVersion: 5, clean: true, reconnectPeriod: 0, clientId: `${user}-mqttjs`, username: user, password: token,
    });
    client.on('message', (topic, payload) => arrived.push({ topic, message: decode(payload) }));
    client.on('packetreceive', packet => {
      if (packet.cmd === 'puback') acknowledged.push({ reason: packet.reasonCode, text: packet.properties?.reasonString ?? '', properties: { ...packet.properties?.userProperties } });
    });
    await new Promise((resolve, reject) => client.once('connect', resolve).once('error', reject).once('close', () => reject(Error('closed'))));
    await client.subscribeAsync(messagesOf(user), { qos: 0 });
    return {
      arrived, acknowledged,
      send: async (receiver, content, ref) => {
        // Rejects for a refusal, which the acknowledgement tells as well.
        await client.publishAsync(`chat/${user}/up/message`, encode(receiver, content, ref), {
          qos: 1, properties: { contentType: 'application/x-protobuf', correlationData: ref },
        }).catch(() => {});
      },
      end: () => client.endAsync(),
    };
  },

  /** MQTT 3.1.1 by Paho: no properties, so nothing but the payload. */
  async paho(user, token) {
    const arrived = [], acknowledged = [];
    const client = new Paho.Client(location.hostname, Number(location.port), '/mqtt', `${user}-paho`);
    client.onMessageArrived = ({ destinationName, payloadBytes }) => arrived.push({ topic: destinationName, message: decode(payloadBytes) });
    client.onMessageDelivered = () => acknowledged.push({ reason: 0, text: '', properties: {} });
    await new Promise((resolve, reject) => client.connect({
      mqttVersion: 4, mqttVersionExplicit: true, cleanSession: true, userName: user, password: token, useSSL: false,
      onSuccess: resolve, onFailure: ({ errorMessage }) => reject(Error(errorMessage)),
    }));
    await new Promise((resolve, reject) => client.subscribe(messagesOf(user), { qos: 0, onSuccess: resolve, onFailure: reject }));
    return {
      arrived, acknowledged,
      send: async (receiver, content, ref) => {
        const message = new Paho.Message(encode(receiver, content, ref));
        message.destinationName = `chat/${user}/up/message`;
        message.qos = 1;
        client.send(message);
      },
      end: async () => client.disconnect(),
    };
  },
};

const open = {};

/** What the test calls. */
globalThis.e2e = {
  connect: async (library, user, token) => {
    open[library] = await clients[library](user, token);
    return true;
  },
  send: async (library, receiver, content) => {
    await open[library].send(receiver, content, crypto.getRandomValues(new Uint8Array(16)));
    return true;
  },
  seen: library => ({ arrived: open[library].arrived, acknowledged: open[library].acknowledged }),
  end: async library => {
    await open[library].end();
    return true;
  },
};
