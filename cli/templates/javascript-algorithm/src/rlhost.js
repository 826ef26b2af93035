// What nearly every algorithm needs. Yours to change.
//
// Every call meets a fresh instance: what a module keeps in variables is gone with the call.

/**
 * Ragged rows of tokens: row i is the entries `offsets[i]` to `offsets[i + 1]` of every array with one entry per
 * token; `mask` is 1 where a token is trained.
 *
 * @typedef {{offsets: number[], mask: Uint8Array}} Rows
 */

/**
 * All rows of a step.
 *
 * @typedef {object} AdvantageInput
 * @property {Rows} rows
 * @property {number[]} rewards one per token
 * @property {number[]} groups one per row: equal numbers are completions of one prompt
 * @property {Uint8Array} kept one per row: 0 where the row left the step
 * @property {number[] | null} values
 * @property {number[] | null} baselines
 *
 * @typedef {{advantages: number[], returns: number[]}} Advantages one number per token each
 */

/**
 * A micro-batch: some rows of a mini-batch. Arrays have one entry per token; those that may be null are there
 * where `needs` names them.
 *
 * @typedef {object} LossInput
 * @property {Rows} rows
 * @property {number[]} logp log-probs under the weights being trained
 * @property {number[]} oldLogp log-probs under the weights at the start of the step
 * @property {number[]} advantages
 * @property {number[] | null} refLogp
 * @property {number[] | null} rolloutLogp
 * @property {number[] | null} entropy
 * @property {Uint8Array | null} prefixMask
 * @property {number[] | null} rowScores
 * @property {number[] | null} targetLogp
 * @property {number} seed its 53 highest bits: numbers of 64 bits are rounded
 *
 * Counts of the whole mini-batch.
 *
 * @typedef {object} Totals
 * @property {number} tokens trained tokens
 * @property {number} rows rows with at least one trained token
 * @property {number} prefixTokens
 * @property {number} prefixRows
 * @property {number} prefixRowTokens
 * @property {number} normLength the longest possible response in tokens
 *
 * @typedef {object} LossOutput
 * @property {number} loss
 * @property {number[]} dLogp the derivative of the loss with respect to each log-prob
 * @property {number[]} [dEntropy]
 * @property {Record<string, number>} [metrics] each divided by the totals already
 *
 * @typedef {"values" | "baselines" | "ref-logp" | "rollout-logp" | "entropy" | "prefix-mask" | "row-scores"
 *   | "target-logp"} Input
 */

/**
 * What an algorithm exports as `objective`. Name, version and description are those of plugin.toml. An error that a
 * function throws ends the run.
 *
 * @param {object} algorithm
 * @param {(input: AdvantageInput, params: Record<string, unknown>) => Advantages} [algorithm.advantage]
 * @param {(input: LossInput, totals: Totals, params: Record<string, unknown>) => LossOutput} [algorithm.policyLoss]
 * @param {"row" | "batch"} [algorithm.lossScope] what the loss has to see at once
 * @param {Input[]} [algorithm.needs] arrays that not every run has
 * @param {{name: string, doc: string, default: unknown}[]} [algorithm.params]
 */
export function algorithm({ advantage, policyLoss, lossScope = "row", needs = [], params = [] }) {
  return {
    describe() {
      return {
        ...globalThis.PLUGIN,
        advantage: advantage !== undefined,
        policyLoss: policyLoss === undefined ? undefined : lossScope,
        needs,
        params: params.map((param) => ({ ...param, default: JSON.stringify(param.default) })),
      };
    },
    advantage(input, params) {
      return result(() => advantage(input, JSON.parse(params || "{}")));
    },
    policyLoss(input, totals, params) {
      return result(() => {
        const out = policyLoss(input, totals, JSON.parse(params || "{}"));
        return { ...out, metrics: Object.entries(out.metrics ?? {}) };
      });
    },
  };
}

/** A function of the contract returns its result, and throws its error: here a text. */
function result(work) {
  try {
    return work();
  } catch (error) {
    throw told(error);
  }
}

/** An error in a line, with the place where it was thrown. */
function told(error) {
  const place = /\(?\/?(src\/[^\s()]+:\d+:\d+)/.exec(error?.stack ?? "");
  return place ? `${error} (${place[1]})` : String(error);
}

/**
 * The trained tokens of all rows, as indices into arrays with one entry per token.
 *
 * @param {Rows} rows
 * @returns {number[]}
 */
export function trained(rows) {
  return between(rows, 0, rows.offsets.at(-1));
}

/**
 * The trained tokens of a row.
 *
 * @param {Rows} rows
 * @param {number} row
 * @returns {number[]}
 */
export function trainedOf(rows, row) {
  return between(rows, rows.offsets[row], rows.offsets[row + 1]);
}

function between(rows, from, to) {
  const tokens = [];
  for (let token = from; token < to; token++) {
    if (rows.mask[token] !== 0) {
      tokens.push(token);
    }
  }
  return tokens;
}

/**
 * No loss and no gradient.
 *
 * @param {Rows} rows
 * @returns {LossOutput}
 */
export function zeroLoss(rows) {
  return { loss: 0, dLogp: new Array(rows.offsets.at(-1)).fill(0), metrics: {} };
}

/**
 * A parameter that is a number, or `standard` where it is not given.
 *
 * @param {Record<string, unknown>} params
 * @param {string} name
 * @param {number} standard
 * @returns {number}
 */
export function numberParam(params, name, standard) {
  const value = Object.hasOwn(params, name) ? params[name] : standard;
  if (typeof value !== "number") {
    throw new Error(`the parameter \`${name}\` must be a number, but it is ${JSON.stringify(value)}`);
  }
  return value;
}
