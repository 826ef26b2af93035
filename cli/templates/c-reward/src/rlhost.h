/* What nearly every reward plugin needs. */
#ifndef RLHOST_H
#define RLHOST_H

#include "text.h"

typedef exports_rlhost_plugin_reward_sample_t rlhost_sample;
typedef exports_rlhost_plugin_reward_plugin_info_t rlhost_info;
/* A verdict or a failure. */
typedef exports_rlhost_plugin_reward_result_verdict_failure_t rlhost_result;

/* The two functions of a plugin. Name, version and description are there already, from plugin.toml, and the scope is
 * RLHOST_PLUGIN_TYPES_SCOPE_SAMPLE. */
void describe(rlhost_info *info);
rlhost_result score(const rlhost_sample *sample);

/* Names a part that verdicts may carry. */
void rlhost_describe_part(rlhost_info *info, const char *name);
/* Names a parameter; `standard` is its default as JSON. */
void rlhost_describe_param(rlhost_info *info, const char *name, const char *doc, const char *standard);

/* A judgement. */
rlhost_result rlhost_verdict(double total);
/* Adds a named part to a judgement, for records and curves. */
void rlhost_part(rlhost_result *verdict, const char *name, double value);
/* No judgement: the data is at fault. */
rlhost_result rlhost_invalid_reference(const char *message);
/* No judgement, through nobody's fault. */
rlhost_result rlhost_abstain(const char *message);
/* No judgement: the plugin is at fault, or its parameters. */
rlhost_result rlhost_internal(const char *message);

/* The last turn's text: in a single-turn response, the whole response. */
rlhost_text rlhost_last_text(const rlhost_sample *sample);
/* The reference answer: a text as it is, a number or a boolean as JSON writes it. False for anything else. */
bool rlhost_answer(const rlhost_sample *sample, rlhost_text *answer);

#endif
