// @ts-check
// Conversations as one page to read, which needs nothing beside it but the attachments: text in pieces, none of which
// holds more than some messages. Whatever others wrote only ever becomes a text node, and the page lets nothing run.
import { fileOf } from '../model/export-record.js';
import { presentable } from '../texts/foreign-text.js';
import { dayOf, fullDate, fullTime } from '../texts/labels.js';
import { formats, t } from '../texts/strings.js';
import { saidWith } from '../texts/system-words.js';
import { element } from './dom.js';

/**
 * @typedef {import('../model/rows.js').Row} Row
 * @typedef {import('../model/rows.js').MessageRow} MessageRow
 * @typedef {import('../parley.js').Attachment} Attachment
 */

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 0 auto; padding: 1rem; }
h2 { margin: 3rem 0 0; } h3, .control, time, .reactions { color: GrayText; font-size: .85rem; font-weight: normal; text-align: center; }
article { width: fit-content; max-width: 85%; margin: .4rem 0; padding: .4rem .8rem; border: 1px solid; border-color: color-mix(in srgb, currentColor 25%, transparent); border-radius: .8rem; }
article.mine { margin-inline-start: auto; }
article > * { margin: .15rem 0; overflow-wrap: anywhere; } article time { display: block; text-align: end; } .content { white-space: pre-wrap; }
blockquote { padding-inline-start: .6rem; border-inline-start: 3px solid; } img, audio { display: block; max-width: 100%; max-height: 24rem; }`;

const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' file: blob:; media-src 'self' file: blob:";

/** A name or a text of others', on one line, which turns nothing around it. @param {string} text */
const bdi = text => element('bdi', {}, presentable(text));

/** @param {HTMLElement} e */
const line = e => `${e.outerHTML}\n`;

/** @param {string} title @param {string} note when it was made, and of what */
export function pageStart(title, note) {
  const { lang, dir } = document.documentElement;
  const root = element('html', { lang, dir },
    element('meta', { charset: 'utf-8' }), element('meta', { name: 'viewport', content: 'width=device-width' }),
    element('meta', { name: 'referrer', content: 'no-referrer' }), element('meta', { 'http-equiv': 'Content-Security-Policy', content: policy }),
    element('title', {}, presentable(title)), element('style', {}, style),
    element('h1', {}, bdi(title)), element('p', {}, note));
  const type = document.implementation.createDocumentType(root.localName, '', '');
  return new XMLSerializer().serializeToString(type) + line(root).replace('</html>', '');
}

/** Which conversations follow. @param {{ key: string, name: string }[]} conversations */
export const contents = conversations => line(element('ul', {}, ...conversations.map(({ key, name }) => element('li', {}, element('a', { href: `#${key}` }, bdi(name))))));

/** Where a conversation begins. @param {string} key @param {string} name */
export const sectionStart = (key, name) => line(element('h2', { id: key }, bdi(name)));

/** Rows of a conversation, as text; begins days that the rows before had not. */
export class ExportedRows {
  #day = NaN;

  /** @param {Row[]} rows @returns {string} */
  text(rows) {
    return rows.map(row => this.#row(row)).filter(e => e !== null).map(line).join('');
  }

  /** @param {Row} row */
  #row(row) {
    switch (row.kind) {
      case 'day': {
        const day = dayOf(row.time);
        if (day === this.#day) return null;
        this.#day = day;
        return element('h3', {}, fullDate(row.time));
      }
      case 'control': {
        const said = saidWith(row.message);
        return element('div', { class: 'control' }, bdi(said ? t.saidWith(row.words, said) : row.words), ' ', time(row.message.time),
          ...row.excerpt.map(({ author, content }) => element('p', {}, bdi(author), ' ', bdi(content))));
      }
      case 'note':
        return element('article', {}, authored(t.noteBy(row.author)), written(row.note.content), time(row.note.time));
      case 'message':
        return article(row);
    }
    return null;
  }
}

/** @param {MessageRow} row */
function article({ message, author, first, quoted, reacted }) {
  const { mine, content, seq, edited, type, attachments } = message;
  const words = type === 'unknown' ? t.cannotBeShown : content;
  return element('article', { class: mine && 'mine', 'data-seq': String(seq) },
    ...(first ? [authored(author)] : []),
    ...(quoted ? [element('blockquote', {}, bdi(quoted.author), ' ', bdi(quoted.words))] : []),
    ...attachments.map(carried), ...(words ? [written(words)] : []),
    ...(reacted.length ? [element('p', { class: 'reactions' }, ...reacted.flatMap(({ emoji, names }) => [bdi(emoji), ' ', bdi(formats.list(names)), ' ']))] : []),
    time(message.time, edited ? ` · ${t.editedAt(fullTime(edited))}` : ''));
}

/** @param {string} author */
const authored = author => element('p', {}, element('b', {}, bdi(author)));

/** @param {string} content */
const written = content => element('p', { class: 'content', dir: 'auto' }, presentable(content));

/** Nothing of it is loaded here: the attributes stand in that order. @param {Attachment} attachment */
function carried(attachment) {
  const { name, mediaType } = attachment;
  const address = fileOf(attachment).split('/').map(encodeURIComponent).join('/');
  if (mediaType.startsWith('image/')) return element('p', {}, element('a', { href: address }, element('img', { loading: 'lazy', alt: presentable(name), src: address })));
  if (mediaType.startsWith('audio/')) return element('p', {}, element('audio', { controls: true, preload: 'none', src: address }));
  return element('p', {}, element('a', { href: address, download: true }, bdi(name)));
}

/** @param {number} at Unix milliseconds @param {string} [more] */
const time = (at, more = '') => element('time', { datetime: new Date(at).toISOString() }, fullTime(at) + more);
