// @ts-check
// The services that one can write to, as links.
import { hashOfService } from '../model/route.js';
import { locale, t } from '../texts/strings.js';
import { element } from './dom.js';
import { icon } from './icons.js';
import { RovingFocus } from './roving-focus.js';

/** The services whose name, or that of them all, contains a text. @param {string} query */
export function servicesNamed(query) {
  const part = query.toLocaleLowerCase(locale);
  const all = t.customerService.toLocaleLowerCase(locale).includes(part);
  return t.services.map((name, service) => ({ name, service }))
    .filter(({ name }) => all || name.toLocaleLowerCase(locale).includes(part));
}

/** @param {{ name: string, service: number }[]} services */
export function serviceLinks(services) {
  const list = element('ul', { role: 'list', class: 'service-links', 'aria-label': t.customerService }, ...services.map(({ name, service }) =>
    element('li', {}, element('a', { href: hashOfService(service), tabindex: -1 }, icon('agent'), name))));
  new RovingFocus(list, 'a').rest(list.querySelector('a'));
  return list;
}
