// Helpers for the document.
//
// Text from outside (names, endpoints, findings) only ever becomes text or the value of a harmless attribute. No code here may
// create markup from a string.
//
// An update changes nodes in place, so focus, scroll position, open details, searches and selections survive it.

const $ = (selector, root = document) => root.querySelector(selector);

/** Sets attributes and appends children. Strings become text. */
function assemble(node, attributes = {}, ...children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
const element = (tag, ...rest) => assemble(document.createElement(tag), ...rest);
const svgElement = (tag, ...rest) => assemble(document.createElementNS('http://www.w3.org/2000/svg', tag), ...rest);

function cloneTemplate(template) {
  return document.importNode($(template).content, true).firstElementChild;
}

// These leave a node alone if nothing changed: selections survive, and screen readers do not read it again.
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function setAttr(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

function setVisible(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

/** Shows a value of the API as `format(value)`; data-value has the exact value. */
function setValue(node, value, format, unit) {
  const known = value !== null && value !== undefined;
  setAttr(node, 'data-value', known ? String(value) : '');
  setText(node, known ? format(value) : 'unknown');
  setAttr(node, 'title', known ? formatExact(value, unit) : 'unknown');
}

/** Makes `nodes` the children of `parent`, in this order. A node that is in its position already is not touched. */
function arrangeChildren(parent, nodes) {
  const kept = new Set(nodes);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  nodes.forEach((node, index) => {
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
  });
}

/** Replaces the children of `parent` if the text differs. Only for content that cannot have focus. */
function setChildren(parent, nodes) {
  const textOf = (some) => Array.from(some, (node) => node.textContent ?? node).join('\n');
  if (textOf(nodes) !== textOf(parent.childNodes)) parent.replaceChildren(...nodes);
}

let lastId = 0;
const newId = () => `n${lastId += 1}`;

/** Has screen readers read the text. */
function announce(text) {
  $('#announcement').textContent = text;
}
