/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a program is: in PATH, or where administrators' programs are. */
#ifndef MKVDUP_FIND_PROGRAM_H
#define MKVDUP_FIND_PROGRAM_H

/* Malloced; NULL if it is nowhere. */
char *find_program (const char *name);

#endif /* MKVDUP_FIND_PROGRAM_H */
