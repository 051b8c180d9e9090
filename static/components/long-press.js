// @ts-check
// A long press of a finger: not every browser tells of one (contextmenu).

/** From when on a press is long, in ms; and how far a finger may move meanwhile, in px. */
const long = 500;
const still = 10;

/**
 * Calls act when a finger is lifted that rested on something in an element. Where that returns true, the press is no tap.
 * @param {Element} place @param {(target: Element, point: { x: number, y: number }) => boolean} act
 */
export function onLongPress(place, act) {
  /** @type {{ since: number, x: number, y: number } | null} */
  let press = null;
  const at = (/** @type {TouchEvent} */ event) => ({ x: event.changedTouches[0].clientX, y: event.changedTouches[0].clientY });
  const listen = (/** @type {string} */ type, /** @type {(event: TouchEvent) => void} */ listener) =>
    place.addEventListener(type, event => listener(/** @type {TouchEvent} */ (event)), { passive: type !== 'touchend' });
  listen('touchstart', event => { press = event.touches.length === 1 ? { since: event.timeStamp, ...at(event) } : null; });
  listen('touchmove', event => {
    const { x, y } = at(event);
    if (press && Math.hypot(x - press.x, y - press.y) > still) press = null;
  });
  listen('touchcancel', () => { press = null; });
  listen('touchend', event => {
    if (press && event.timeStamp - press.since >= long && event.target instanceof Element && act(event.target, press)) event.preventDefault();
    press = null;
  });
}
