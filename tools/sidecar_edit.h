/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Another source_dir in a sidecar, and nothing else in it changed: comments, other keys and
 * their order stay.
 */
#ifndef MKVDUP_SIDECAR_EDIT_H
#define MKVDUP_SIDECAR_EDIT_H

#include "error.h"

/* The file is replaced whole, and only if what was written is read as meant.  A sidecar with
 * anchors or tags at the value is an error.
 */
int sidecar_set_source_dir (const char *path, const char *source_dir, struct error *err);

#endif /* MKVDUP_SIDECAR_EDIT_H */
