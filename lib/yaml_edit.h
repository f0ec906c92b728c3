/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Another value in a text of YAML that people edit, and nothing else in it changed: comments,
 * other keys, their order and their quotes stay.
 */
#ifndef MKVDUP_YAML_EDIT_H
#define MKVDUP_YAML_EDIT_H

#include <stddef.h>

#include "buffer.h"
#include "error.h"

/*
 * Put `value`, quoted, in the place of the value that `key` has in the mapping that `text` (of
 * `path`, for messages; at most `max` bytes) consists of.  -1 with `err` set, and the text as it
 * was, if there is no such key, or its value stands elsewhere (an alias).
 *
 * Anchors and tags at the value go or stay as they happen to stand: who edits reads the text
 * again, to see that it says what was meant.
 */
int yaml_edit_value (struct buffer *text, const char *path, size_t max, const char *key,
                     const char *value, struct error *err);

#endif /* MKVDUP_YAML_EDIT_H */
