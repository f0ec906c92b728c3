/* SPDX-License-Identifier: BSD-3-Clause */
/* Folders of files that are not there yet. */
#ifndef MKVDUP_FOLDERS_H
#define MKVDUP_FOLDERS_H

/* Make the folders that are to hold `file`, as far as they are missing.  If they cannot be
 * made, writing the file will say why.
 */
void folders_make (const char *file);

#endif /* MKVDUP_FOLDERS_H */
