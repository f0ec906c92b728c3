/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * File systems that are not this machine's alone: others write to them without its kernel
 * telling us, and any call may wait for another machine.
 */
#ifndef MKVDUP_SHARED_FS_H
#define MKVDUP_SHARED_FS_H

#include <stdbool.h>

/* One that cannot be asked is taken for shared. */
bool is_shared_path (const char *path);
bool is_shared_fd (int fd);

#endif /* MKVDUP_SHARED_FS_H */
