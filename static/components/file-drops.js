// @ts-check
// Files that are dropped on the page or pasted into it go to the open conversation; what the browser would do with
// them in the page's place loses sight of it.

/** Hands files over, and lets nothing that is dropped replace the page. @param {(files: File[]) => void} give @param {AbortSignal} signal */
export function takeFiles(give, signal) {
  window.addEventListener('dragover', event => {
    if (takesText(event)) return;
    event.preventDefault(); // so that the drop is the page's to answer
  }, { signal });
  window.addEventListener('drop', event => {
    if (takesText(event)) return;
    event.preventDefault();
    if (hasFiles(event.dataTransfer)) give([...event.dataTransfer?.files ?? []]);
  }, { signal });
  window.addEventListener('paste', event => {
    // Programs for writing put a picture of their text beside it.
    if (!hasFiles(event.clipboardData) || event.clipboardData?.types.includes('text/plain')) return;
    event.preventDefault();
    give([...event.clipboardData?.files ?? []]);
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
