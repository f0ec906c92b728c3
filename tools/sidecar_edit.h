/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Another source_dir in a sidecar, and nothing else in it changed: comments, other keys and
 * their order stay.
 */
#ifndef MKVDUP_SIDECAR_EDIT_H
#define MKVDUP_SIDECAR_EDIT_H

#include "error.h"
#include "recipe.h"
#include "sidecar.h"

/* `was` is what was read at `path`, and `recipe` is open: the one that it named, whose sources
 * are in `source_dir`.  It is an error if by now the sidecar says anything else, or the recipe
 * that it names has other sources.
 *
 * The file is replaced whole, and only if what is written is read as meant.  A sidecar with
 * anchors or tags at the value is an error.
 */
int sidecar_set_source_dir (const char *path, const struct sidecar *was,
                            const struct recipe *recipe, const char *source_dir,
                            struct error *err);

#endif /* MKVDUP_SIDECAR_EDIT_H */
