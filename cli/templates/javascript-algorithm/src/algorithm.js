// An algorithm: a policy loss with its gradient.

import { algorithm, numberParam, trained, zeroLoss } from "./rlhost.js";

export const objective = algorithm({
  lossScope: "row",
  params: [{ name: "scale", doc: "Factor of the loss.", default: 1 }],
  policyLoss,
});

/**
 * The function to edit: −A · logp, the mean over tokens. Advantages of your own come from a function
 * `advantage(input, params)` beside `policyLoss` above.
 *
 * @param {import("./rlhost.js").LossInput} input
 * @param {import("./rlhost.js").Totals} totals
 * @param {Record<string, unknown>} params
 * @returns {import("./rlhost.js").LossOutput}
 */
function policyLoss(input, totals, params) {
  // Dividing by the totals, and not by the tokens at hand, makes micro-batches add up.
  const weight = numberParam(params, "scale", 1) / Math.max(totals.tokens, 1);
  const out = zeroLoss(input.rows);
  for (const token of trained(input.rows)) {
    out.loss -= weight * input.advantages[token] * input.logp[token];
    out.dLogp[token] = -weight * input.advantages[token];
  }
  return out;
}
