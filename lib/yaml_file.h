/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading YAML files of one mapping with libyaml (YAML 1.1, core schema's nulls): what
 * sidecars and libraries have in common.  Errors name file and line.
 *
 * Thread safety: a file belongs to one thread.
 */
#ifndef MKVDUP_YAML_FILE_H
#define MKVDUP_YAML_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <yaml.h>

#include "error.h"

/* A value is at most so long: what is longer is no path. */
#define YAML_MAX_VALUE (PATH_MAX - 1)

/* An item of a list has so many pairs at most: it is read again for each alias of it. */
#define YAML_MAX_PAIRS 64

struct yaml_file {
  const char *path; /* borrowed */
  yaml_parser_t parser;
  yaml_document_t document;
  bool has_parser, has_document;
};

#define CLEANUP_YAML_FILE __attribute__ ((cleanup (yaml_file_release)))

/* Load the one document of a regular file of at most `max` bytes, with a token for 8 of them
 * at most, 64 anchors, 10,000 aliases, 64 levels and 16 %TAG lines with prefixes of 64 bytes;
 * its root has to be a mapping.  Takes up to 50 bytes of memory for a byte of `max`.  To be released whether or not it
 * succeeds.
 */
int yaml_file_load (struct yaml_file *y, const char *path, size_t max, struct error *err);

/* The same of a text that stands in `path`, or is to. */
int yaml_file_parse (struct yaml_file *y, const char *path, const char *text, size_t len,
                     size_t max, struct error *err);

void yaml_file_release (struct yaml_file *y);

/* Call `fn` for each pair of a mapping, in order; a key that is no scalar is skipped.
 * Another return than 0 ends it and is returned.
 */
typedef int yaml_pair_fn (void *opaque, const char *key, const yaml_node_t *key_node,
                          const yaml_node_t *value, struct error *err);
int yaml_each_pair (struct yaml_file *y, const yaml_node_t *mapping, yaml_pair_fn *fn,
                    void *opaque, struct error *err);

/* An error about a node: "FILE:LINE: " and what is said.  -1. */
int yaml_complain (const struct yaml_file *y, const yaml_node_t *node, struct error *err,
                   const char *fmt, ...) __attribute__ ((format (printf, 4, 5)));

/* Is `node`, which is called `what`, a mapping of no more than YAML_MAX_PAIRS? */
int yaml_check_item (const struct yaml_file *y, const yaml_node_t *node, const char *what,
                     struct error *err);

/* Is it a plain scalar that the core schema reads as null? */
bool yaml_is_null (const yaml_node_t *node);

/* The value of `key` as a string, malloced: a scalar that is not null, not empty, not
 * longer than YAML_MAX_VALUE, and without NUL.  NULL with `err` set.
 */
char *yaml_string (const struct yaml_file *y, const char *key, const yaml_node_t *value,
                   struct error *err);

/* The same as a path, which is relative to the folder of the file. */
char *yaml_path (const struct yaml_file *y, const char *key, const yaml_node_t *value,
                 struct error *err);

/* The same as a number of bytes, in decimal. */
int yaml_size (const struct yaml_file *y, const char *key, const yaml_node_t *value,
               uint64_t *size, struct error *err);

#endif /* MKVDUP_YAML_FILE_H */
