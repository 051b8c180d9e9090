// @ts-check
// The sound of something new, for those who want it on this device. Whatever of Parley's tabs it
// came to, one of them sounds.

const place = 'parley.sound'; // in localStorage: "on" on this device
const tones = [880, 1175]; // Hz, one after the other
const length = 0.12; // s, of a tone
const loudness = 0.12; // of 1
const patience = 100; // ms; a page that nobody has touched may not sound, and is not to do it later

/** @type {AudioContext | undefined} */
let audio;

/** Whether this browser can sound at all. */
export const canSound = 'AudioContext' in globalThis;

/** Whether the person wants to hear of what is new on this device. */
export function sounds() {
  try {
    return canSound && localStorage.getItem(place) === 'on';
  } catch {
    return false;
  }
}

/** Switches it, and lets hear what was switched on; returns whether it is on. @param {boolean} on */
export function setSounds(on) {
  try {
    if (on) localStorage.setItem(place, 'on');
    else localStorage.removeItem(place);
  } catch {
    // A browser that keeps nothing stays silent.
  }
  sound();
  return sounds();
}

/** Sounds, if that is wanted and no tab does already. */
export async function sound() {
  if (!sounds()) return;
  try {
    // Where no locks are (the page is not of a secure context), each tab sounds.
    if (!navigator.locks) await chime();
    else await navigator.locks.request(place, { ifAvailable: true }, lock => lock && chime());
  } catch (cause) {
    console.warn('Parley cannot sound', cause); // a device without a loudspeaker, or a page that goes
  }
}

/** Resolves when it is over. */
async function chime() {
  const context = audio ??= new AudioContext();
  context.resume().catch(() => {}); // or stays silent
  const pause = (/** @type {number} */ ms) => new Promise(resolve => setTimeout(resolve, ms));
  if (context.state !== 'running') await pause(patience);
  if (context.state !== 'running') return;
  tones.forEach((frequency, i) => {
    const [tone, gain, begin] = [new OscillatorNode(context, { frequency }), new GainNode(context, { gain: 0 }), context.currentTime + i * length];
    gain.gain.setTargetAtTime(loudness, begin, length / 20);
    gain.gain.setTargetAtTime(0, begin + length / 2, length / 5);
    tone.connect(gain).connect(context.destination);
    tone.start(begin);
    tone.stop(begin + 2 * length);
  });
  await pause(1000 * length * (tones.length + 1));
}
