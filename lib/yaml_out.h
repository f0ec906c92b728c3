/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing YAML with libyaml: values are double-quoted, so that no reader takes a film called
 * "1917" or "null" for something else; keys and numbers are plain.
 *
 * What goes wrong is remembered, and asked for at the end.
 */
#ifndef MKVDUP_YAML_OUT_H
#define MKVDUP_YAML_OUT_H

#include <stdbool.h>

#include <yaml.h>

#include "buffer.h"
#include "error.h"

struct yaml_out {
  yaml_emitter_t emitter;
  struct buffer text; /* owned */
  bool failed;
};

/* Begin a document; it cannot be moved from then on.  -1 with `err` set when out of memory. */
int yaml_out_begin (struct yaml_out *y, struct error *err);

void yaml_out_mapping (struct yaml_out *y);
void yaml_out_end_mapping (struct yaml_out *y);
void yaml_out_list (struct yaml_out *y);
void yaml_out_end_list (struct yaml_out *y);
void yaml_out_plain (struct yaml_out *y, const char *text); /* a key, or a number */
void yaml_out_quoted (struct yaml_out *y, const char *text);

/* The document is in y->text.  -1 with `err` set: out of memory, or a text was no UTF-8, which
 * YAML cannot hold (EILSEQ).  To be released either way.
 */
int yaml_out_finish (struct yaml_out *y, struct error *err);
void yaml_out_release (struct yaml_out *y);

#endif /* MKVDUP_YAML_OUT_H */
