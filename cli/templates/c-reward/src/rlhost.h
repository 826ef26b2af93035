/* What nearly every reward plugin needs. */
#ifndef RLHOST_H
#define RLHOST_H

#include "text.h"

typedef exports_rlhost_plugin_reward_sample_t rlhost_sample;
typedef exports_rlhost_plugin_reward_plugin_info_t rlhost_info;
/* A verdict or a failure. */
typedef exports_rlhost_plugin_reward_result_verdict_failure_t rlhost_result;

/* Samples that a call sees together. */
typedef exports_rlhost_plugin_reward_list_sample_t rlhost_samples;

/* The two functions of a plugin. Name, version, description and scope are there already, from plugin.toml. */
void describe(rlhost_info *info);
rlhost_result score(const rlhost_sample *sample);
/* In the place of score where plugin.toml says `scope = "group"` (all completions of a prompt) or "batch" (all of a
 * training step): results[i] is what comes of samples->ptr[i], and each must be set. */
void score_all(const rlhost_samples *samples, rlhost_result *results);

/* Names a part that verdicts may carry. */
void rlhost_describe_part(rlhost_info *info, const char *name);
/* Names a parameter; `standard` is its default as JSON. */
void rlhost_describe_param(rlhost_info *info, const char *name, const char *doc, const char *standard);

/* A judgement. */
rlhost_result rlhost_verdict(double total);
/* Adds a named part to a judgement, for records and curves. */
void rlhost_part(rlhost_result *verdict, const char *name, double value);
/* Adds a reward of a place in the response, a share of the total: that up to the byte `end` of a turn, counted from 0. */
void rlhost_step(rlhost_result *verdict, uint32_t turn, size_t end, double value);
/* The end of the turn. */
#define RLHOST_TURN_END SIZE_MAX
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

/* A picture of the prompt: row by row from the top left, three bytes (red, green, blue) a pixel. */
typedef struct {
  uint32_t width;
  uint32_t height;
  const uint8_t *rgb;
} rlhost_picture;

/* Picture `index` of a sample, which has sample->images.len of them. False where there is none of that index. */
bool rlhost_picture_of(const rlhost_sample *sample, size_t index, rlhost_picture *picture);
/* In a batch: where the completions of the prompt end that the sample `first` begins. */
size_t rlhost_group_end(const rlhost_samples *samples, size_t first);

#endif
