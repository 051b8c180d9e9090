// @ts-check
// A group: its name, who is in it and as what, the links to it, and what one may do about these.
import { PictureMaker } from '../model/pictures.js';
import { linkToGroup } from '../model/route.js';
import { isolated } from '../texts/foreign-text.js';
import { fullTime, reasonOf } from '../texts/labels.js';
import { formats, t } from '../texts/strings.js';
import { avatar, paintAvatar } from './avatar.js';
import { askToConfirm } from './confirm-dialog.js';
import { element, hide, text } from './dom.js';
import { MemberChooser } from './member-chooser.js';

/**
 * @typedef {import('../parley.js').Parley} Parley
 * @typedef {import('../parley.js').Group} Group
 * @typedef {import('../parley.js').Member} Member
 * @typedef {import('../parley.js').GroupLink} GroupLink
 */

const shownAtOnce = 100; // members; others by "show all"
const pictureSide = 256; // px
const week = 7 * 24 * 60 * 60; // s that a link counts

/**
 * Shows it until it is closed.
 * @param {Element} place where the dialog lives @param {Parley} parley @param {string} key @param {import('../model/page-context.js').PageContext} context
 */
export function showGroup(place, parley, key, context) {
  const dialog = new GroupDialog(parley, key, context);
  place.append(dialog.element);
  dialog.element.showModal();
  return dialog.closed;
}

