/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The original, and its end: an MKV is deleted only when its recipe has been verified against
 * it, all that the image is made of is on its disks, and the user has said yes.
 *
 * What is deleted is the file that was looked at before the recipe was made, not whatever has
 * its name by then.
 */
#ifndef MKVDUP_ORIGINAL_H
#define MKVDUP_ORIGINAL_H

#include <stdbool.h>

#include "create.h"
#include "error.h"
#include "file_id.h"

struct original {
  const char *path; /* borrowed */
  struct file_id id;
};

/* Can it be deleted later?  To be asked before its recipe is made: -1 if it is no regular file
 * (a link to one would leave that), or its folder cannot be written to.
 */
int original_look (struct original *o, const char *path, struct error *err);

/* May it be asked whether to delete?  -1: nobody is there to answer, and `yes` is not given. */
int original_can_ask (bool yes, struct error *err);

enum original_fate {
  ORIGINAL_DELETED,
  ORIGINAL_KEPT,  /* the answer was no */
  ORIGINAL_FAILED /* `err` is set; it is still there */
};

/* The end of a question: what is typed from now on is the answer, and nothing but "y" or "yes"
 * is a yes.
 */
bool original_confirmed (void);

/* `recipe` has been made of it and is verified, as `report` tells: ask unless `yes`, have
 * everything reach the disks, and delete it, if then that recipe is still there and its sources are as
 * they were verified, it is no source of itself, a server of its folder would have it
 * (served.h), and nobody has interrupted.
 */
enum original_fate original_delete (const struct original *o, const char *recipe,
                                    const struct create_report *report, bool yes,
                                    struct error *err);

#endif /* MKVDUP_ORIGINAL_H */
