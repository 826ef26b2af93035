/* What nearly every algorithm needs. */
#ifndef RLHOST_H
#define RLHOST_H

#include "text.h"

typedef exports_rlhost_plugin_objective_algorithm_info_t rlhost_info;
typedef exports_rlhost_plugin_objective_rows_t rlhost_rows;
typedef exports_rlhost_plugin_objective_advantage_input_t rlhost_advantage_input;
typedef exports_rlhost_plugin_objective_advantages_t rlhost_advantages;
typedef exports_rlhost_plugin_objective_loss_input_t rlhost_loss_input;
typedef exports_rlhost_plugin_objective_totals_t rlhost_totals;
typedef exports_rlhost_plugin_objective_loss_output_t rlhost_loss_output;

/* The functions of an algorithm. Name, version and description are there already, from plugin.toml. Row i is the
 * tokens rows.offsets.ptr[i] to rows.offsets.ptr[i + 1]. */
void describe(rlhost_info *info);
/* `output` is all zeros and has one place per token. What is returned is why there is no result, else NULL. */
const char *policy_loss(const rlhost_loss_input *input, const rlhost_totals *totals, rlhost_text params,
                        rlhost_loss_output *output);
const char *advantage(const rlhost_advantage_input *input, rlhost_text params, rlhost_advantages *output);

/* There is a policy loss, and what it has to see at once. */
void rlhost_describe_loss(rlhost_info *info, exports_rlhost_plugin_objective_loss_scope_t scope);
/* There are advantages. */
void rlhost_describe_advantage(rlhost_info *info);
/* Asks for an array that not every run has. */
void rlhost_describe_need(rlhost_info *info, exports_rlhost_plugin_objective_input_t input);
/* Names a parameter; `standard` is its default as JSON. */
void rlhost_describe_param(rlhost_info *info, const char *name, const char *doc, const char *standard);

/* Adds a number for the curves; micro-batches add up. */
void rlhost_metric(rlhost_loss_output *output, const char *name, double value);

#endif