class GroupDialog {
  #parley;
  #key;
  /** @type {Group | null} */
  #group = null;
  /** @type {GroupLink[]} */
  #links = [];
  #all = false; // members are shown
  #done = new AbortController();
  #title = element('h2', { id: 'group-title', dir: 'auto', tabindex: -1 });
  #count = element('p', { class: 'note' });
  #names;
  #pictures;
  #avatar = avatar('', 0n);
  #file = element('input', { type: 'file', accept: 'image/png,image/jpeg,image/gif,image/webp,image/avif', hidden: true, tabindex: -1, 'aria-hidden': 'true', onchange: () => this.#do(() => this.#takePicture()) });
  #change = element('button', { class: 'button', type: 'button', onclick: () => this.#file.click() }, t.changePicture);
  #take = element('button', { class: 'button', type: 'button', onclick: () => this.#do(() => this.#removePicture()) }, t.removePicture);
  #picture = element('div', { class: 'group-picture' }, this.#avatar, this.#change, this.#take, this.#file);
  #name = element('input', { type: 'text', 'aria-label': t.groupName, autocomplete: 'off', dir: 'auto', maxlength: 64, required: true });
  #rename = element('form', { class: 'in-line field', hidden: true, onsubmit: event => this.#submitName(event) }, this.#name,
    element('button', { class: 'button', type: 'submit' }, t.rename));
  #members = element('ul', { role: 'list', class: 'members', tabindex: 0, 'aria-label': t.members }); // it scrolls
  #more = element('button', { class: 'link-button', type: 'button', hidden: true, onclick: () => this.#showAll() });
  #chooser;
  #add = element('button', { class: 'button', type: 'button', disabled: true, onclick: () => this.#addChosen() }, t.addMembers);
  #adding;
  #linkList = element('ul', { role: 'list', class: 'group-links', 'aria-label': t.groupLinks });
  #linking = element('section', { hidden: true }, element('h3', {}, t.groupLinks), this.#linkList,
    element('button', { class: 'button', type: 'button', onclick: () => this.#do(() => this.#newLink(week)) }, t.newWeekLink),
    element('button', { class: 'button', type: 'button', onclick: () => this.#do(() => this.#newLink(0)) }, t.newLink));
  #leave = element('button', { class: 'button', type: 'button', hidden: true, onclick: () => this.#leaveIt() }, t.leaveGroup);
  #failure = element('p', { class: 'problem', role: 'alert' });
  element;
  closed;

  /** @param {Parley} parley @param {string} key @param {import('../model/page-context.js').PageContext} context */
  constructor(parley, key, { names, pictures }) {
    this.#parley = parley;
    this.#key = key;
    this.#names = names;
    this.#pictures = pictures;
    this.#chooser = new MemberChooser(parley, id => this.#group?.members.some(({ user }) => user === id) ?? false);
    this.#chooser.addEventListener('change', () => { this.#add.disabled = this.#chooser.chosen.length === 0; });
    this.#adding = element('section', { hidden: true }, element('h3', {}, t.addMembers), this.#chooser, this.#add);
    this.element = element('dialog', { class: 'ask group', 'aria-labelledby': 'group-title' },
      this.#title, this.#count, this.#picture, this.#failure, this.#rename, this.#members, this.#more, this.#adding, this.#linking,
      element('div', { class: 'choices' }, this.#leave, element('button', { class: 'button', type: 'button', onclick: () => this.element.close() }, t.close)));
    this.closed = new Promise(resolve => this.element.addEventListener('close', () => {
      this.#done.abort();
      this.element.remove();
      resolve(undefined);
    }));
    const { signal } = this.#done;
    parley.addEventListener('group', ({ detail }) => { if (detail.key === key) this.#show(detail); }, { signal });
    pictures.addEventListener('change', () => this.#paintPicture(), { signal });
    names.addEventListener('change', () => this.#group && this.#paintMembers(this.#group), { signal });
    // Behind those who learn from it which picture the group has.
    parley.addEventListener('conversations', () => this.#paintPicture(), { signal });
    this.#do(async () => this.#show(await parley.group(key)));
  }

  /** @param {Group} group */
  #show(group) {
    const rose = admin(group) && !admin(this.#group);
    this.#group = group;
    text(this.#title, group.name);
    text(this.#count, t.memberCount(group.members.length));
    if (document.activeElement !== this.#name) this.#name.value = group.name;
    this.#paintPicture();
    hide(this.#rename, !admin(group));
    hide(this.#adding, !admin(group));
    hide(this.#linking, !admin(group));
    hide(this.#leave, !group.role);
    this.#paintMembers(group);
    if (rose) this.#do(() => this.#readLinks());
  }

  #paintPicture() {
    const picture = this.#pictures.of(this.#key);
    paintAvatar(this.#avatar, this.#group?.name ?? '', BigInt(this.#key.split(':')[1]), picture);
    hide(this.#change, !admin(this.#group));
    const held = document.activeElement === this.#take;
    hide(this.#take, !admin(this.#group) || !picture);
    if (held && this.#take.hidden) this.#change.focus();
    hide(this.#picture, !admin(this.#group) && !picture);
  }

  async #takePicture() {
    const [file] = this.#file.files ?? [];
    this.#file.value = ''; // the same may be chosen again
    if (!file) return;
    const maker = new PictureMaker();
    const made = await maker.make(file, pictureSide).finally(() => maker.close());
    if (made) await this.#parley.setGroupPicture(this.#key, made.file.blob);
    else text(this.#failure, t.notAPicture);
  }

  async #removePicture() {
    await this.#parley.setGroupPicture(this.#key, null);
  }

  /** Owner and admins first, then by name. @param {Group} group */
  #paintMembers(group) {
    const held = document.activeElement instanceof HTMLElement && this.#members.contains(document.activeElement) ? document.activeElement.dataset.act : undefined;
    const rank = { owner: 0, admin: 1, member: 2 };
    const members = group.members.toSorted((a, b) => rank[a.role] - rank[b.role] || formats.compare(a.name, b.name));
    this.#names.learnMembers(members);
    const shown = this.#all ? members : members.slice(0, shownAtOnce);
    this.#members.replaceChildren(...shown.map(member => this.#row(group, member)));
    hide(this.#more, shown.length === members.length);
    text(this.#more, t.showAllMembers(members.length));
    if (held) (/** @type {HTMLElement | null} */ (this.#members.querySelector(`[data-act="${held}"]`)) ?? this.#title).focus();
  }

  /** @param {Group} group @param {Member} member */
  #row({ role }, { user, role: theirs, online }) {
    const shown = this.#names.user(user);
    const self = user === this.#parley.user.id;
    const who = isolated(shown);
    /** @param {string} act @param {string} words @param {() => Promise<void>} work */
    const button = (act, words, work) => element('button', {
      class: 'button small', type: 'button', 'aria-label': t.actOn(words, who), 'data-act': `${act} ${user}`, onclick: () => this.#do(work),
    }, words);
    const acts = [];
    if (role === 'owner' && !self) {
      acts.push(theirs === 'admin' ? button('demote', t.makeMember, () => this.#parley.changeRole(this.#key, user, 'member'))
        : button('promote', t.makeAdmin, () => this.#parley.changeRole(this.#key, user, 'admin')));
      acts.push(button('own', t.makeOwner, () => this.#handOver(user, who)));
    }
    if (!self && (role === 'owner' || role === 'admin' && theirs === 'member')) acts.push(button('remove', t.removeMember, () => this.#remove(user, who)));
    const picture = avatar(shown, user);
    picture.toggleAttribute('data-online', online);
    return element('li', { 'data-user': String(user), 'data-role': theirs }, picture,
      element('span', { class: 'entry-name', dir: 'auto' }, self ? t.nameAndYou(who) : shown), element('span', { class: 'entry-preview' }, t.roles[theirs] ?? ''),
      element('span', { class: 'member-acts' }, ...acts));
  }

  #showAll() {
    this.#all = true;
    if (this.#group) this.#paintMembers(this.#group);
    this.#title.focus();
  }

  /** @param {bigint} user @param {string} who */
  async #remove(user, who) {
    if (await askToConfirm(this.element, { title: t.removeThem(who), yes: t.removeMember })) await this.#parley.removeMember(this.#key, user);
  }

  /** @param {bigint} user @param {string} who */
  async #handOver(user, who) {
    if (await askToConfirm(this.element, { title: t.ownedBy(who), hint: t.ownedByHint, yes: t.makeOwner })) await this.#parley.changeRole(this.#key, user, 'owner');
  }

  async #leaveIt() {
    if (!await askToConfirm(this.element, { title: t.leaveThisGroup, hint: t.leaveGroupHint, yes: t.leaveGroup })) return;
    await this.#do(async () => {
      await this.#parley.leaveGroup(this.#key);
      this.element.close();
    });
  }

  /** @param {SubmitEvent} event */
  #submitName(event) {
    event.preventDefault();
    this.#do(() => this.#parley.renameGroup(this.#key, this.#name.value));
  }

  #addChosen() {
    this.#do(async () => {
      await this.#parley.addMembers(this.#key, this.#chooser.chosen);
      this.#chooser.clear();
    });
  }

  /** One that was made meanwhile stays. */
  async #readLinks() {
    const links = await this.#parley.groupLinks(this.#key);
    this.#showLinks([...this.#links.filter(({ id }) => !links.some(link => link.id === id)), ...links]);
  }

  /** @param {GroupLink[]} links */
  #showLinks(links) {
    this.#links = links;
    this.#linkList.replaceChildren(...links.map(link => {
      const address = linkToGroup(link.code);
      return element('li', {},
        element('span', { class: 'own-link', dir: 'ltr' }, address),
        element('span', { class: 'note' }, link.expires ? t.countsUntil(fullTime(link.expires)) : t.countsAlways),
        element('button', { class: 'button small', type: 'button', onclick: event => this.#copy(address, event.target) }, t.copyLinkToDevice),
        element('button', {
          class: 'button small', type: 'button', onclick: () => this.#do(async () => {
            await this.#parley.deleteGroupLink(this.#key, link.id);
            this.#showLinks(this.#links.filter(other => other !== link));
            this.#title.focus();
          }),
        }, t.withdraw));
    }));
  }

  /** @param {number} lasts seconds */
  async #newLink(lasts) {
    this.#showLinks([await this.#parley.addGroupLink(this.#key, lasts), ...this.#links]);
  }

  /** @param {string} address @param {HTMLElement} button */
  async #copy(address, button) {
    try {
      await navigator.clipboard.writeText(address);
      text(button, t.copied);
    } catch {
      text(button, t.notCopied);
    }
  }

  /** @param {() => Promise<void>} work */
  async #do(work) {
    text(this.#failure, '');
    try {
      await work();
    } catch (error) {
      text(this.#failure, t.notDone(reasonOf(error, t.unknownError)));
    }
  }
}

/** @param {Group | null} group */
function admin(group) {
  return group?.role === 'owner' || group?.role === 'admin';
}
