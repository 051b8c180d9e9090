// @ts-check
// The keys that the page answers wherever the focus is.
import { asksToPrint } from './print-dialog.js';
import { asksForShortcuts, showShortcuts } from './shortcuts-dialog.js';

/** Where there is room for one pane at a time. */
const narrow = matchMedia('(max-width: 759.98px)');

/**
 * @param {Element} page where dialogs live
 * @param {import('./main-pane.js').MainPane} main
 * @param {import('./notice-list.js').NoticeList} notices
 * @param {AbortSignal} signal that the page is gone
 */
export function answerKeys(page, main, notices, signal) {
  document.addEventListener('keydown', event => {
    if (event.defaultPrevented || event.isComposing) return;
    if (asksForShortcuts(event)) showShortcuts(page);
    else if (asksToPrint(event) && main.pane && !main.pane.whole) main.print();
    else if (event.key !== 'Escape' || !closeNewest(page, main, notices)) return;
    event.preventDefault();
  }, { signal });
}

/**
 * Closes what is open, or else, on a narrow screen, the conversation; says whether there was anything.
 * @param {Element} page @param {import('./main-pane.js').MainPane} main @param {import('./notice-list.js').NoticeList} notices
 */
function closeNewest(page, main, notices) {
  if (document.querySelector(':popover-open, dialog[open]')) return false; // the browser closes these
  if (notices.dismissNewest()) return true;
  const leaves = narrow.matches && page.getAttribute('data-view') === 'conversation';
  if (leaves) main.toList();
  return leaves;
}
