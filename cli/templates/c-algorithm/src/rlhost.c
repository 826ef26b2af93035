#include "rlhost.h"

#include <string.h>

/* So many numbers, all 0. */
static plugin_list_f64_t zeros(size_t count) {
  plugin_list_f64_t made = {rlhost_allocate(count * sizeof(double)), count};
  memset(made.ptr, 0, count * sizeof(double));
  return made;
}

/* What the host calls. */

void exports_rlhost_plugin_objective_describe(rlhost_info *info) {
  memset(info, 0, sizeof *info);
  info->name = rlhost_copy(PLUGIN_NAME);
  info->version = rlhost_copy(PLUGIN_VERSION);
  info->doc = rlhost_copy(PLUGIN_DESCRIPTION);
  describe(info);
}

bool exports_rlhost_plugin_objective_policy_loss(rlhost_loss_input *input, rlhost_totals *totals, plugin_string_t *params,
                                                 rlhost_loss_output *output, plugin_string_t *error) {
  memset(output, 0, sizeof *output);
  output->d_logp = zeros(input->logp.len);
  const char *reason = policy_loss(input, totals, *params, output);
  if (reason != NULL) {
    *error = rlhost_copy(reason);
  }
  return reason == NULL;
}

bool exports_rlhost_plugin_objective_advantage(rlhost_advantage_input *input, plugin_string_t *params,
                                               rlhost_advantages *output, plugin_string_t *error) {
  output->advantages = zeros(input->rewards.len);
  output->returns = zeros(input->rewards.len);
  const char *reason = advantage(input, *params, output);
  if (reason != NULL) {
    *error = rlhost_copy(reason);
  }
  return reason == NULL;
}

/* Descriptions and results. */

void rlhost_describe_loss(rlhost_info *info, exports_rlhost_plugin_objective_loss_scope_t scope) {
  info->policy_loss.is_some = true;
  info->policy_loss.val = scope;
}

void rlhost_describe_advantage(rlhost_info *info) { info->advantage = true; }

void rlhost_describe_need(rlhost_info *info, exports_rlhost_plugin_objective_input_t input) {
  info->needs.ptr = rlhost_grown(info->needs.ptr, info->needs.len, sizeof *info->needs.ptr);
  info->needs.ptr[info->needs.len++] = input;
}

void rlhost_describe_param(rlhost_info *info, const char *name, const char *doc, const char *standard) {
  info->params.ptr = rlhost_grown(info->params.ptr, info->params.len, sizeof *info->params.ptr);
  rlhost_plugin_types_param_info_t *param = &info->params.ptr[info->params.len++];
  param->name = rlhost_copy(name);
  param->doc = rlhost_copy(doc);
  param->default_ = rlhost_copy(standard);
}

void rlhost_metric(rlhost_loss_output *output, const char *name, double value) {
  output->metrics.ptr = rlhost_grown(output->metrics.ptr, output->metrics.len, sizeof *output->metrics.ptr);
  output->metrics.ptr[output->metrics.len].f0 = rlhost_copy(name);
  output->metrics.ptr[output->metrics.len].f1 = value;
  output->metrics.len++;
}
