/* Texts and JSON. Texts are UTF-8, have a length, and do not end in a zero.
 *
 * Nothing need be freed: every call meets a fresh instance. plugin.h has the types of the contract, which
 * `rlhost plugin build` generates from wit/ into target/plugin-build. */
#ifndef RLHOST_TEXT_H
#define RLHOST_TEXT_H

#include "plugin.h"

typedef plugin_string_t rlhost_text;

/* Memory; where there is none left, the call ends. */
void *rlhost_allocate(size_t size);
/* The elements with room for one more. */
void *rlhost_grown(void *elements, size_t count, size_t size);
/* The text of a string of C. */
rlhost_text rlhost_copy(const char *text);

bool rlhost_equal(rlhost_text a, rlhost_text b);
bool rlhost_is(rlhost_text text, const char *word);
bool rlhost_contains(rlhost_text text, rlhost_text part);
/* With the letters A to Z as a to z. */
rlhost_text rlhost_lower(rlhost_text text);

/* A JSON value without the white space around it. */
rlhost_text rlhost_json(rlhost_text json);
/* The member of a JSON object, as JSON. False where it has none of that name. */
bool rlhost_member(rlhost_text object, const char *name, rlhost_text *value);
/* The element of a JSON array, counted from 0. False where it has none there. */
bool rlhost_element(rlhost_text array, size_t index, rlhost_text *value);
/* The text that a JSON string stands for. False where it is no string. */
bool rlhost_string(rlhost_text json, rlhost_text *text);

/* A parameter that is true or false. Where it is not given `value` stays; where it is neither: false. */
bool rlhost_flag(rlhost_text params, const char *name, bool *value);
/* A parameter that is a number. Where it is not given `value` stays; where it is none: false. */
bool rlhost_number(rlhost_text params, const char *name, double *value);

#endif
