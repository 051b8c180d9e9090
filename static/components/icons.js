// @ts-check
// The page's icons: strokes on a 24 × 24 grid, in the colour of the text around.

const paths = {
  answer: 'M9.5 6l-5 5 5 5M4.5 11h8.5a6 6 0 0 1 6 6v1.5',
  attach: 'M15.5 8.5l-6.3 6.3a1.8 1.8 0 0 0 2.5 2.5l7-7a3.6 3.6 0 0 0-5-5l-7.3 7.3a5.4 5.4 0 0 0 7.6 7.6l5.5-5.5',
  back: 'M15 5l-7 7 7 7',
  bubbles: 'M4 6.5A2.5 2.5 0 0 1 6.5 4h7A2.5 2.5 0 0 1 16 6.5v3a2.5 2.5 0 0 1-2.5 2.5H9l-3.5 3v-3.2A2.5 2.5 0 0 1 4 9.5zM19 10a2 2 0 0 1 1.5 2v3a2.5 2.5 0 0 1-1.5 2.3V20l-3-2.5h-3',
  camera: 'M4.5 8h3.2l1.5-2.5h5.6L16.3 8h3.2v10.5h-15zM12 10a3 3 0 1 1 0 6 3 3 0 0 1 0-6',
  clock: 'M12 4.5a7.5 7.5 0 1 1 0 15 7.5 7.5 0 0 1 0-15M12 8v4.3l2.7 1.7',
  close: 'M6.5 6.5l11 11M17.5 6.5l-11 11',
  down: 'M12 5v13M6.5 12.5L12 18l5.5-5.5',
  file: 'M7 4h7l4 4v12H7zM14 4v4h4',
  filter: 'M5 7h14M8 12h8M10.5 17h3',
  fold: 'M6.5 9.5l5.5 5.5 5.5-5.5',
  forward: 'M9 5l7 7-7 7',
  group: 'M9 5.5a3 3 0 1 1 0 6 3 3 0 0 1 0-6M3.5 18c0-2.6 2.5-3.9 5.5-3.9s5.5 1.3 5.5 3.9M15.5 6a2.6 2.6 0 0 1 0 5.2M17 14.3c2.2.4 3.5 1.6 3.5 3.7',
  link: 'M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7l1-1',
  pin: 'M9 4.5h6M10 4.5v5l-3 3.5V14h10v-1l-3-3.5v-5M12 14v6',
  person: 'M12 4.5a4 4 0 1 1 0 8 4 4 0 0 1 0-8M4.5 19.5c0-3 3.3-4.5 7.5-4.5s7.5 1.5 7.5 4.5',
  microphone: 'M12 4a2.5 2.5 0 0 1 2.5 2.5v5a2.5 2.5 0 0 1-5 0v-5A2.5 2.5 0 0 1 12 4M6.5 11.5a5.5 5.5 0 0 0 11 0M12 17v3',
  pause: 'M9 6v12M15 6v12',
  play: 'M8 5.5l10 6.5-10 6.5z',
  reply: 'M5 5h14v10.5h-7L7.5 19v-3.5H5zM8.5 8.8h7M8.5 11.8h4.5',
  search: 'M10.5 4.5a6 6 0 1 1 0 12 6 6 0 0 1 0-12M15 15l4.5 4.5',
  send: 'M4.5 12L20 4.5 15.5 20l-3.8-6.5zM11.7 13.5L20 4.5',
  tick: 'M5 12.5l4.5 4.5L19 7.5',
  ticks: 'M2 12.5l4.5 4.5L16 7.5M11 16.3l.7.7L21.5 7.5',
  agent: 'M5 17v-3.5a7 7 0 0 1 14 0V17M5 13.5h2.5v5H5zM16.5 13.5H19v5h-2.5zM19 18.5c0 1.5-2 2.5-5 2.5',
  gear: 'M12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6M12 3.5v2.6M12 17.9v2.6M3.5 12h2.6M17.9 12h2.6M6 6l1.8 1.8M16.2 16.2L18 18M6 18l1.8-1.8M16.2 7.8L18 6',
  more: 'M12 6v.2M12 12v.2M12 18v.2',
  muted: 'M6.5 16.5V11a5.5 5.5 0 0 1 8.8-4.4M17.5 10.5v6H6.5M10 19.5h4M4.5 4.5l15 15',
  note: 'M6 4.5h12v10l-5 5H6zM18 14.5h-5v5M9 9h6M9 12h3',
  up: 'M12 19V6M6.5 11.5L12 6l5.5 5.5',
  'zoom-in': 'M10.5 4.5a6 6 0 1 1 0 12 6 6 0 0 1 0-12M15 15l4.5 4.5M8 10.5h5M10.5 8v5',
  'zoom-out': 'M10.5 4.5a6 6 0 1 1 0 12 6 6 0 0 1 0-12M15 15l4.5 4.5M8 10.5h5',
  warning: 'M12 4.5a7.5 7.5 0 1 1 0 15 7.5 7.5 0 0 1 0-15M12 8v5M12 15.8v.2',
};

/** @typedef {keyof typeof paths} IconName */

const namespace = 'http://www.w3.org/2000/svg';

/** An icon, hidden from assistive technology: its place says in words what it means. @param {IconName} name */
export function icon(name) {
  const svg = document.createElementNS(namespace, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', `icon icon-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('focusable', 'false');
  const path = document.createElementNS(namespace, 'path');
  path.setAttribute('d', paths[name]);
  svg.append(path);
  return svg;
}
