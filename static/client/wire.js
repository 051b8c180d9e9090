// @ts-check
// The format in which pages and the program exchange values; wasm/bridge/wire.go
// is the other end and says what the bytes mean. A BigInt is a uint64 on the
// way, a Number a float64: neither becomes the other.

const Tag = /** @type {const} */ ({
  nil: 0, false: 1, true: 2, float: 3, uint: 4, string: 5, bytes: 6, array: 7, object: 8,
});
const maxDepth = 16;
const maxUint = 2n ** 64n - 1n;

/** @typedef {null | boolean | number | bigint | string | Uint8Array | any[] | { [name: string]: any }} Value */

const utf8 = new TextEncoder();
// A leading U+FEFF is content like any other: without ignoreBOM it would be eaten.
const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Packs a value. Throws a TypeError for what has no place in the format, a
 * RangeError for a BigInt that is not a uint64.
 * @param {Value | undefined} value
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function encode(value) {
  const writer = new Writer();
  writer.value(value, 0);
  return writer.bytes();
}

class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  /** Shapes that this message defined: their names, joined, and their numbers. @type {Map<string, number>} */
  #shapes = new Map();

  bytes() {
    return this.#bytes.slice(0, this.#length);
  }

  /** @param {Value | undefined} value @param {number} depth */
  value(value, depth) {
    if (depth > maxDepth) throw new TypeError('nested too deeply');
    switch (typeof value) {
      case 'undefined': return this.#byte(Tag.nil);
      case 'boolean': return this.#byte(value ? Tag.true : Tag.false);
      case 'number': {
        this.#byte(Tag.float);
        const at = this.#grow(8); // before the view is taken: it may be replaced
        return this.#view.setFloat64(at, value, true);
      }
      case 'bigint': {
        if (value < 0n || value > maxUint) throw new RangeError(`${value} is not between 0 and 2^64-1`);
        this.#byte(Tag.uint);
        const at = this.#grow(8);
        return this.#view.setBigUint64(at, value, true);
      }
      case 'string':
        this.#byte(Tag.string);
        return this.#block(utf8.encode(value));
      case 'object': return this.#object(value, depth);
    }
    throw new TypeError(`a ${typeof value} cannot be sent`);
  }

  /** @param {any} value @param {number} depth */
  #object(value, depth) {
    if (value === null) return this.#byte(Tag.nil);
    if (value instanceof Uint8Array) {
      this.#byte(Tag.bytes);
      return this.#block(value);
    }
    if (Array.isArray(value)) {
      this.#byte(Tag.array);
      this.#count(value.length);
      for (const item of value) this.value(item, depth + 1);
      return;
    }
    this.#byte(Tag.object);
    const names = Object.keys(value);
    this.#shape(names);
    for (const name of names) this.value(value[name], depth + 1);
  }

  /** @param {string[]} names */
  #shape(names) {
    const joined = JSON.stringify(names);
    const known = this.#shapes.get(joined);
    if (known !== undefined) return this.#count(known);
    this.#count(this.#shapes.size);
    this.#shapes.set(joined, this.#shapes.size);
    this.#count(names.length);
    for (const name of names) this.#block(utf8.encode(name));
  }

  /** @param {Uint8Array} bytes */
  #block(bytes) {
    this.#count(bytes.length);
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** A uvarint. @param {number} n */
  #count(n) {
    for (; n >= 0x80; n = Math.floor(n / 0x80)) this.#byte(n % 0x80 | 0x80);
    this.#byte(n);
  }

  /** @param {number} b */
  #byte(b) {
    const at = this.#grow(1);
    this.#bytes[at] = b;
  }

  /** Makes room for n bytes and returns where they begin. @param {number} n */
  #grow(n) {
    const at = this.#length;
    this.#length += n;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

/**
 * Unpacks a message. Throws a RangeError if the bytes are not one.
 * @param {Uint8Array} bytes
 * @returns {Value}
 */
export function decode(bytes) {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (!reader.ended) throw new RangeError('bytes after the value');
  return value;
}

class Reader {
  #bytes;
  #view;
  #at = 0;
  /** @type {string[][]} */
  #shapes = [];

  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get ended() {
    return this.#at === this.#bytes.length;
  }

  /** @param {number} depth @returns {Value} */
  value(depth) {
    if (depth > maxDepth) throw new RangeError('nested too deeply');
    const tag = this.#bytes[this.#skip(1)];
    switch (tag) {
      case Tag.nil: return null;
      case Tag.false: return false;
      case Tag.true: return true;
      case Tag.float: return this.#view.getFloat64(this.#skip(8), true);
      case Tag.uint: return this.#view.getBigUint64(this.#skip(8), true);
      case Tag.string: return this.#string();
      case Tag.bytes: return this.#block().slice();
      case Tag.array: return this.#array(depth);
      case Tag.object: return this.#object(depth);
    }
    throw new RangeError(`unknown tag ${tag}`);
  }

  /** @param {number} depth */
  #array(depth) {
    const count = this.#count();
    const values = [];
    for (let i = 0; i < count; i++) values.push(this.value(depth + 1));
    return values;
  }

  /** @param {number} depth */
  #object(depth) {
    const names = this.#shape();
    /** @type {{ [name: string]: any }} */
    const object = {};
    for (const name of names) object[name] = this.value(depth + 1);
    return object;
  }

  #shape() {
    const number = this.#uvarint();
    if (number < this.#shapes.length) return this.#shapes[number];
    if (number > this.#shapes.length) throw new RangeError('undefined shape');
    const count = this.#count();
    /** @type {string[]} */
    const names = [];
    for (let i = 0; i < count; i++) {
      const name = this.#string();
      // An assignment to __proto__ would replace the object's prototype.
      if (name === '__proto__' || names.includes(name)) throw new RangeError(`field ${name}`);
      names.push(name);
    }
    this.#shapes.push(names);
    return names;
  }

  #string() {
    const bytes = this.#block();
    // Keys, refs and states are short ASCII, for which the decoder's call costs more than the work.
    if (bytes.length > 48) return decodeText(bytes);
    let string = '';
    for (const b of bytes) {
      if (b >= 0x80) return decodeText(bytes);
      string += String.fromCharCode(b);
    }
    return string;
  }

  #block() {
    const length = this.#count();
    const at = this.#skip(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** A length or count; whatever it counts takes at least one byte each. */
  #count() {
    const n = this.#uvarint();
    if (n > this.#bytes.length - this.#at) throw new RangeError('the message ends early');
    return n;
  }

  #uvarint() {
    let n = 0;
    for (let factor = 1; factor < 2 ** 49; factor *= 0x80) {
      const b = this.#bytes[this.#skip(1)];
      n += (b & 0x7f) * factor;
      if (b < 0x80) return n;
    }
    throw new RangeError('a number is too large');
  }

  /** Moves on by n bytes and returns where they begin. @param {number} n */
  #skip(n) {
    const at = this.#at;
    if (n > this.#bytes.length - at) throw new RangeError('the message ends early');
    this.#at += n;
    return at;
  }
}

/** @param {Uint8Array} bytes */
function decodeText(bytes) {
  try {
    return text.decode(bytes);
  } catch {
    throw new RangeError('a string is not valid UTF-8');
  }
}
