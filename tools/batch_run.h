/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making many recipes: every disc is found first and indexed once, when the first of its rips
 * comes, and is let go with the last; several recipes are made at a time; one that fails stops
 * no other.
 *
 * Thread safety: a batch belongs to one thread; what it calls back is called by one at a time.
 */
#ifndef MKVDUP_BATCH_RUN_H
#define MKVDUP_BATCH_RUN_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "batch_list.h"
#include "batch_names.h"
#include "create.h"
#include "error.h"
#include "indexed_disc.h"
#include "input.h"
#include "options.h"
#include "original.h"
#include "progress.h"

enum batch_result {
  BATCH_WAITS,  /* or was not come to */
  BATCH_MADE,   /* `report` */
  BATCH_THERE,  /* its recipe was there, of just this MKV */
  BATCH_FAILED, /* `err` */
};

/* The sources of some of the MKVs, which are the same for them. */
struct batch_disc {
  const char **sources; /* borrowed from one of them */
  size_t n_sources;
  unsigned users; /* jobs that are not done yet */
  enum {
    DISC_FOUND,
    DISC_BEING_INDEXED,
    DISC_INDEXED,
    DISC_FAILED
  } state;
  struct error err;
  struct indexed_disc indexed;
};

struct batch_job {
  const struct batch_entry *entry; /* borrowed */
  struct stat mkv;                 /* as it was when planned; where mkv_errno is 0 */
  int mkv_errno;
  struct input input;
  struct batch_disc *disc; /* NULL: there is nothing to be done */
  enum batch_result result;
  struct error err;
  struct create_report report;
  struct original original; /* where it is to be deleted */
};

struct batch {
  const struct options *options;
  struct batch_job *jobs; /* n of them, in the order of work; owned */
  size_t n;
  struct batch_disc *discs; /* owned */
  size_t n_discs;
  struct discs library; /* of discs, if it has to be asked */
  char *library_path, *keep;
  char *looked_at;         /* a folder of recipes; owned; NULL: none yet ... */
  struct error folder_err; /* ... and why nothing whose recipe is there can be deleted */
  struct batch_claims claims;
  void (*done) (void *opaque, struct batch *batch, struct batch_job *job);
  void *opaque;
  struct progress progress;
  pthread_mutex_t lock;   /* guards what follows, and states and results */
  pthread_cond_t indexed; /* some disc */
  size_t next;            /* job */
  uint64_t finished;      /* bytes: of discs, and twice of MKVs, as they are read twice */
  uint64_t *under_way;    /* the same of each job's present phase */
};

#define CLEANUP_BATCH __attribute__ ((cleanup (batch_free)))

/* Find out what is to be done of `list` (which has to outlive it), and with what discs; in the
 * order that the options say.  What cannot be done has failed then.  -1 with `err` set: the
 * library of discs cannot be read, or no memory.
 */
int batch_plan (struct batch *batch, const struct batch_list *list,
                const struct options *options, struct error *err);

/* Do it; `done` is called after each. */
void batch_run (struct batch *batch);
void batch_free (struct batch *batch);

#endif /* MKVDUP_BATCH_RUN_H */
