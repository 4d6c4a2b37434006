// The marks of a picture as a list box, so that keys can pick what the pointer can. One of them is the current one.
import { unique, update } from "../core/dom.js";

/**
 * Gives keys to the picture `node`; `option` is the element in it that represents the current mark.
 * across(), up(): the marks as anything that can be compared, from the left and from below; pick(mark); open(): for Enter.
 * `draw({ any, current, words })`: whether there are marks at all, the current one or null, and its description.
 */
export function marksByKeys(node, option, { across, up = across, pick, open = () => {} }) {
  update(option, { id: unique("mark") });
  let current = null;

  function press(event) {
    if (!node.hasAttribute("aria-activedescendant")) return;
    if (event.key === "Enter" && current !== null) {
      event.preventDefault();
      open();
      return;
    }
    const [order, step] = {
      ArrowRight: [across, 1], ArrowLeft: [across, -1], ArrowUp: [up, 1], ArrowDown: [up, -1],
      PageDown: [across, 10], PageUp: [across, -10], Home: [across, -Infinity], End: [across, Infinity],
    }[event.key] ?? [];
    if (!order) return;
    event.preventDefault();
    const marks = order();
    const found = marks.indexOf(current);
    const from = found >= 0 ? found : step > 0 ? -1 : marks.length; // from outside, where nothing is picked
    pick(marks[Math.min(marks.length - 1, Math.max(0, from + step))]);
  }
  node.addEventListener("keydown", press);

  return {
    draw({ any, current: mark, words }) {
      current = mark;
      update(option, {
        opacity: mark === null ? 0 : null, role: any && "option", "aria-selected": any && String(mark !== null),
        "aria-label": any && (mark === null ? "nothing is picked" : words),
      });
      update(node, any
        ? { role: "listbox", tabindex: 0, "aria-activedescendant": option.id }
        : { role: "img", tabindex: null, "aria-activedescendant": null });
    },
  };
}
