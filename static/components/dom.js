// @ts-check
// Building and arranging elements. Text only ever becomes a text node.

/**
 * Makes an element. Attributes that are false, null or undefined are left out,
 * true ones are set empty; names that begin with "on" are listeners.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') e.addEventListener(name.slice(2), value);
    else set(e, name, value);
  }
  e.append(...children);
  return e;
}

/**
 * Sets or removes an attribute, only if that changes something.
 * @param {Element} e
 * @param {string} name
 * @param {string | number | boolean | null | undefined} value
 */
export function set(e, name, value) {
  if (value === false || value === null || value === undefined) {
    if (e.hasAttribute(name)) e.removeAttribute(name);
    return;
  }
  const text = value === true ? '' : String(value);
  if (e.getAttribute(name) !== text) e.setAttribute(name, text);
}

/** Hides or shows an element, only if that changes something: for the browser it is news anyway. @param {HTMLElement} e @param {boolean} hidden */
export function hide(e, hidden) {
  if (e.hidden !== hidden) e.hidden = hidden;
}

/** Sets an element's text, only if that changes something. @param {Element} e @param {string} value */
export function text(e, value) {
  if (e.textContent !== value) e.textContent = value;
}

/**
 * Makes the children of parent exactly these nodes, in this order. What stands
 * where it should is not touched.
 * @param {Element} parent
 * @param {Element[]} nodes
 */
export function arrange(parent, nodes) {
  const wanted = new Set(nodes);
  for (let child = parent.firstElementChild; child;) {
    const next = child.nextElementSibling;
    if (!wanted.has(child)) child.remove();
    child = next;
  }
  let at = parent.firstElementChild;
  for (const node of nodes) {
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
}

/**
 * Makes the children of parent those of these elements that are not hidden: in a long list, what most rows do not
 * show is not in the page.
 * @param {Element} parent
 * @param {HTMLElement[]} parts in their order
 */
export function arrangeShown(parent, parts) {
  arrange(parent, parts.filter(part => !part.hidden));
}

/**
 * Whether a key belongs to an input method, as the Enter that ends a composition. Safari tells of that one
 * after the composition's end: 229 is then what is left of it (UI Events, "Determine keydown / keyup keyCode").
 * @param {KeyboardEvent} event
 */
export function isInputMethods(event) {
  return event.isComposing || event.keyCode === 229;
}

/** A text that is there for assistive technology alone. @param {string} value */
export function spoken(value) {
  return element('span', { class: 'spoken' }, value);
}
