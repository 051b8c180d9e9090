// @ts-check
// What a customer's application sent along (Message.extend), as names and values to read. It is text of whoever
// wrote it: of any depth, size and order.

const deepest = 4; // levels
const mostRows = 60;
const mostUnits = 240; // of UTF-16, of a name and of a value

/** @typedef {{ rows: { name: string, value: string }[], more: boolean }} ExtendRows more tells that some are left out */

/** @param {string} extend @returns {ExtendRows} */
export function extendRows(extend) {
  /** @type {ExtendRows} */
  const all = { rows: [], more: false };
  try {
    if (extend) gather(JSON.parse(extend), [], all);
  } catch {
    return { rows: [{ name: '', value: cut(extend) }], more: extend.length > mostUnits };
  }
  return all;
}

/** @param {unknown} value @param {string[]} path @param {ExtendRows} all */
function gather(value, path, all) {
  if (all.rows.length >= mostRows) {
    all.more = true;
  } else if (typeof value !== 'object' || value === null) {
    add(path, String(value), all);
  } else if (path.length >= deepest) {
    add(path, JSON.stringify(value), all);
  } else {
    for (const name in value) {
      if (all.more) break;
      gather(/** @type {Record<string, unknown>} */ (value)[name], [...path, name], all);
    }
  }
}

/** @param {string[]} path @param {string} value @param {ExtendRows} all */
function add(path, value, all) {
  const name = path.join(' › ');
  all.rows.push({ name: cut(name), value: cut(value) });
  all.more ||= name.length > mostUnits || value.length > mostUnits;
}

/** @param {string} text */
function cut(text) {
  return text.length > mostUnits ? text.slice(0, mostUnits) + '…' : text;
}
