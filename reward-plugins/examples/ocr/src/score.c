/* A transcription is compared with what stands in the picture. */
#include "distance.h"
#include "rlhost.h"
#include "unicode.h"

#include <string.h>

/* Bounds on the work, so that no response uses up the fuel and gets away without a score. A response of more bytes scores
 * 0 unread; one that reads as more characters than this, too. */
#define MOST_BYTES (1 << 20)
#define MOST_CHARACTERS 16384
/* All references of a sample together, and how many they are. */
#define MOST_REFERENCE 16384
#define MOST_REFERENCES 256

/* The three measures, by their names as parts. */
enum { ANLS, CHARACTERS, WORDS, MEASURES };
static const char *const measures[MEASURES] = {"anls", "characters", "words"};

void describe(rlhost_info *info) {
  for (int i = 0; i < MEASURES; i++) {
    rlhost_describe_part(info, measures[i]);
  }
  rlhost_describe_param(info, "metric", "Which part is the total: \"anls\", \"characters\" or \"words\".", "\"anls\"");
  rlhost_describe_param(info, "threshold", "An ANLS below it is 0.", "0.5");
  rlhost_describe_param(info, "ignore_case", "Treat upper and lower case as the same.", "true");
}

typedef struct {
  int metric;
  double threshold;
  bool ignore_case;
} settings;

/* NULL, or what is wrong. */
static const char *read_params(rlhost_text params, settings *read) {
  *read = (settings){ANLS, 0.5, true};
  rlhost_text json, name;
  if (rlhost_member(params, "metric", &json)) {
    read->metric = MEASURES;
    for (int i = 0; i < MEASURES && rlhost_string(json, &name); i++) {
      read->metric = rlhost_is(name, measures[i]) ? i : read->metric;
    }
    if (read->metric == MEASURES) {
      return "the parameter `metric` must be \"anls\", \"characters\" or \"words\"";
    }
  }
  if (!rlhost_number(params, "threshold", &read->threshold) || read->threshold < 0 || read->threshold > 1) {
    return "the parameter `threshold` must be a number from 0 to 1";
  }
  if (!rlhost_flag(params, "ignore_case", &read->ignore_case)) {
    return "the parameter `ignore_case` must be true or false";
  }
  return NULL;
}

/* Where `mark` stands last; `text.len` where it does not. */
static size_t last(rlhost_text text, const char *mark) {
  size_t length = strlen(mark);
  for (size_t at = text.len + 1; at-- > length;) {
    if (memcmp(text.ptr + at - length, mark, length) == 0) {
      return at - length;
    }
  }
  return text.len;
}

static rlhost_text from(rlhost_text text, size_t at) { return (rlhost_text){text.ptr + at, text.len - at}; }

/* What follows the thinking, and in it the last <answer>...</answer>. False where an answer is begun only, or thinking
 * never ends: nothing was transcribed. */
static bool transcription(rlhost_text text, rlhost_text *found) {
  static const char thought[] = "</think>", open[] = "<answer>", close[] = "</answer>";
  size_t end = last(text, thought);
  if (end < text.len) {
    text = from(text, end + strlen(thought));
  }
  if (last(text, "<think>") < text.len) {
    return false;
  }
  end = last(text, close);
  bool closed = end < text.len;
  rlhost_text before = {text.ptr, end};
  size_t begin = last(before, open);
  if (begin < before.len) {
    *found = from(before, begin + strlen(open));
    return closed;
  }
  *found = text;
  return !closed;
}

/* How much of the reference is right: 1 - edits / length, at least 0. */
static double accuracy(size_t edits, size_t length) {
  return edits < length ? 1.0 - (double)edits / (double)length : 0.0;
}

/* Keeps the better value of each measure. */
static void compare(symbols said, symbols right, double threshold, double *best) {
  if (said.len > 2 * right.len + 64) {
    return; /* Far too long: 0. */
  }
  size_t edits = edit_distance(right, said);
  double values[MEASURES];
  /* Biten et al., Scene Text Visual Question Answering, 2019: normalised by the longer text. */
  values[ANLS] = accuracy(edits, said.len > right.len ? said.len : right.len);
  if (values[ANLS] < threshold) {
    values[ANLS] = 0.0;
  }
  values[CHARACTERS] = accuracy(edits, right.len);
  symbols said_words, right_words;
  words(said, right, &said_words, &right_words);
  values[WORDS] = accuracy(edit_distance(right_words, said_words), right_words.len);
  for (int i = 0; i < MEASURES; i++) {
    best[i] = values[i] > best[i] ? values[i] : best[i];
  }
}

/* The reference at `index`: the elements of a list, or the one text. False behind the last. */
static bool reference(rlhost_text answer, size_t index, rlhost_text *json) {
  if (answer.len > 0 && answer.ptr[0] == '[') {
    return rlhost_element(answer, index, json);
  }
  *json = answer;
  return index == 0;
}

/* A text as it is, a number as JSON writes it. */
static bool read_reference(rlhost_text json, rlhost_text *text) {
  if (json.len > 0 && (json.ptr[0] == '-' || (json.ptr[0] >= '0' && json.ptr[0] <= '9'))) {
    *text = json;
    return true;
  }
  return rlhost_string(json, text);
}

rlhost_result score(const rlhost_sample *sample) {
  settings settings;
  const char *wrong = read_params(sample->params, &settings);
  if (wrong != NULL) {
    return rlhost_internal(wrong);
  }
  rlhost_text response = rlhost_last_text(sample);
  symbols said = {NULL, 0};
  rlhost_text text;
  bool judged = response.len <= MOST_BYTES && transcription(response, &text);
  if (judged) {
    said = characters(text, settings.ignore_case);
    judged = said.len > 0 && said.len <= MOST_CHARACTERS;
  }
  rlhost_text answer = rlhost_json(sample->answer), json;
  double best[MEASURES] = {0};
  size_t count = 0, length = 0;
  for (; reference(answer, count, &json); count++) {
    if (!read_reference(json, &text)) {
      return rlhost_invalid_reference("the reference must be a text, a number, or a list of these");
    }
    symbols right = characters(text, settings.ignore_case);
    length += right.len;
    if (right.len == 0) {
      return rlhost_invalid_reference("a reference has no character but white space");
    }
    if (length > MOST_REFERENCE || count == MOST_REFERENCES) {
      return rlhost_invalid_reference("there are more than 256 references, or more than 16384 characters in them");
    }
    if (judged) {
      compare(said, right, settings.threshold, best);
    }
  }
  if (count == 0) {
    return rlhost_invalid_reference("the list of references is empty");
  }
  rlhost_result result = rlhost_verdict(best[settings.metric]);
  for (int i = 0; i < MEASURES; i++) {
    rlhost_part(&result, measures[i], best[i]);
  }
  return result;
}
