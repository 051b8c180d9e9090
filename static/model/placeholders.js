// @ts-check
// What a canned reply becomes when it is used.

/** What is filled in, by the words in braces that stand for it. @typedef {Record<string, string>} Values */

/** Fills a text in, once: what is filled in is a name, whatever braces stand in that. @param {string} content @param {Values} values */
export function fillIn(content, values) {
  return content.replace(/\{([\p{L}_]+)\}/gu, (whole, name) => (Object.hasOwn(values, name) ? values[name] : whole));
}
