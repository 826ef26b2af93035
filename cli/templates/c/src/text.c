#include "text.h"

#include <stdlib.h>
#include <string.h>

void *rlhost_allocate(size_t size) {
  void *memory = malloc(size > 0 ? size : 1);
  if (memory == NULL) {
    __builtin_trap();
  }
  return memory;
}

void *rlhost_grown(void *elements, size_t count, size_t size) {
  void *memory = realloc(elements, (count + 1) * size);
  if (memory == NULL) {
    __builtin_trap();
  }
  return memory;
}

rlhost_text rlhost_copy(const char *text) {
  rlhost_text made;
  made.len = strlen(text);
  made.ptr = rlhost_allocate(made.len);
  memcpy(made.ptr, text, made.len);
  return made;
}

/* Texts. */

bool rlhost_is(rlhost_text text, const char *word) {
  rlhost_text same = {(uint8_t *)word, strlen(word)};
  return rlhost_equal(text, same);
}

bool rlhost_equal(rlhost_text a, rlhost_text b) {
  return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

bool rlhost_contains(rlhost_text text, rlhost_text part) {
  for (size_t at = 0; at + part.len <= text.len; at++) {
    if (memcmp(text.ptr + at, part.ptr, part.len) == 0) {
      return true;
    }
  }
  return false;
}

rlhost_text rlhost_lower(rlhost_text text) {
  rlhost_text made = {rlhost_allocate(text.len), text.len};
  for (size_t i = 0; i < text.len; i++) {
    uint8_t c = text.ptr[i];
    made.ptr[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
  }
  return made;
}

/* JSON. The host passes nothing that is none, so what is read here need not be checked. */

static bool is_space(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static size_t skip_space(rlhost_text json, size_t at) {
  while (at < json.len && is_space(json.ptr[at])) {
    at++;
  }
  return at;
}

/* Behind the string that begins at `at`. */
static size_t string_end(rlhost_text json, size_t at) {
  for (at++; at < json.len && json.ptr[at] != '"'; at++) {
    if (json.ptr[at] == '\\') {
      at++;
    }
  }
  return at < json.len ? at + 1 : json.len;
}

/* Behind the value that begins at `at`. */
static size_t value_end(rlhost_text json, size_t at) {
  size_t depth = 0;
  while (at < json.len) {
    uint8_t c = json.ptr[at];
    if (c == '"') {
      at = string_end(json, at);
      if (depth == 0) {
        return at;
      }
      continue;
    }
    if (c == '{' || c == '[') {
      depth++;
    } else if (c == '}' || c == ']') {
      if (depth <= 1) {
        return depth == 0 ? at : at + 1;
      }
      depth--;
    } else if (depth == 0 && (c == ',' || is_space(c))) {
      return at;
    }
    at++;
  }
  return at;
}

static rlhost_text part_of(rlhost_text text, size_t from, size_t to) {
  rlhost_text part = {text.ptr + from, to - from};
  return part;
}

/* Four hexadecimal digits; 0 where they are not there. */
static uint32_t hexadecimal(rlhost_text json, size_t at) {
  uint32_t value = 0;
  for (size_t i = at; i < at + 4; i++) {
    uint8_t c = i < json.len ? json.ptr[i] : '0';
    uint8_t letter = (uint8_t)((c | 0x20) - 'a' + 10);
    value = value * 16 + (c >= '0' && c <= '9' ? (uint32_t)(c - '0') : letter & 15);
  }
  return value;
}

/* Writes a character as UTF-8; how many bytes that took. */
static size_t encode(uint32_t c, uint8_t *out) {
  if (c < 0x80) {
    out[0] = (uint8_t)c;
    return 1;
  }
  if (c < 0x800) {
    out[0] = (uint8_t)(0xc0 | c >> 6);
    out[1] = (uint8_t)(0x80 | (c & 0x3f));
    return 2;
  }
  if (c < 0x10000) {
    out[0] = (uint8_t)(0xe0 | c >> 12);
    out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    out[2] = (uint8_t)(0x80 | (c & 0x3f));
    return 3;
  }
  out[0] = (uint8_t)(0xf0 | c >> 18);
  out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
  out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
  out[3] = (uint8_t)(0x80 | (c & 0x3f));
  return 4;
}

bool rlhost_string(rlhost_text json, rlhost_text *text) {
  size_t at = skip_space(json, 0);
  if (at == json.len || json.ptr[at] != '"') {
    return false;
  }
  size_t end = string_end(json, at) - 1;
  /* An escape is never shorter than what it stands for. */
  text->ptr = rlhost_allocate(json.len);
  text->len = 0;
  for (at++; at < end; at++) {
    uint8_t c = json.ptr[at];
    if (c != '\\') {
      text->ptr[text->len++] = c;
      continue;
    }
    c = json.ptr[++at];
    if (c != 'u') {
      static const char letters[] = "bfnrt";
      static const char meant[] = "\b\f\n\r\t";
      const char *letter = strchr(letters, c);
      text->ptr[text->len++] = letter != NULL ? (uint8_t)meant[letter - letters] : c;
      continue;
    }
    uint32_t code = hexadecimal(json, at + 1);
    at += 4;
    if (code >= 0xd800 && code < 0xdc00) {
      /* The first half of a character; the second one follows as \uXXXX. */
      code = 0x10000 + ((code - 0xd800) << 10) + ((hexadecimal(json, at + 3) - 0xdc00) & 0x3ff);
      at += 6;
    }
    text->len += encode(code, text->ptr + text->len);
  }
  return true;
}

bool rlhost_member(rlhost_text object, const char *name, rlhost_text *value) {
  size_t at = skip_space(object, 0);
  if (at == object.len || object.ptr[at] != '{') {
    return false;
  }
  for (;;) {
    at = skip_space(object, at + 1);
    if (at >= object.len || object.ptr[at] != '"') {
      return false;
    }
    size_t end = string_end(object, at);
    rlhost_text key;
    bool found = rlhost_string(part_of(object, at, end), &key) && rlhost_is(key, name);
    /* Over the colon. */
    at = skip_space(object, skip_space(object, end) + 1);
    end = value_end(object, at);
    if (found) {
      *value = part_of(object, at, end);
      return true;
    }
    at = skip_space(object, end);
    if (at >= object.len || object.ptr[at] != ',') {
      return false;
    }
  }
}

bool rlhost_element(rlhost_text array, size_t index, rlhost_text *value) {
  size_t at = skip_space(array, 0);
  if (at == array.len || array.ptr[at] != '[') {
    return false;
  }
  for (;; index--) {
    at = skip_space(array, at + 1);
    if (at >= array.len || array.ptr[at] == ']') {
      return false;
    }
    size_t end = value_end(array, at);
    if (index == 0) {
      *value = part_of(array, at, end);
      return true;
    }
    at = skip_space(array, end);
    if (at >= array.len || array.ptr[at] != ',') {
      return false;
    }
  }
}

rlhost_text rlhost_json(rlhost_text json) {
  size_t start = skip_space(json, 0);
  return part_of(json, start, value_end(json, start));
}

bool rlhost_flag(rlhost_text params, const char *name, bool *value) {
  rlhost_text json;
  if (!rlhost_member(params, name, &json)) {
    return true;
  }
  *value = rlhost_is(json, "true");
  return *value || rlhost_is(json, "false");
}

bool rlhost_number(rlhost_text params, const char *name, double *value) {
  rlhost_text json;
  if (!rlhost_member(params, name, &json)) {
    return true;
  }
  if (json.len == 0 || (json.ptr[0] != '-' && (json.ptr[0] < '0' || json.ptr[0] > '9'))) {
    return false;
  }
  /* JSON's numbers are numbers of C; what ends one in C has to be there. */
  char *text = rlhost_allocate(json.len + 1);
  memcpy(text, json.ptr, json.len);
  text[json.len] = 0;
  *value = strtod(text, NULL);
  return true;
}
