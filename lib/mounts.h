/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether something was mounted or unmounted: then a path may lead elsewhere.  Asking never
 * touches what is mounted, which may hang.
 *
 * Thread safety: any number of threads, after mounts_start.
 */
#ifndef MKVDUP_MOUNTS_H
#define MKVDUP_MOUNTS_H

/* Before there are threads; changes count from now on. */
void mounts_start (void);

/* How many changes have been noticed, and one: never 0.  Where the kernel does not tell, and
 * before mounts_start, always the same.
 */
unsigned mounts_changes (void);

#endif /* MKVDUP_MOUNTS_H */
