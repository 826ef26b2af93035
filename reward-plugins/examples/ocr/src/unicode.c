#include "unicode.h"

#include <stdlib.h>
#include <string.h>
#include <wctype.h>

static symbols room(size_t count) {
  symbols made = {rlhost_allocate(count * sizeof *made.ptr), 0};
  return made;
}

/* The host passes well-formed UTF-8 only. */
static uint32_t decode(rlhost_text text, size_t *at) {
  uint8_t first = text.ptr[(*at)++];
  size_t more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
  uint32_t c = more == 0 ? first : first & (0x3fu >> more);
  for (; more > 0 && *at < text.len; more--) {
    c = c << 6 | (text.ptr[(*at)++] & 0x3f);
  }
  return c;
}

static bool is_space(uint32_t c) {
  /* Unicode's White_Space. */
  return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
         c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

symbols characters(rlhost_text text, bool ignore_case) {
  symbols made = room(text.len);
  bool space = false;
  for (size_t at = 0; at < text.len;) {
    uint32_t c = decode(text, &at);
    if (is_space(c)) {
      space = made.len > 0;
      continue;
    }
    if (space) {
      made.ptr[made.len++] = ' ';
      space = false;
    }
    made.ptr[made.len++] = ignore_case ? (uint32_t)towlower((wint_t)c) : c;
  }
  return made;
}

/* A word, and where its number goes. */
typedef struct {
  const uint32_t *ptr;
  size_t len;
  uint32_t *number;
} word;

static int by_text(const void *a, const void *b) {
  const word *x = a, *y = b;
  if (x->len != y->len) {
    return x->len < y->len ? -1 : 1;
  }
  /* Any order does, as long as equal words are neighbours. */
  return memcmp(x->ptr, y->ptr, x->len * sizeof *x->ptr);
}

/* Adds the words of a text to `list`; their numbers will be those of `numbers`. */
static size_t split(symbols text, word *list, symbols *numbers) {
  size_t count = 0;
  for (size_t at = 0; at < text.len; at++) {
    size_t from = at;
    while (at < text.len && text.ptr[at] != ' ') {
      at++;
    }
    list[count] = (word){text.ptr + from, at - from, &numbers->ptr[count]};
    count++;
  }
  numbers->len = count;
  return count;
}

void words(symbols a, symbols b, symbols *a_words, symbols *b_words) {
  /* At least every other character is a space. */
  *a_words = room(a.len / 2 + 1);
  *b_words = room(b.len / 2 + 1);
  word *list = rlhost_allocate((a.len / 2 + b.len / 2 + 2) * sizeof *list);
  size_t count = split(a, list, a_words);
  count += split(b, list + count, b_words);
  qsort(list, count, sizeof *list, by_text);
  uint32_t number = 0;
  for (size_t i = 0; i < count; i++) {
    if (i > 0 && by_text(&list[i - 1], &list[i]) != 0) {
      number++;
    }
    *list[i].number = number;
  }
  free(list);
}
