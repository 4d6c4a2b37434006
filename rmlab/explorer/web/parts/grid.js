// A table of any length: only the rows in view are in the document.
import { element, unique, update } from "../core/dom.js";

const SPARE = 3; // rows that are drawn above and below those in view

/**
 * columns: [{ title, class, sort: what `sort` is called with (none: it is not sorted by), texts: (row) => lines of text }]
 * `draw({ rows, selected, sort, down, still, none })`: `still` are the values of `sort` that are disabled for now; `none`
 * is shown if there are no rows.
 * pick(row) is called for a click or an arrow key, open(row) for Enter or a double click.
 */
export function grid({ label, columns, pick, open = null, sort = () => {} }) {
  const stem = unique("row");
  let fromTop = false; // the reader sorts, and wants to see the first rows, wherever the selected one goes
  const heads = columns.map((column) => {
    const button = column.sort === undefined ? null
      : element("button", { type: "button", class: "rx-sort", text: column.title, onClick: () => { fromTop = true; sort(column.sort); } });
    return element("div", { class: `rx-cell ${column.class}`, role: "columnheader" }, button ?? element("span", { text: column.title }));
  });
  const head = element("div", { class: "rx-row rx-head", role: "row", "aria-rowindex": 1 }, ...heads);
  const body = element("div", { class: "rx-rows", role: "rowgroup" });
  const node = element("div", {
    class: "rx-table", role: "grid", tabindex: 0, "aria-label": label, onKeydown: press, onScroll: paint,
  }, element("div", { role: "rowgroup", class: "rx-heads" }, head), body);
  const nothing = element("p", { class: "rx-no-rows rx-quiet", role: "status" });
  const whole = element("div", { class: "rx-grid-whole" }, node, nothing);
  const pool = [];
  let now = { rows: [], selected: null, sort: null, down: true };
  let tall = 0; // pixels of a row
  const watch = new ResizeObserver(() => paint());
  watch.observe(node);

  function row() {
    const cells = columns.map((column) => element("div", { class: `rx-cell ${column.class}`, role: "gridcell" }));
    const made = element("div", {
      class: "rx-row", role: "row", onClick: () => pick(made.row), onDblclick: () => open?.(made.row),
    }, ...cells);
    made.cells = cells;
    return made;
  }

  function paint() {
    tall = 3.4 * parseFloat(getComputedStyle(node).fontSize);
    body.style.height = `${now.rows.length * tall}px`;
    const room = node.clientHeight - head.offsetHeight;
    const first = Math.max(0, Math.floor(node.scrollTop / tall) - SPARE);
    const last = Math.min(now.rows.length, Math.ceil((node.scrollTop + room) / tall) + SPARE);
    while (pool.length < last - first) pool.push(body.appendChild(row()));
    while (pool.length > Math.max(last - first, 0)) pool.pop().remove();
    pool.forEach((made, i) => {
      const place = first + i;
      made.row = now.rows[place];
      made.style.transform = `translateY(${place * tall}px)`;
      update(made, {
        id: `${stem}-${made.row}`, "aria-rowindex": place + 2, "aria-selected": String(made.row === now.selected),
      });
      columns.forEach((column, j) => fill(made.cells[j], column.texts(made.row)));
    });
    const at = now.rows.indexOf(now.selected);
    update(node, {
      "aria-rowcount": now.rows.length + 1,
      "aria-activedescendant": at >= first && at < last ? `${stem}-${now.selected}` : null,
    });
  }

  function press(event) {
    if (event.target !== node || !now.rows.length) return;
    const at = now.rows.indexOf(now.selected);
    const page = Math.max(1, Math.floor(node.clientHeight / tall) - 2);
    const to = {
      ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: now.rows.length - 1,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      pick(now.rows[Math.min(now.rows.length - 1, Math.max(0, to))]);
    } else if (event.key === "Enter" && open && at >= 0) {
      event.preventDefault();
      open(now.selected);
    }
  }

  /** Scroll as little as brings the selected row into view; to the middle if it comes from afar. */
  function reveal() {
    const top = now.rows.indexOf(now.selected) * tall;
    const room = node.clientHeight - head.offsetHeight;
    if (top < 0 || !tall) return;
    const above = node.scrollTop - top; // pixels that it is out of view
    const below = top + tall - node.scrollTop - room;
    if (Math.max(above, below) > 2 * tall) node.scrollTop = top - Math.floor(room / tall / 2) * tall;
    else if (above > 0) node.scrollTop = top;
    else if (below > 0) node.scrollTop = top + tall - room;
  }

  return {
    node: whole,
    draw(next) {
      const before = now;
      now = next;
      columns.forEach((column, i) => {
        if (column.sort === undefined) return;
        update(heads[i], { "aria-sort": column.sort === now.sort ? (now.down ? "descending" : "ascending") : "none" });
        update(heads[i].firstChild, { disabled: now.still?.includes(column.sort) });
      });
      if (before.rows !== now.rows) node.scrollTop = 0;
      update(nothing, { text: now.rows.length ? "" : now.none ?? "" });
      paint();
      if (!fromTop && (before.selected !== now.selected || before.rows !== now.rows)) {
        reveal();
        paint();
      }
      fromTop = false;
    },
    close: () => watch.disconnect(),
  };
}

function fill(cell, texts) {
  while (cell.childElementCount < texts.length) cell.append(element("span", { dir: "auto" }));
  while (cell.childElementCount > texts.length) cell.lastElementChild.remove();
  texts.forEach((text, i) => update(cell.children[i], { text }));
}
