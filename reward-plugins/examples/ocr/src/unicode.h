/* From UTF-8 to what is compared. */
#ifndef UNICODE_H
#define UNICODE_H

#include "distance.h"
#include "text.h"

/* Code points, without white space at the ends and with one space for any run of it inside; in lower case where
 * `ignore_case`. */
symbols characters(rlhost_text text, bool ignore_case);

/* The words of two such texts, numbered: equal words of either have equal numbers. */
void words(symbols a, symbols b, symbols *a_words, symbols *b_words);

#endif
