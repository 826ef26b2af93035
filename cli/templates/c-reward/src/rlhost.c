#include "rlhost.h"

#include <string.h>

/* What the host calls. */

void exports_rlhost_plugin_reward_describe(exports_rlhost_plugin_reward_plugin_info_t *info) {
  memset(info, 0, sizeof *info);
  info->name = rlhost_copy(PLUGIN_NAME);
  info->version = rlhost_copy(PLUGIN_VERSION);
  info->doc = rlhost_copy(PLUGIN_DESCRIPTION);
  info->scope = PLUGIN_SCOPE;
  describe(info);
}

void exports_rlhost_plugin_reward_score(
    exports_rlhost_plugin_reward_list_sample_t *samples,
    exports_rlhost_plugin_reward_list_result_verdict_failure_t *results) {
  results->len = samples->len;
  results->ptr = rlhost_allocate(samples->len * sizeof *results->ptr);
#if PLUGIN_SCOPE == RLHOST_PLUGIN_TYPES_SCOPE_SAMPLE
  for (size_t i = 0; i < samples->len; i++) {
    results->ptr[i] = score(&samples->ptr[i]);
  }
#else
  for (size_t i = 0; i < samples->len; i++) {
    results->ptr[i] = rlhost_internal("score_all gave this sample no result");
  }
  score_all(samples, results->ptr);
#endif
}

/* Descriptions and results. */

void rlhost_describe_part(rlhost_info *info, const char *name) {
  info->parts.ptr = rlhost_grown(info->parts.ptr, info->parts.len, sizeof *info->parts.ptr);
  info->parts.ptr[info->parts.len++] = rlhost_copy(name);
}

void rlhost_describe_param(rlhost_info *info, const char *name, const char *doc, const char *standard) {
  info->params.ptr = rlhost_grown(info->params.ptr, info->params.len, sizeof *info->params.ptr);
  rlhost_plugin_types_param_info_t *param = &info->params.ptr[info->params.len++];
  param->name = rlhost_copy(name);
  param->doc = rlhost_copy(doc);
  param->default_ = rlhost_copy(standard);
}

rlhost_result rlhost_verdict(double total) {
  rlhost_result result;
  memset(&result, 0, sizeof result);
  result.val.ok.total = total;
  return result;
}

void rlhost_part(rlhost_result *verdict, const char *name, double value) {
  if (verdict->is_err) {
    return;
  }
  plugin_list_tuple2_string_f64_t *parts = &verdict->val.ok.parts;
  parts->ptr = rlhost_grown(parts->ptr, parts->len, sizeof *parts->ptr);
  parts->ptr[parts->len].f0 = rlhost_copy(name);
  parts->ptr[parts->len].f1 = value;
  parts->len++;
}

void rlhost_step(rlhost_result *verdict, uint32_t turn, size_t end, double value) {
  if (verdict->is_err) {
    return;
  }
  rlhost_plugin_types_list_step_reward_t *steps = &verdict->val.ok.steps;
  steps->ptr = rlhost_grown(steps->ptr, steps->len, sizeof *steps->ptr);
  memset(&steps->ptr[steps->len], 0, sizeof *steps->ptr);
  steps->ptr[steps->len].turn = turn;
  steps->ptr[steps->len].end_byte.is_some = end != RLHOST_TURN_END;
  steps->ptr[steps->len].end_byte.val = end == RLHOST_TURN_END ? 0 : end;
  steps->ptr[steps->len].value = value;
  steps->len++;
}

static rlhost_result failure(uint8_t tag, const char *message) {
  rlhost_result result;
  memset(&result, 0, sizeof result);
  result.is_err = true;
  result.val.err.tag = tag;
  /* All failures carry a message, in the same place. */
  result.val.err.val.internal = rlhost_copy(message);
  return result;
}

rlhost_result rlhost_invalid_reference(const char *message) {
  return failure(RLHOST_PLUGIN_TYPES_FAILURE_INVALID_REFERENCE, message);
}

rlhost_result rlhost_abstain(const char *message) {
  return failure(RLHOST_PLUGIN_TYPES_FAILURE_ABSTAIN, message);
}

rlhost_result rlhost_internal(const char *message) {
  return failure(RLHOST_PLUGIN_TYPES_FAILURE_INTERNAL, message);
}

/* Samples. */

rlhost_text rlhost_last_text(const rlhost_sample *sample) {
  if (sample->response.len == 0) {
    return rlhost_copy("");
  }
  return sample->response.ptr[sample->response.len - 1].text;
}

bool rlhost_picture_of(const rlhost_sample *sample, size_t index, rlhost_picture *picture) {
  if (index >= sample->images.len) {
    return false;
  }
  rlhost_plugin_types_borrow_image_t image = rlhost_plugin_types_borrow_image(sample->images.ptr[index]);
  plugin_list_u8_t rgb;
  rlhost_plugin_types_method_image_rgb(image, &rgb);
  picture->width = rlhost_plugin_types_method_image_width(image);
  picture->height = rlhost_plugin_types_method_image_height(image);
  picture->rgb = rgb.ptr;
  return true;
}

size_t rlhost_group_end(const rlhost_samples *samples, size_t first) {
  size_t end = first;
  while (end < samples->len && samples->ptr[end].group == samples->ptr[first].group) {
    end++;
  }
  return end;
}

bool rlhost_answer(const rlhost_sample *sample, rlhost_text *answer) {
  rlhost_text json = rlhost_json(sample->answer);
  if (json.len == 0 || rlhost_is(json, "null") || json.ptr[0] == '{' || json.ptr[0] == '[') {
    return false;
  }
  if (!rlhost_string(json, answer)) {
    *answer = json;
  }
  return true;
}
