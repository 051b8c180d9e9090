// @ts-check
// Shows pictures of a conversation as large as the screen: one at a time, with those before and after it.
import { isolated } from '../texts/foreign-text.js';
import { reasonOf } from '../texts/labels.js';
import { t } from '../texts/strings.js';
import { element, hide, set, text } from './dom.js';
import { icon } from './icons.js';

/**
 * @typedef {import('../parley.js').Attachment} Attachment
 * @typedef {import('./attachment-loader.js').AttachmentLoader} AttachmentLoader
 */

const zoomStep = 1.4;
const mostZoom = 8;
const swipe = 60; // px

/** Shows one of some pictures, until the person closes it. @param {Element} place where the dialog lives @param {AttachmentLoader} loader @param {Attachment[]} pictures @param {number} first */
export function viewPictures(place, loader, pictures, first) {
  const viewer = new PictureViewer(loader, pictures, first);
  place.append(viewer.element);
  viewer.open();
}

class PictureViewer {
  #loader;
  #pictures;
  #at;
  #image = element('img', { alt: '', draggable: 'false' });
  #stage = element('div', { class: 'stage' }, this.#image);
  #name = element('p', { class: 'name', dir: 'auto', 'aria-live': 'polite' });
  #previous = this.#button('back', t.previousPicture, () => this.#turn(-1));
  #next = this.#button('forward', t.nextPicture, () => this.#turn(1));
  #close = this.#button('close', t.close, () => this.element.close());
  #zoom = 1;
  #offset = { x: 0, y: 0 };
  /** Pointers on the picture, where each began and is. @type {Map<number, { x: number, y: number, fromX: number, fromY: number }>} */
  #pointers = new Map();
  element = element('dialog', { class: 'viewer', 'aria-label': t.pictures, onkeydown: event => this.#key(event), onclose: () => this.element.remove() },
    this.#stage,
    element('div', { class: 'viewer-bar' }, this.#name,
      this.#button('zoom-out', t.zoomOut, () => this.#zoomTo(this.#zoom / zoomStep)), this.#button('zoom-in', t.zoomIn, () => this.#zoomTo(this.#zoom * zoomStep)),
      this.#button('down', t.downloadPicture, () => this.#download()), this.#close),
    this.#previous, this.#next);

  /** @param {AttachmentLoader} loader @param {Attachment[]} pictures @param {number} first */
  constructor(loader, pictures, first) {
    this.#loader = loader;
    this.#pictures = pictures;
    this.#at = first;
    this.#previous.classList.add('previous');
    this.#next.classList.add('next');
    this.#stage.addEventListener('wheel', event => {
      event.preventDefault();
      this.#zoomTo(this.#zoom * (event.deltaY < 0 ? zoomStep : 1 / zoomStep));
    }, { passive: false });
    this.#stage.addEventListener('dblclick', () => this.#zoomTo(this.#zoom > 1 ? 1 : 2));
    for (const type of /** @type {const} */ (['pointerdown', 'pointermove', 'pointerup', 'pointercancel'])) {
      this.#stage.addEventListener(type, event => this.#point(event));
    }
  }

  open() {
    this.#close.autofocus = true;
    this.element.showModal();
    this.#show();
  }

  /** @param {import('./icons.js').IconName} name @param {string} words @param {() => void} act */
  #button(name, words, act) {
    return element('button', { class: 'icon-button', type: 'button', 'aria-label': words, title: words, onclick: act }, icon(name));
  }

  /** @param {number} by */
  #turn(by) {
    const at = this.#at + by;
    if (at < 0 || at >= this.#pictures.length) return;
    this.#at = at;
    this.#show();
  }

  async #show() {
    const picture = this.#pictures[this.#at];
    hide(this.#previous, this.#at === 0);
    hide(this.#next, this.#at === this.#pictures.length - 1);
    this.#zoomTo(1);
    text(this.#name, t.pictureOf(isolated(picture.name), this.#at + 1, this.#pictures.length));
    set(this.#stage, 'data-loaded', null);
    try {
      const url = URL.createObjectURL(await this.#loader.load(picture));
      if (picture !== this.#pictures[this.#at]) return URL.revokeObjectURL(url);
      this.#image.src = url;
      await this.#image.decode().finally(() => URL.revokeObjectURL(url));
      set(this.#stage, 'data-loaded', String(this.#at));
    } catch (error) {
      if (picture === this.#pictures[this.#at]) text(this.#name, t.notLoaded(reasonOf(error, t.unknownError)));
    }
  }

  /** @param {number} zoom */
  #zoomTo(zoom) {
    this.#zoom = Math.min(mostZoom, Math.max(1, zoom));
    if (this.#zoom === 1) this.#offset = { x: 0, y: 0 };
    this.#place();
  }

  #place() {
    this.#image.style.transform = `translate(${this.#offset.x}px, ${this.#offset.y}px) scale(${this.#zoom})`;
  }

  /** Moves what is zoomed, zooms with two fingers, and turns the page by a swipe. @param {PointerEvent} event */
  #point({ type, pointerId, clientX: x, clientY: y }) {
    const pointer = this.#pointers.get(pointerId);
    if (type === 'pointerdown') {
      this.#stage.setPointerCapture(pointerId);
      this.#pointers.set(pointerId, { x, y, fromX: x, fromY: y });
    } else if (type === 'pointermove' && pointer) {
      const before = this.#spread();
      if (this.#zoom > 1 && this.#pointers.size === 1) this.#offset = { x: this.#offset.x + x - pointer.x, y: this.#offset.y + y - pointer.y };
      Object.assign(pointer, { x, y });
      if (before) this.#zoomTo(this.#zoom * (this.#spread() / before));
      else this.#place();
    } else if (pointer) {
      this.#pointers.delete(pointerId);
      const moved = x - pointer.fromX;
      if (type === 'pointerup' && this.#zoom === 1 && this.#pointers.size === 0 && Math.abs(moved) > swipe) this.#turn(moved < 0 ? 1 : -1);
    }
  }

  /** How far two fingers are from each other; 0 if there are not two. */
  #spread() {
    const [a, b] = [...this.#pointers.values()];
    return a && b ? Math.hypot(a.x - b.x, a.y - b.y) : 0;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const forward = document.documentElement.dir === 'rtl' ? 'ArrowLeft' : 'ArrowRight';
    if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') this.#turn(event.key === forward ? 1 : -1);
    else if (event.key === '+' || event.key === '=') this.#zoomTo(this.#zoom * zoomStep);
    else if (event.key === '-') this.#zoomTo(this.#zoom / zoomStep);
    else return;
    event.preventDefault();
  }

  #download() {
    this.#loader.download(this.#pictures[this.#at]).catch(error => text(this.#name, t.notLoaded(reasonOf(error, t.unknownError))));
  }
}
