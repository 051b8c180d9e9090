// @ts-check
// Which host a link leads to, in letters that cannot be taken for those of another.

/** Signs that each script's labels have beside its letters. */
const beside = '0-9-';
/**
 * What a label of a host may consist of to be shown as it was written: one script, or those that Japanese and
 * Korean mix. Scripts that run right to left change the order of a host's parts, and are not among them.
 */
const readable = [
  `[a-z\\u00df-\\u00f6\\u00f8-\\u00ff\\u0100-\\u0130\\u0132-\\u0137\\u0139-\\u013e\\u0141-\\u0148\\u014a-\\u017e${beside}]+`,
  `[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\u30fc${beside}]+`,
  `[\\p{Script=Hangul}\\p{Script=Han}${beside}]+`,
  `[\\p{Script=Cyrillic}${beside}]+`,
  `[\\p{Script=Greek}${beside}]+`,
  `[\\p{Script=Devanagari}${beside}]+`,
  `[\\p{Script=Thai}${beside}]+`,
].map(letters => new RegExp(`^${letters}$`, 'u'));
/** Of other scripts, letters that look like those of Latin; a word of them alone passes for one. */
const passesForLatin = new RegExp(`^[агеопрсухьһіјѕԁӏԛԝѵѡαγηικνορτυω${beside}]+$`, 'u');

/**
 * An address as it is shown: as it was written, but with the host's name as computers have it where that is
 * another, or could be taken for another's.
 * @param {string} written @param {string} host of the URL that it makes
 */
export function shownAddress(written, host) {
  const { start, end } = placeOfHost(written);
  const name = written.slice(start, end);
  if (name.toLowerCase() === host || isReadable(name)) return written;
  return written.slice(0, start) + host + written.slice(end);
}

/** @param {string} written */
function placeOfHost(written) {
  const start = /^https?:\/\//i.exec(written)?.[0].length ?? 0;
  const [authority] = written.slice(start).split(/[/?#\\]/, 1);
  return { start, end: start + authority.replace(/:\d*$/, '').length };
}

/** Whether a name in other letters than those of ASCII reads as what it is. @param {string} name */
function isReadable(name) {
  const plain = name.toLowerCase();
  if (/^[\0-\x7f]*$/.test(name) || plain.normalize('NFKC') !== plain) return false;
  return plain.split('.').every(label => readable.some(letters => letters.test(label)) && (/^[\0-\x7f]*$/.test(label) || !passesForLatin.test(label)));
}
