/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Would a server have it?  A recipe gives its MKV back to who names it; who has a library, and has
 * deleted the MKV, looks for it by its name there.
 */
#ifndef MKVDUP_SERVED_H
#define MKVDUP_SERVED_H

#include "error.h"

/* Would a server whose library is the folder of `recipe` have it, by the name and with the sources
 * that its sidecar gives, and nothing else by that name, or as a folder of it?  All below the folder
 * is read as the server does.  -1 with `err` set: it would not, or that cannot be told.
 */
int served_check (const char *recipe, struct error *err);

/* Will that be told?  To be asked before the recipe is made: -1 with `err` set if something
 * below its folder cannot be looked at, or a server passes the folder over.  One that is not
 * there yet has nothing that could be in the way.
 */
int served_can_tell (const char *recipe, struct error *err);

#endif /* MKVDUP_SERVED_H */
