// What the page does with text that others wrote, and text that may be hard to do it with.
import { askAboutAnswer } from '/components/conflict-dialog.js';
import { isBlank, previewOf } from '/texts/foreign-text.js';
import { paintAvatar } from '/components/avatar.js';
import { Lookalikes } from '/model/lookalikes.js';
import { MessageContent } from '/components/message-content.js';
import { NoticeList } from '/components/notice-list.js';
import { parseRoute } from '/model/route.js';
import { Clock } from '/model/clock.js';
import { Services } from '/model/services.js';
import { t } from '/texts/strings.js';
import { ControlView } from '/components/system-message.js';
import { decode, encode } from '/client/wire.js';

/** Fills with a text over and over. */
const over = text => n => text.repeat(Math.ceil(n / text.length)).slice(0, n);
const after = (beginning, text) => n => beginning + over(text)(n - beginning.length);
const ascii = Array.from({ length: 0x5f }, (_, i) => String.fromCharCode(0x20 + i)).filter(c => /[^a-z0-9]/i.test(c));

/** Texts of a length in UTF-16 units, by what they are made of. */
export const generators = Object.fromEntries([
  ...ascii.map(c => [`a run of ${c}`, over(c)]),
  ...ascii.map(c => [`an address and ${c}`, after('https://a', c)]),
  ...['()', '[]', '{}', '([{', ')]}', '(]', '.)', ')(', '_*'].flatMap(text => [[`${text} over and over`, over(text)], [`an address and ${text}`, after('https://a', text)]]),
  ['nested brackets', n => '('.repeat(n / 2) + ')'.repeat(n / 2)],
  ['an address and nested brackets', n => 'https://a' + '('.repeat(n / 2 - 9) + ')'.repeat(n / 2)],
  ...['http://', 'http:/', 'https://a ', 'https://a.b/?q=', 'https://a.b/c) ', 'http://u:p@h ', 'http://ü.é ', 'http://[::1] ', 'http://xn--a ', 'a\n', 'a\u05d0',
    '\u202b', '\u202ba', '\u2066', '\u2067a\u2069\u05d0', '\u202e\u05d0\u202d1', '👨‍👩‍👧‍👦', '👩\u200d', '\u200d', '😀', '🏻', '😀🏻', '🇩🇪', '🇩', '1\ufe0f\u20e3',
    ' ', '\n', '\t', '\r', '\r\n', '\u00a0', '\u2028', '\v', '\0', '\x1b[0m', '\u2800', '\u3164', '\u200b', 'a\u200b', 'a\u00ad', 'a\u2060', 'a', 'W', 'lorem ipsum ', '漢', '\ufdfd',
    'ก็', '\u0628', '\u0628\u064b', '\u0915\u094d', '\u1000\u1039', '\u1780\u17d2', '\u1100', '\u1100\u1161\u11a8', '\u0600', '\u20dd', '\u0301', '\u0316\u0301', 'e\u0301', '\ufe0f', '\u{e0067}',
  ].map(text => [`${JSON.stringify(text)} over and over`, over(text)]),
  ['a letter with marks', after('e', '\u0301')],
  ['a letter with marks above and below', after('e', '\u0316\u0301')],
  ['an emoji of many tones', after('😀', '🏻')],
  ...['www.', 'www.a.b ', 'www.a@b.c ', 'www.a.b@c ', 'mailto:', 'mailto:a@b.c ', 'mailto:a@b ', 'www.u:p@h.i '].map(text => [`${text} over and over`, over(text)]),
  ...['a', '.', '@', 'a.', '-', 'a@'].flatMap(text => [[`www and ${text}`, after('www.a.', text)], [`mailto and ${text}`, after('mailto:a@b', text)], [`mail from ${text}`, after('mailto:', text)]]),
  ['a long name of a host', n => 'https://' + Array.from({ length: n - 8 }, (_, i) => String.fromCharCode(0x4e00 + i % 5000)).join('')],
  ['a long punycode', after('https://xn--', 'a')],
]);

