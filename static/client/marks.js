// @ts-check
// How far the start of the page and of its engine came, each step once, for
// whoever wants to know where the time goes:
//   performance.getEntriesByType('mark')
// Those of the engine are "parley engine …"; one that ran before this page has none.

/** @type {Set<string>} */
const known = new Set();

/** @param {string} name @param {number} [time] ms since the navigation began, by default now */
export function mark(name, time = performance.now()) {
  if (known.has(name) || time < 0) return;
  known.add(name);
  performance.mark(`parley ${name}`, { startTime: time });
}

/** @param {{ name: string, time: number }[]} marks of the engine, in Unix milliseconds */
export function markEngine(marks) {
  for (const { name, time } of marks) mark(`engine ${name}`, time - performance.timeOrigin);
}
