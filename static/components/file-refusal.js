// @ts-check
// Files that are dropped on the page or pasted into it: they cannot be sent yet, and what the browser would
// do with them in the page's place loses sight of the conversation.
import { t } from '../texts/strings.js';

/** Tells of files that they are not taken, and lets nothing that is dropped replace the page. @param {(words: string) => void} tell @param {AbortSignal} signal */
export function refuseFiles(tell, signal) {
  window.addEventListener('dragover', event => {
    if (takesText(event)) return;
    event.preventDefault(); // so that the drop is the page's to answer
  }, { signal });
  window.addEventListener('drop', event => {
    if (takesText(event)) return;
    event.preventDefault();
    if (hasFiles(event.dataTransfer)) tell(t.noFiles);
  }, { signal });
  window.addEventListener('paste', event => {
    // Programs for writing put a picture of their text beside it.
    if (!hasFiles(event.clipboardData) || event.clipboardData?.types.includes('text/plain')) return;
    event.preventDefault();
    tell(t.noFiles);
  }, { signal });
}

/** @param {DataTransfer | null} carried */
function hasFiles(carried) {
  return carried?.types.includes('Files') ?? false;
}

/** Text is dropped where one writes. @param {DragEvent} event */
function takesText({ target, dataTransfer }) {
  return !hasFiles(dataTransfer) && target instanceof Element && target.matches('textarea, input');
}
