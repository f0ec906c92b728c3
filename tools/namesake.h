/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Another of a recipe's name: of two images of one name a server has one, and who has deleted
 * the MKV of the other would look for it in vain.
 */
#ifndef MKVDUP_NAMESAKE_H
#define MKVDUP_NAMESAKE_H

#include "error.h"

/* Does nothing else in the folder of `recipe` give an image the name that its sidecar gives?
 * Sidecars there are read, and recipes without one looked at, whose name comes from their
 * file's; what cannot be read as one is not served, and has no name.  -1 with `err` set: there is
 * another, or the folder or the own sidecar cannot be read.
 */
int namesake_check (const char *recipe, struct error *err);

#endif /* MKVDUP_NAMESAKE_H */
