// @ts-check
// Records a voice message, and how loud it is.

/** @typedef {import('../parley.d.ts').NewFile} NewFile */

/** What browsers record that the server knows for a sound, best first. */
const types = ['audio/webm;codecs=opus', 'audio/ogg;codecs=opus', 'audio/mp4'];
const sampleEvery = 50; // ms
const bars = 64; // of the waveform
const bitsPerSecond = 32_000;
/** How long a message may be, in milliseconds. */
export const longestVoice = 15 * 60_000;

/** Whether this browser can record at all. */
export const canRecord = 'MediaRecorder' in globalThis && navigator.mediaDevices !== undefined && types.some(type => MediaRecorder.isTypeSupported(type));

/** One recording. Fires "level" with how loud it is, of 1, and "ended" if the microphone is taken away or it gets too long. */
export class VoiceRecorder extends EventTarget {
  #stream;
  #recorder;
  #audio = new AudioContext();
  /** @type {Blob[]} */
  #parts = [];
  /** @type {number[]} */
  #levels = [];
  #began = performance.now();
  #timer;
  /** @type {Promise<unknown>} */
  #stopped;

  /** Asks for the microphone; rejects if the person, or the browser, refuses it. */
  static async begin() {
    return new VoiceRecorder(await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } }));
  }

  /** @param {MediaStream} stream */
  constructor(stream) {
    super();
    this.#stream = stream;
    const mimeType = types.find(type => MediaRecorder.isTypeSupported(type));
    this.#recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: bitsPerSecond });
    this.#recorder.ondataavailable = ({ data }) => this.#parts.push(data);
    this.#stopped = new Promise(resolve => { this.#recorder.onstop = resolve; });
    this.#recorder.start();
    const analyser = this.#audio.createAnalyser();
    this.#audio.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const level = Math.min(1, Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length) * 4);
      this.#levels.push(level);
      this.dispatchEvent(new CustomEvent('level', { detail: level }));
      if (this.duration > longestVoice || this.#recorder.state === 'inactive') this.dispatchEvent(new Event('ended'));
    }, sampleEvery);
  }

  /** Milliseconds so far. */
  get duration() {
    return performance.now() - this.#began;
  }

  /** Ends it, and gives the microphone back. @returns {Promise<NewFile>} */
  async stop() {
    const duration = Math.round(Math.min(this.duration, longestVoice));
    this.#end();
    await this.#stopped;
    const type = this.#recorder.mimeType.split(';')[0];
    const blob = new Blob(this.#parts, { type });
    return { blob, name: `voice.${type === 'audio/mp4' ? 'm4a' : type.slice('audio/'.length)}`, duration, waveform: waveformOf(this.#levels) };
  }

  /** Ends it for nothing. */
  cancel() {
    this.#end();
  }

  #end() {
    clearInterval(this.#timer);
    if (this.#recorder.state !== 'inactive') this.#recorder.stop();
    for (const track of this.#stream.getTracks()) track.stop();
    this.#audio.close();
  }
}

/** The loudest of each part, a byte each. @param {number[]} levels */
function waveformOf(levels) {
  const count = Math.min(bars, levels.length);
  return Uint8Array.from({ length: count }, (_, i) => {
    const part = levels.slice(Math.floor(i * levels.length / count), Math.ceil((i + 1) * levels.length / count));
    return Math.round(255 * Math.max(...part));
  });
}
