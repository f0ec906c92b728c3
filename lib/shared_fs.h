/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a file system's kind says of its files.  Some are not this machine's alone: others write
 * to them without its kernel telling us, and any call may wait for another machine.  Some are
 * memory: nothing is ever written back, so a page that is mapped can be stored to for ever without
 * a change time that tells.
 */
#ifndef MKVDUP_SHARED_FS_H
#define MKVDUP_SHARED_FS_H

#include <stdbool.h>

/* One that cannot be asked is taken for shared. */
bool is_shared_path (const char *path);
bool is_shared_fd (int fd);

/* One that cannot be asked is taken for memory, and so is an overlay, of which the upper layer may
 * be (live systems, containers); a device is not.
 */
bool is_memory_fd (int fd);

#endif /* MKVDUP_SHARED_FS_H */
