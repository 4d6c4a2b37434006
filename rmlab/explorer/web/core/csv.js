// CSV that a spreadsheet opens as text and numbers, never as formulas.

/** CSV of a head and rows of strings and numbers, as RFC 4180 has it. */
export function csv(head, rows) {
  return [head, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

function cell(value) {
  if (typeof value === "number") return String(value);
  // a spreadsheet takes text that begins like this for a formula; an apostrophe makes it text (OWASP, CSV injection)
  const inert = /^\s*[=+\-@＝＋－＠|%]|^[\t\r\n]/u.test(value) ? `'${value}` : value;
  return `"${inert.replaceAll('"', '""')}"`;
}

const CSV = { type: "text/csv", mark: "\ufeff" }; // the mark tells Excel that the file is UTF-8

/** Hand a text to the reader as a file. */
export function download(name, text, { type, mark = "" } = CSV) {
  const address = URL.createObjectURL(new Blob([mark, text], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
