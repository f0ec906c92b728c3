/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files that commands write where a user says, and what is not replaced by them, whatever
 * --force says: a recipe may be all that is left of an MKV, and its sidecar all that says where its
 * disc is.  And where text or a picture is put, --force is for older ones, not for a disc or an
 * MKV that was named by mistake.
 *
 * Not for what makes recipes (create.h, import_title.h), which has rules of its own.
 */
#ifndef MKVDUP_OUTPUT_H
#define MKVDUP_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "options.h"

/* -1 with `err` set if a recipe or a sidecar is at `path`, or what cannot be read: that may be
 * one.
 */
int output_check (const char *path, struct error *err);

/* The same, and if what is there is neither text nor a PNG picture; or if it is called "-", which
 * stands for standard output with others.
 */
int output_check_text (const char *path, struct error *err);

/* -1 with `err` set if it is one of the operands, which a library is read from. */
int output_check_apart (const char *path, const struct options *options,
                        struct error *err);

/* Write it whole, if output_check_text allows it; without `force` only if nothing is there. */
int output_put (const char *path, const void *data, size_t len, bool force,
                struct error *err);

#endif /* MKVDUP_OUTPUT_H */
