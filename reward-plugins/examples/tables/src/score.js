// Compares a Markdown table with a reference table; README.md has the formula.

import { align } from "./align.js";
import { readCell, sameCell } from "./cells.js";
import { Internal, InvalidReference, answer, lastText, param, rewardPlugin } from "./rlhost.js";
import { lastTable, tableOf } from "./markdown.js";

const MAX_ROWS = 100;
const MAX_COLUMNS = 30;

export const reward = rewardPlugin({
  parts: ["header", "cells", "exact"],
  params: [
    { name: "rows", doc: "`ordered`: rows are aligned in their order; `any`: in the best order.", default: "ordered" },
    { name: "columns", doc: "`header`: columns of equal headers belong together; `position`: those in the same place.", default: "header" },
    { name: "tolerance", doc: "How far a number may be off, relative to the reference.", default: 0 },
    { name: "case_sensitive", doc: "Tell upper from lower case.", default: false },
    { name: "header_weight", doc: "The header's share of the score, from 0 to 1.", default: 0.2 },
  ],
  score,
});

/**
 * @param {import("./rlhost.js").Sample} sample
 * @returns {import("./rlhost.js").Verdict}
 */
function score(sample) {
  const rows = choice(sample, "rows", ["ordered", "any"]);
  const columns = choice(sample, "columns", ["header", "position"]);
  const tolerance = param(sample, "tolerance", 0);
  const caseSensitive = param(sample, "case_sensitive", false);
  const headerWeight = param(sample, "header_weight", 0.2);
  if (tolerance < 0) {
    throw new Internal("the parameter `tolerance` must not be negative");
  }
  if (headerWeight < 0 || headerWeight > 1) {
    throw new Internal("the parameter `header_weight` must be from 0 to 1");
  }
  const expected = referenceTable(answer(sample));
  const given = lastTable(lastText(sample));
  if (given === undefined || isTooLarge(given)) {
    return { total: 0, parts: { header: 0, cells: 0, exact: 0 } };
  }
  const [reference, found] = [expected, given].map((table) => read(table, caseSensitive));
  const same = (a, b) => sameCell(a, b, tolerance);

  const pairs = columnPairs(reference.header, found.header, columns, same);
  const equalHeaders = pairs.filter(([r, f]) => same(reference.header[r], found.header[f])).length;
  const header = f1(equalHeaders, reference.header.length, found.header.length);

  const agreeing = (r, f) =>
    pairs.filter(([a, b]) => isFilled(reference.rows[r][a]) && same(reference.rows[r][a], found.rows[f][b])).length;
  const matched = align(reference.rows.length, found.rows.length, agreeing, rows);
  const cells = f1(matched, reference.rows.flat().filter(isFilled).length, found.rows.flat().filter(isFilled).length);

  const exact = header === 1 && cells === 1 && reference.rows.length === found.rows.length ? 1 : 0;
  return { total: headerWeight * header + (1 - headerWeight) * cells, parts: { header, cells, exact } };
}

function read({ header, rows }, caseSensitive) {
  const texts = (row) => row.map((text) => readCell(text, caseSensitive));
  return { header: texts(header), rows: rows.map(texts) };
}

/** An empty cell is no cell. */
function isFilled(cell) {
  return cell.text !== "";
}

function choice(sample, name, choices) {
  const chosen = param(sample, name, choices[0]);
  if (!choices.includes(chosen)) {
    throw new Internal(`the parameter \`${name}\` must be one of ${choices.join(", ")}, but it is \`${chosen}\``);
  }
  return chosen;
}

function referenceTable(value) {
  const table = typeof value === "string" ? lastTable(value) : tableOf(value);
  if (table === undefined) {
    throw new InvalidReference("the reference answer is neither a Markdown table nor an object with `header` and `rows`");
  }
  if (isTooLarge(table)) {
    throw new InvalidReference(`the reference has more than ${MAX_ROWS} rows or ${MAX_COLUMNS} columns`);
  }
  return table;
}

function isTooLarge({ header, rows }) {
  return rows.length > MAX_ROWS || header.length > MAX_COLUMNS;
}

/** Indices of columns that belong together. Of equal headers the first belongs to the first. */
function columnPairs(reference, found, columns, same) {
  if (columns === "position") {
    const count = Math.min(reference.length, found.length);
    return Array.from({ length: count }, (_, i) => [i, i]);
  }
  const free = new Set(found.keys());
  const pairs = [];
  for (const [r, header] of reference.entries()) {
    for (const f of free) {
      if (same(header, found[f])) {
        pairs.push([r, f]);
        free.delete(f);
        break;
      }
    }
  }
  return pairs;
}

/** 2 · matched / (expected + given); where there is nothing to find and nothing was found, 1. */
function f1(matched, expected, given) {
  return expected + given === 0 ? 1 : (2 * matched) / (expected + given);
}
