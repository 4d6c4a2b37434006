// Elements without markup: every text goes through textContent, so that whatever a dataset or a model contains stays text.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. `properties`: class, text, on<Event> functions, and attributes (true: present; null, false: absent). */
export function element(name, properties = {}, ...children) {
  return furnish(document.createElement(name), properties, children);
}

/** The same for an SVG element. */
export function svg(name, properties = {}, ...children) {
  return furnish(document.createElementNS(SVG, name), properties, children);
}

/** Set attributes of an element that exists, and its text; only what differs is written. */
export function update(node, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (name === "text") {
      if (node.textContent !== String(value)) node.textContent = value;
    } else if (value === null || value === undefined || value === false) {
      node.removeAttribute(name);
    } else {
      const written = value === true ? "" : String(value);
      if (node.getAttribute(name) !== written) node.setAttribute(name, written);
    }
  }
  return node;
}

function furnish(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") node.addEventListener(name.slice(2).toLowerCase(), value);
    else update(node, { [name]: value });
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

const COPY = Math.random().toString(36).slice(2, 10); // every widget of a notebook has its own copy of this module, with its own count
let used = 0;

/** A name that no other element of the document has, for ids and groups of radio buttons. */
export function unique(stem) {
  used += 1;
  return `rx-${stem}-${COPY}-${used}`;
}
