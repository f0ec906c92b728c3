/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A range of an image as people write it: "OFFSET" or "OFFSET:LENGTH", each in decimal or with
 * "0x" in hexadecimal, and with K, M, G or T behind it (powers of 1024).
 */
#ifndef MKVDUP_BYTE_RANGE_H
#define MKVDUP_BYTE_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

struct byte_range {
  uint64_t offset, len; /* len > 0; a byte if none was given */
};

/* False if `text` is none. */
bool byte_range_parse (const char *text, struct byte_range *range);

/* It has to begin before `size`, and is cut there.  -1 with `err` set. */
int byte_range_cut (struct byte_range *range, uint64_t size, struct error *err);

#endif /* MKVDUP_BYTE_RANGE_H */
