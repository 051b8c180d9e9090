// @ts-check
// What this device is called in the list of a user's devices, as far as the browser says what it is.
import { t } from '../texts/strings.js';

/** Of those that claim to be others the more particular comes first. */
const browsers = [[/\bEdg/, 'Edge'], [/\bOPR\//, 'Opera'], [/\bSamsungBrowser\//, 'Samsung'], [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/(?:Chrome|Chromium|CriOS)\//, 'Chrome'], [/\bSafari\//, 'Safari']];
const systems = [[/\biPhone\b/, 'iPhone'], [/\biPad\b/, 'iPad'], [/\bAndroid\b/, 'Android'], [/\bWindows\b/, 'Windows'], [/\bCrOS\b/, 'ChromeOS'],
  [/\bMac OS\b/, 'Mac'], [/\bLinux\b/, 'Linux']];

/** As in "Firefox on Linux"; '' if the browser does not say. */
export function deviceLabel() {
  const browser = nameIn(browsers), system = nameIn(systems);
  return browser && system ? t.deviceLabel(browser, system) : browser || system;
}

/** @param {(RegExp | string)[][]} names */
function nameIn(names) {
  return String(names.find(([pattern]) => /** @type {RegExp} */ (pattern).test(navigator.userAgent))?.[1] ?? '');
}
