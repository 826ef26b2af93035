/* A reward plugin: it judges one response at a time. */
#include "rlhost.h"

void describe(rlhost_info *info) {
  rlhost_describe_part(info, "accuracy");
  rlhost_describe_param(info, "ignore_case",
                        "Treat upper and lower case of the letters A to Z as the same.", "false");
}

/* The function to edit: 1 where the response contains the reference answer.
 *
 * A wrong response is a verdict with a low total. A failure says that there is no judgement. */
rlhost_result score(const rlhost_sample *sample) {
  bool ignore_case = false;
  if (!rlhost_flag(sample->params, "ignore_case", &ignore_case)) {
    return rlhost_internal("the parameter `ignore_case` must be true or false");
  }
  rlhost_text answer;
  if (!rlhost_answer(sample, &answer)) {
    return rlhost_invalid_reference("there is no reference answer that is a text or a number");
  }
  rlhost_text response = rlhost_last_text(sample);
  if (ignore_case) {
    answer = rlhost_lower(answer);
    response = rlhost_lower(response);
  }
  double accuracy = rlhost_contains(response, answer) ? 1.0 : 0.0;
  rlhost_result result = rlhost_verdict(accuracy);
  rlhost_part(&result, "accuracy", accuracy);
  return result;
}
