// Tables of GitHub Flavored Markdown (https://github.github.com/gfm/#tables-extension-).

/** @typedef {{header: string[], rows: string[][]}} Table every row has as many cells as the header */

const DELIMITER = /^:?-+:?$/;

/**
 * The last table of a text: a line of headers, a line of as many delimiters, and the lines that follow up to an empty one.
 *
 * @param {string} text
 * @returns {Table | undefined}
 */
export function lastTable(text) {
  const lines = text.split(/\r?\n/);
  let found;
  for (let at = 1; at < lines.length; at++) {
    if (!lines[at].includes("-") || !lines[at - 1].includes("|")) {
      continue;
    }
    const delimiters = cellsOf(lines[at]);
    const header = cellsOf(lines[at - 1]);
    if (header.length === delimiters.length && delimiters.every((cell) => DELIMITER.test(cell))) {
      found = { header, rows: rowsFrom(lines, at + 1, header.length) };
      // A row of dashes is none of delimiters.
      at += found.rows.length + 1;
    }
  }
  return found;
}

function rowsFrom(lines, start, width) {
  const rows = [];
  for (let at = start; at < lines.length && isRow(lines[at]); at++) {
    const cells = cellsOf(lines[at]).slice(0, width);
    rows.push([...cells, ...new Array(width - cells.length).fill("")]);
  }
  return rows;
}

/** A table ends at an empty line, a heading, a quotation or a code fence. */
function isRow(line) {
  return line.trim() !== "" && !/^ {0,3}(#|>|```|~~~)/.test(line);
}

// Stands for a border that is none while a line is split; texts of Markdown don't hold it.
const ESCAPED = "\0";

/** The cells of a line; `\|` is no border. */
function cellsOf(line) {
  const cells = line.trim().replaceAll("\\|", ESCAPED).split("|");
  if (cells[0] === "") {
    cells.shift();
  }
  if (cells.length > 1 && cells.at(-1) === "") {
    cells.pop();
  }
  return cells.map((cell) => cell.replaceAll(ESCAPED, "|").trim());
}

/**
 * A table that is given as an object with `header` and `rows`; cells are texts, numbers or null.
 *
 * @param {unknown} value
 * @returns {Table | undefined}
 */
export function tableOf(value) {
  const { header, rows } = Object(value);
  const isRowOf = (row) => Array.isArray(row) && row.every((cell) => cell === null || ["string", "number"].includes(typeof cell));
  if (!isRowOf(header) || header.length === 0 || !Array.isArray(rows) || !rows.every((row) => isRowOf(row) && row.length === header.length)) {
    return undefined;
  }
  const texts = (row) => row.map((cell) => String(cell ?? "").trim());
  return { header: texts(header), rows: rows.map(texts) };
}
