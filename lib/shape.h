/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shapes: the model of what containers put in front of a payload.
 *
 * A shape is a short program of tokens that renders a header from two numbers,
 * how many bytes follow that the header stands for, and a time:
 *
 *   bytes   these bytes, as they are
 *   length  the number of bytes from the end of this field to the end of what
 *           the header covers, plus a constant; as an EBML variable-size integer
 *           or big-endian
 *   time    the time, big-endian, cut to the field's width
 *
 * One shape thus gives all headers of a track's SimpleBlocks, another the NAL
 * lengths of H.264.  What a shape does not render exactly is stored as a literal:
 * shapes make recipes small and can make none wrong.
 *
 * Tokens are in memory as in the file; docs/format.md, "Shapes", defines them.
 */
#ifndef MKVDUP_SHAPE_H
#define MKVDUP_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHAPE_MAX_TOKENS 60  /* bytes of program: a BlockGroup with lacing takes 30 */
#define SHAPE_MAX_HEADER 128 /* bytes a shape may render */

struct shape {
  uint8_t len;
  uint8_t tokens[SHAPE_MAX_TOKENS];
};

/* Building: each returns false, leaving the shape as it was, when it is full. */
bool shape_add_bytes (struct shape *s, const uint8_t *bytes, size_t n);

/* EBML variable-size integer; `width` in bytes 1 … 8, or 0 for the least. */
bool shape_add_vint_length (struct shape *s, unsigned width, uint64_t addend);

/* Big-endian, `width` 1 … 8 bytes. */
bool shape_add_be_length (struct shape *s, unsigned width, uint64_t addend);
bool shape_add_time (struct shape *s, unsigned width);

bool shape_equal (const struct shape *a, const struct shape *b);
bool shape_has_time (const struct shape *s);

/* Is it well formed (as read from a recipe), and does it stay within SHAPE_MAX_HEADER? */
bool shape_is_valid (const struct shape *s);

/* A token, taken apart. */
struct shape_token {
  uint8_t kind;         /* 0 for bytes, else as in the file, without the width */
  uint8_t width;        /* bytes it gives; 0: as few as can be */
  const uint8_t *bytes; /* borrowed from the shape */
  uint64_t addend;
};

/* Take a shape apart that is rendered often: how many tokens that gave (there is room for
 * s->len), -1 if it is not valid.
 */
int shape_parse (const struct shape *s, struct shape_token *tokens);

/* shape_render for what shape_parse gave. */
int shape_render_tokens (const struct shape_token *tokens, int n, uint64_t covered,
                         int64_t time, uint8_t *out);

/*
 * Render a valid shape for `covered` bytes and `time` into `out`
 * (SHAPE_MAX_HEADER bytes).  Returns the header's length; -1 if a length does not
 * fit in its field.
 */
int shape_render (const struct shape *s, uint64_t covered, int64_t time, uint8_t *out);

#endif /* MKVDUP_SHAPE_H */
