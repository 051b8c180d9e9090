// @ts-check
// Every text of the page, in its language: one file for each, in languages/.
import { formatsOf } from './formats.js';
import { language, locale } from './languages.js';

export { locale };

export const formats = formatsOf(locale);

export const t = language.texts(formats);
