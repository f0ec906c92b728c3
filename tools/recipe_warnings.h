/* SPDX-License-Identifier: BSD-3-Clause */
/* What a person should hear of a recipe that was made, and is good all the same. */
#ifndef MKVDUP_RECIPE_WARNINGS_H
#define MKVDUP_RECIPE_WARNINGS_H

#include "create.h"

/* Messages that name `mkv`: much of its disc is scrambled, little is saved, the index of the
 * disc is not kept.
 */
void recipe_warnings (const char *mkv, const struct create_report *report);

#endif /* MKVDUP_RECIPE_WARNINGS_H */
