// A reward plugin: it judges one response at a time.

import { answerText, lastText, param, rewardPlugin } from "./rlhost.js";

export const reward = rewardPlugin({
  parts: ["accuracy"],
  params: [{ name: "ignore_case", doc: "Treat upper and lower case as the same.", default: false }],
  score,
});

/**
 * The function to edit: 1 where the response contains the reference answer.
 *
 * A wrong response is a verdict with a low total. A failure says that there is no judgement: throw
 * `new InvalidReference(message)`, `new Abstain(message)` or `new Internal(message)` of rlhost.js.
 *
 * @param {import("./rlhost.js").Sample} sample
 * @returns {import("./rlhost.js").Verdict}
 */
function score(sample) {
  const ignoreCase = param(sample, "ignore_case", false);
  let answer = answerText(sample);
  let response = lastText(sample);
  if (ignoreCase) {
    answer = answer.toLowerCase();
    response = response.toLowerCase();
  }
  const accuracy = response.includes(answer) ? 1 : 0;
  return { total: accuracy, parts: { accuracy } };
}
