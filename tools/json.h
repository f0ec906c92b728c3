/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes JSON, indented, straight to a stream.  The caller nests objects and arrays
 * properly, and gives a key to members of objects and NULL to those of arrays.
 *
 * Text that is not UTF-8 gets U+FFFD for each byte that is wrong, since JSON cannot
 * hold it.  A library was decided against: this is all that is needed, and nothing is
 * read.
 */
#ifndef MKVDUP_JSON_H
#define MKVDUP_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
  FILE *out; /* borrowed */
  unsigned depth;
  bool has_members; /* the innermost object or array is not empty */
};

/* Opens the outermost object; json_finish closes it and ends the line. */
struct json json_start (FILE *out);
void json_finish (struct json *j);

void json_object (struct json *j, const char *key);
void json_array (struct json *j, const char *key);
void json_end_object (struct json *j);
void json_end_array (struct json *j);

void json_string (struct json *j, const char *key, const char *value);
void json_number (struct json *j, const char *key, uint64_t value);
void json_decimal (struct json *j, const char *key, double value); /* finite */
void json_bool (struct json *j, const char *key, bool value);

#endif /* MKVDUP_JSON_H */
