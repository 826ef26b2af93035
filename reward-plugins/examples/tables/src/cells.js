// When two cells say the same.

/** The text as it is compared: one form of each letter, single spaces, and no emphasis. */
function normalized(text, caseSensitive) {
  const plain = text
    .normalize("NFKC")
    .replace(/<br\s*\/?>/gi, " ")
    .replace(/(\*\*|__|~~)(\S(?:.*?\S)?)\1/g, "$2")
    .replace(/(?<!\w)([*_])(\S(?:.*?\S)?)\1(?!\w)/g, "$2")
    .replace(/`/g, "")
    .replace(/\s+/g, " ")
    .trim();
  return caseSensitive ? plain : plain.toLowerCase();
}

const NUMBER = /^([($€£¥-]*)\s*((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?:e([+-]?\d{1,3}))?\s*([%)€]*)$/i;

/**
 * The number that a cell is, and whether it is a percentage: `1,234.5`, `-3`, `(3)` for -3, `$5`, `12 %`, `1e3`. `undefined` for
 * anything else, such as `1,23` or `5 kg`.
 */
function numberOf(text) {
  const match = NUMBER.exec(text.replace(/[−–]/g, "-").trim());
  if (match === null) {
    return undefined;
  }
  const [, before, digits, exponent, after] = match;
  const bracketed = before.includes("(");
  const signs = before.split("-").length - 1;
  if (bracketed !== after.includes(")") || signs > 1 || (bracketed && signs > 0)) {
    return undefined;
  }
  const size = Number(`${digits.replaceAll(",", "")}e${exponent ?? 0}`);
  return { value: bracketed || signs > 0 ? -size : size, percent: after.includes("%") };
}

/** A cell as it is compared. */
export function readCell(text, caseSensitive) {
  const plain = normalized(text, caseSensitive);
  return { text: plain, number: numberOf(plain) };
}

/** Whether a cell says what the reference says: the same number, or the same text. */
export function sameCell(reference, found, tolerance) {
  if (reference.text === found.text) {
    return true;
  }
  const [expected, given] = [reference.number, found.number];
  if (expected === undefined || given === undefined || expected.percent !== given.percent) {
    return false;
  }
  return Math.abs(expected.value - given.value) <= tolerance * Math.abs(expected.value);
}
