/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The library of discs as commands have it: where it is, what a fingerprint is to it, and
 * which discs an MKV is of.
 */
#ifndef MKVDUP_DISCS_H
#define MKVDUP_DISCS_H

#include <stdbool.h>
#include <stdint.h>

#include "disc_answer.h"
#include "disc_library.h"
#include "error.h"
#include "fingerprint.h"
#include "options.h"

/* The library's file: what --discs says, or mkvdup/discs in the user's folder for data.
 * Malloced; NULL with `err` set: there is no such folder, or no memory.
 */
char *discs_path (const struct options *options, struct error *err);

/* Read the disc at `path`, an image or a folder.  As fingerprint_disc; not while another thread
 * writes to stderr.
 */
int discs_read (struct fingerprint *f, const char *path, unsigned threads,
                fingerprint_progress_fn *progress, void *opaque, struct error *err);

/* A fingerprint as an entry of a library; all is borrowed.  The identity is zeros. */
struct disc_addition discs_entry (const char *path, const struct fingerprint *f);

/* What has scrambled a disc of a library; NULL: nothing.  What is in the clear on it is found
 * all the same.
 */
const char *discs_scrambled (const struct library_disc *disc);

/* A library to be asked. */
struct discs {
  struct disc_library library;
  bool *gone; /* of each disc; owned; NULL: none is */
};

#define CLEANUP_DISCS __attribute__ ((cleanup (discs_close)))

/* The library in a file, with what has become of its discs. */
int discs_open (struct discs *discs, const char *path, struct error *err);
void discs_close (struct discs *discs);

/* Which discs is the MKV of?  Reads as much of it as it takes. */
int discs_ask (struct disc_answers *answers, const struct discs *discs, const char *mkv,
               struct error *err);

#endif /* MKVDUP_DISCS_H */
