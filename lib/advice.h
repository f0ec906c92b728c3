/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Advice to the kernel on what will be read of a file.
 *
 * For one POSIX_FADV_WILLNEED Linux fetches no more than the file's device or file system
 * is set to read ahead (read_ahead_kb), leaves out the rest and says nothing: more has to
 * be asked for in as many pieces.
 */
#ifndef MKVDUP_ADVICE_H
#define MKVDUP_ADVICE_H

#include <stdint.h>

/* How many bytes one piece may have for the file `fd`: a power of two. */
uint64_t advice_most (int fd);

/* Have bytes [from, end) in the page cache soon.  Does not wait for them.  Thread safe. */
void advice_fetch (int fd, uint64_t most, uint64_t from, uint64_t end);

#endif /* MKVDUP_ADVICE_H */
