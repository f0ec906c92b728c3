/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a batch may write over, which --force does not widen: never what it has itself written,
 * as that may be all that is left of an MKV by then; no MKV of its own, and no file of its
 * discs.
 *
 * Names are compared before anything is done, so that a mistake costs no work; but one file may
 * have names that cannot be seen to be one (of a folder that is not there yet, or where the file
 * system ignores case).  So each file is claimed, too, when it is about to get its name.
 */
#ifndef MKVDUP_BATCH_NAMES_H
#define MKVDUP_BATCH_NAMES_H

#include <pthread.h>

#include "batch_list.h"
#include "error.h"
#include "id_set.h"

/* All have been added: an error if two are to be written to one file, or one over an MKV. */
int batch_names_check (const struct batch_list *list, struct error *err);

struct batch_claims {
  pthread_mutex_t lock; /* guards `taken`, and is the last one to be locked */
  struct id_set taken;  /* files not to be replaced */
};

#define BATCH_CLAIMS_INIT                                   \
  {                                                         \
    .lock = PTHREAD_MUTEX_INITIALIZER, .taken = ID_SET_INIT \
  }

/* The file at `path`, if there is one, is to stay. */
int batch_claims_keep (struct batch_claims *claims, const char *path, struct error *err);

/* `fd` is about to replace what is at `path`, and is to stay then.  -1 with `err` set: what is
 * there has to stay.  By any thread.
 */
int batch_claims_take (struct batch_claims *claims, const char *path, int fd,
                       struct error *err);
void batch_claims_free (struct batch_claims *claims);

#endif /* MKVDUP_BATCH_NAMES_H */
