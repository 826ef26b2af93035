/* Myers' bit-parallel algorithm in blocks of 64 rows (G. Myers, A fast bit-vector algorithm for approximate string
 * matching, 1999; H. Hyyrö, A bit-vector algorithm for computing Levenshtein and Damerau edit distances, 2003).
 *
 * A column of the table of distances is kept as differences between neighbours, +1, 0 or -1, in two bits a row: one step
 * moves 64 rows of it to the next column. */
#include "distance.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

/* 64 rows of a column. */
typedef struct {
  uint64_t up;   /* a row's distance is 1 more than that of the row above */
  uint64_t down; /* 1 less */
} block;

/* The difference at the lower edge, in the direction of the row: the next block's `carry`. */
static int advance(block *rows, uint64_t equal, uint64_t last, int carry) {
  uint64_t vertical = equal | rows->down;
  if (carry < 0) {
    equal |= 1;
  }
  uint64_t diagonal = (((equal & rows->up) + rows->up) ^ rows->up) | equal;
  uint64_t more = rows->down | ~(diagonal | rows->up);
  uint64_t less = rows->up & diagonal;
  int edge = (more & last) ? 1 : (less & last) ? -1 : 0;
  more = more << 1 | (carry > 0);
  less = less << 1 | (carry < 0);
  rows->up = less | ~(vertical | more);
  rows->down = more & vertical;
  return edge;
}

static int by_value(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

/* Sorts, and leaves each value once. */
static void make_set(symbols *values) {
  qsort(values->ptr, values->len, sizeof *values->ptr, by_value);
  size_t kept = 0;
  for (size_t i = 0; i < values->len; i++) {
    if (kept == 0 || values->ptr[kept - 1] != values->ptr[i]) {
      values->ptr[kept++] = values->ptr[i];
    }
  }
  values->len = kept;
}

size_t edit_distance(symbols a, symbols b) {
  while (a.len > 0 && b.len > 0 && a.ptr[0] == b.ptr[0]) {
    a.ptr++, a.len--, b.ptr++, b.len--;
  }
  while (a.len > 0 && b.len > 0 && a.ptr[a.len - 1] == b.ptr[b.len - 1]) {
    a.len--, b.len--;
  }
  if (a.len == 0 || b.len == 0) {
    return a.len + b.len;
  }
  size_t blocks = (a.len + 63) / 64;
  symbols set = {rlhost_allocate(a.len * sizeof *set.ptr), a.len};
  memcpy(set.ptr, a.ptr, a.len * sizeof *a.ptr);
  make_set(&set);
  /* For each symbol of a, and at last for all others: in which rows it stands. */
  size_t size = (set.len + 1) * blocks * sizeof(uint64_t);
  uint64_t *rows = rlhost_allocate(size);
  memset(rows, 0, size);
  for (size_t i = 0; i < a.len; i++) {
    uint32_t *found = bsearch(&a.ptr[i], set.ptr, set.len, sizeof *set.ptr, by_value);
    rows[(size_t)(found - set.ptr) * blocks + i / 64] |= (uint64_t)1 << i % 64;
  }
  block *column = rlhost_allocate(blocks * sizeof *column);
  for (size_t i = 0; i < blocks; i++) {
    column[i] = (block){.up = ~(uint64_t)0, .down = 0};
  }
  uint64_t last = (uint64_t)1 << (a.len - 1) % 64;
  size_t distance = a.len;
  for (size_t j = 0; j < b.len; j++) {
    uint32_t *found = bsearch(&b.ptr[j], set.ptr, set.len, sizeof *set.ptr, by_value);
    uint64_t *equal = rows + (found == NULL ? set.len : (size_t)(found - set.ptr)) * blocks;
    int carry = 1;
    for (size_t i = 0; i + 1 < blocks; i++) {
      carry = advance(&column[i], equal[i], (uint64_t)1 << 63, carry);
    }
    distance += (size_t)advance(&column[blocks - 1], equal[blocks - 1], last, carry);
  }
  free(column);
  free(rows);
  free(set.ptr);
  return distance;
}
