/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One making of a recipe, as create.c, create_names.c and create_finish.c share it.  Not for others.
 */
#ifndef MKVDUP_CREATION_H
#define MKVDUP_CREATION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "atomic_file.h"
#include "builder.h"
#include "content_check.h"
#include "create.h"
#include "feed.h"
#include "indexed_disc.h"
#include "recipe_write.h"

/* One create, from beginning to end; everything owned. */
struct creation {
  const struct create_options *options;
  struct create_report *report;
  unsigned threads;
  int fd; /* the MKV */
  struct stat st;
  const struct indexed_disc *indexed; /* the options', or `own` */
  struct indexed_disc own;
  struct source_numbers sources;
  struct shape_table shapes;
  struct feed feed;
  uint8_t *merkle;
  bool deflates; /* the recipe has zlib make something */
  struct recipe_writer writer;
  struct content_check check; /* while it is read back; create_finish.c's */
  struct atomic_file out, sidecar;
  enum create_phase phase;
  uint64_t total; /* of the phase */
};

/* How far the phase is; false to stop.  Fits the progress functions of all phases. */
bool creation_progress (void *opaque, uint64_t done);

/* Neither recipe nor sidecar may take the place of what the recipe is made of, whatever the
 * options say: the MKV, and each file of the disc, once that has been found.
 */
int creation_check_names (const struct creation *c, struct error *err);

/* An atomic_file_may_fn of a creation: asked when nobody else commits there, as what was there
 * before the work began may have been replaced since.  If it is the recipe of this image, the
 * text of its sidecar becomes that of the new one, but for what is new, and is synced again.
 */
int creation_may_replace (void *opaque, struct error *err);

/* As soon as all that is in it is known: if it cannot be written, that is to be known
 * before the work is done.
 */
int creation_prepare_sidecar (struct creation *c, struct error *err);

/* Everything behind the segments: Merkle levels, sources, notes, header. */
int creation_finish_file (struct creation *c, struct error *err);

/* Read back what was written, all of it, and compare what it gives with the MKV and with its
 * own digests.  The MKV has to be the file still that it was, as have the sources.
 */
int creation_verify (struct creation *c, struct error *err);

#endif /* MKVDUP_CREATION_H */
