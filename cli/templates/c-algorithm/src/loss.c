/* An algorithm: a policy loss with its gradient. */
#include "rlhost.h"

void describe(rlhost_info *info) {
  rlhost_describe_loss(info, EXPORTS_RLHOST_PLUGIN_OBJECTIVE_LOSS_SCOPE_ROW);
  rlhost_describe_param(info, "scale", "Factor of the loss.", "1.0");
}

/* The function to edit: -A * logp, the mean over tokens. Anything but NULL is why there is no loss. */
const char *policy_loss(const rlhost_loss_input *input, const rlhost_totals *totals, rlhost_text params,
                        rlhost_loss_output *output) {
  double scale = 1.0;
  if (!rlhost_number(params, "scale", &scale)) {
    return "the parameter `scale` must be a number";
  }
  /* Dividing by the totals, and not by the tokens at hand, makes micro-batches add up. */
  double weight = scale / (double)(totals->tokens > 0 ? totals->tokens : 1);
  for (size_t token = 0; token < input->logp.len; token++) {
    if (!input->rows.mask.ptr[token]) {
      continue;
    }
    double advantage = input->advantages.ptr[token];
    output->loss -= weight * advantage * input->logp.ptr[token];
    output->d_logp.ptr[token] = -weight * advantage;
  }
  return NULL;
}

/* The other function of an algorithm. It is asked only where `describe` says rlhost_describe_advantage(info). */
const char *advantage(const rlhost_advantage_input *input, rlhost_text params, rlhost_advantages *output) {
  (void)input, (void)params, (void)output;
  return "this algorithm has no advantages";
}
