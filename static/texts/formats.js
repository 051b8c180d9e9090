// @ts-check
// How numbers, plurals, times and lists are written in a place of the world, as Intl has it. Each format is
// made when it is first used, which takes a while.

/** @typedef {ReturnType<typeof formatsOf>} Formats */

/** @template T @param {() => T} make */
function once(make) {
  /** @type {T | undefined} */
  let made;
  return () => (made ??= make());
}

/** @param {string} locale */
export function formatsOf(locale) {
  const rules = once(() => new Intl.PluralRules(locale));
  const numbers = once(() => new Intl.NumberFormat(locale));
  const sizes = once(() => new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }));
  const percents = once(() => new Intl.NumberFormat(locale, { style: 'percent' }));
  const lists = once(() => new Intl.ListFormat(locale));
  const spans = once(() => new Intl.ListFormat(locale, { type: 'unit', style: 'narrow' }));
  const days = once(() => new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }));
  const waits = once(() => new Intl.RelativeTimeFormat(locale, { style: 'narrow' }));
  const names = once(() => new Intl.Collator(locale, { numeric: true }));
  const letters = once(() => new Intl.Collator(locale, { usage: 'search', sensitivity: 'base' }));
  /** @type {Record<string, Intl.NumberFormat>} */
  const units = {};
  return {
    /** @param {number | bigint} n */
    number: n => numbers().format(n),
    /** A number of bytes. @param {number} n */
    bytes: n => (n < 1 << 10 ? `${numbers().format(n)} B` : n < 1 << 20 ? `${sizes().format(n / 1024)} KiB` : n < 1 << 30 ? `${sizes().format(n / (1 << 20))} MiB` : `${sizes().format(n / (1 << 30))} GiB`),
    /** How long to wait. @param {number} seconds */
    wait: seconds => {
      const [n, unit] = seconds > 3600 ? [seconds / 3600, 'hour'] : seconds > 60 ? [seconds / 60, 'minute'] : [seconds, 'second'];
      return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(Math.ceil(n));
    },
    /** @param {number} part from 0 to 1 */
    percent: part => percents().format(part),
    /** The form of words that goes with a number. @param {number} n @param {Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }} forms */
    plural: (n, forms) => forms[rules().select(n)] ?? forms.other,
    /** @param {string[]} items */
    list: items => lists().format(items),
    /** A number of minutes, hours or days. @param {number} n @param {'minute' | 'hour' | 'day'} unit */
    amount: (n, unit) => (units[unit] ??= new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short' })).format(n),
    /** Amounts that are one together. @param {string[]} amounts */
    together: amounts => spans().format(amounts),
    /** Today, yesterday and so on, as it begins a line. @param {number} n days from today */
    day: n => capital(days().format(n, 'day'), locale),
    /** @param {number} n */
    inSeconds: n => waits().format(n, 'second'),
    /** The order of two names. @param {string} a @param {string} b */
    compare: (a, b) => names().compare(a, b),
    /** Whether a name begins with a text, whatever case and accents. @param {string} name @param {string} text */
    begins: (name, text) => letters().compare(name.slice(0, text.length), text) === 0,
    /** Where a text stands in a name, whatever case and accents; -1 if it does not. @param {string} name @param {string} text */
    find: (name, text) => {
      for (let at = 0; at + text.length <= name.length; at++) {
        if (letters().compare(name.slice(at, at + text.length), text) === 0) return at;
      }
      return -1;
    },
  };
}

/** @param {string} words @param {string} locale */
function capital(words, locale) {
  return words.charAt(0).toLocaleUpperCase(locale) + words.slice(1);
}
