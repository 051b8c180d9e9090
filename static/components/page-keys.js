// @ts-check
// The keys that the page answers wherever the focus is.
import { asksToPrint } from './print-dialog.js';
import { asksForShortcuts, showShortcuts } from './shortcuts-dialog.js';

/** Where there is room for one pane at a time. */
const narrow = matchMedia('(max-width: 759.98px)');

/**
 * @param {Element} page where dialogs live, that hears "search-in"
 * @param {import('./main-pane.js').MainPane} main
 * @param {import('./side-pane.js').SidePane} side
 * @param {import('./notice-list.js').NoticeList} notices
 * @param {AbortSignal} signal that the page is gone
 */
export function answerKeys(page, main, side, notices, signal) {
  document.addEventListener('keydown', event => {
    if (event.defaultPrevented || event.isComposing) return;
    const search = searchAskedFor(event, main.key);
    if (asksForShortcuts(event)) showShortcuts(page);
    else if (search !== null) page.dispatchEvent(new CustomEvent('search-in', { detail: search }));
    else if (asksToPrint(event) && main.pane && !main.pane.whole) main.print();
    else if (event.key !== 'Escape' || !closeNewest(page, main, side, notices)) return;
    event.preventDefault();
  }, { signal });
}

/**
 * The key of the conversation in which a key asks to search, '' for all; null if it asks for something else.
 * @param {KeyboardEvent} event @param {string} open key of the one on the screen
 */
function searchAskedFor({ key, ctrlKey, metaKey, altKey, shiftKey }, open) {
  if (!(ctrlKey || metaKey) || altKey || document.querySelector('dialog[open]')) return null;
  if (!shiftKey && key.toLowerCase() === 'k') return '';
  return shiftKey && key.toLowerCase() === 'f' && open ? open : null;
}

/**
 * Closes what is open, or goes back to what was found, or else, on a narrow screen, closes the conversation; says whether there was anything.
 * @param {Element} page @param {import('./main-pane.js').MainPane} main @param {import('./side-pane.js').SidePane} side
 * @param {import('./notice-list.js').NoticeList} notices
 */
function closeNewest(page, main, side, notices) {
  if (document.querySelector(':popover-open, dialog[open]')) return false; // the browser closes these
  if (notices.dismissNewest()) return true;
  if (side.search.active && side.search.checkVisibility() && !side.contains(document.activeElement)) {
    side.search.focus();
    return true;
  }
  const leaves = narrow.matches && page.getAttribute('data-view') === 'conversation';
  if (leaves) main.toList();
  return leaves;
}