const place = document.createElement('div');
place.className = 'message';
place.append(document.createElement('div'));
document.body.append(place);
const bubble = place.firstElementChild;
bubble.className = 'bubble';
/** Shows nodes, and has them laid out. */
const layOut = (...nodes) => {
  bubble.replaceChildren(...nodes);
  return bubble.getBoundingClientRect().height;
};
const content = new MessageContent();
const showContent = text => {
  bubble.replaceChildren(content.element);
  content.show(text); // with what unfolds it behind it
  return bubble.getBoundingClientRect();
};
const control = new ControlView();
const notices = document.body.appendChild(new NoticeList());
const services = new Services(new Clock());
const lookalikes = new Lookalikes(services, () => {});

/**
 * What is done with a text, by what it is. Of what is done in two steps, since the person wants the second,
 * it is that which is measured.
 * @type {Record<string, ((text: string) => void) | { first(text: string): void, then(): void }>}
 */
export const renderers = {
  'a message': text => {
    showContent(text);
  },
  'a message in full': {
    first(text) {
      showContent(text);
    },
    then() {
      content.element.parentElement.querySelector('.unfold')?.click();
      bubble.getBoundingClientRect();
    },
  },
  'a preview': text => layOut(previewOf(text, 160)),
  'a name': text => lookalikes.set(1n, text),
  'an avatar': text => {
    paintAvatar(bubble, text, 1n);
    bubble.getBoundingClientRect();
  },
  'a control entry': text => {
    const message = { seq: 1n, id: 1n, state: 'received', type: 'resolve', time: 0, content: text };
    control.paint({ kind: 'control', message, words: 'Resolved', link: null, excerpt: [{ author: 'Ada', content: text }] });
    layOut(control.element);
  },
  'a notice': text => {
    notices.add(text);
    notices.getBoundingClientRect();
  },
  'a question': text => {
    askAboutAnswer(document.body, 'answered-meanwhile', { author: 'Ada', content: text });
    const dialog = document.body.lastElementChild;
    dialog.getBoundingClientRect();
    dialog.close();
  },
  'an address of the page': text => parseRoute(`#/to/${text}`),
  'a search': text => services.named(text),
  'a reason': text => t.offlineNote(text),
  'blank or not': text => isBlank(text),
  'from the engine': text => decode(encode({ text })),
};

const shorter = 4096, longer = 16384; // UTF-16 units
const quick = 4; // ms in which the longer one may be done whatever its growth
const rounds = 10;

/** How long it takes once, in milliseconds. */
function once(render, text) {
  render.first?.(text);
  const began = performance.now();
  render.then ? render.then() : render(text);
  return performance.now() - began;
}

/** How long it takes, in milliseconds: once, or the least of some means if that was not long. */
function timeOf(render, text) {
  const time = () => {
    let [runs, sum] = [0, 0];
    do sum += once(render, text); while (++runs < 100 && sum < quick);
    return sum / runs;
  };
  const first = time();
  return first > 50 ? first : Math.min(first, time(), time());
}

/**
 * How many times as long it takes for four times as much text: the least of some
 * rounds, further and further apart, as others use the machine too, for a while; 0 if
 * it takes no time to speak of.
 */
export async function growthOf(name, generator) {
  const render = renderers[name];
  const [short, long] = [shorter, longer].map(generators[generator]);
  let growth = Infinity;
  let time = Infinity;
  for (let round = 0; round < rounds && growth > 6; round++) {
    time = Math.min(time, once(render, long));
    if (time <= quick) return { growth: 0, time };
    time = Math.min(time, timeOf(render, long));
    growth = Math.min(growth, time / timeOf(render, short));
    if (growth > 6) await new Promise(resolve => setTimeout(resolve, 20 << round));
  }
  return { growth, time };
}
