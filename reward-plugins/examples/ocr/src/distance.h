/* Levenshtein distance. */
#ifndef DISTANCE_H
#define DISTANCE_H

#include <stddef.h>
#include <stdint.h>

/* Symbols: code points or numbers of words. */
typedef struct {
  uint32_t *ptr;
  size_t len;
} symbols;

/* The least number of insertions, deletions and replacements that make one of the other. */
size_t edit_distance(symbols a, symbols b);

#endif
