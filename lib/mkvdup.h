/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libmkvdup: read the MKV that a recipe and its disc give, from any program.
 *
 * What is handed out is proven by the digests in the recipe (those of the Go program have
 * none): a byte that is not the MKV's is an error, never a result.  A source that fails is
 * looked for again, at most once a second, so that an image recovers when its disc is back.
 *
 * Thread safety: any number of threads may read one image at once.  Nothing here is for
 * signal handlers, or for a child of fork that the parent's threads have used.
 */
#ifndef MKVDUP_H
#define MKVDUP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mkvdup; /* an image */

/*
 * Open the recipe at `recipe`.  `sources` are the `n_sources` places where its discs may be,
 * folders or the discs themselves; with none, the sidecar (RECIPE.yaml) says.  Nothing of the
 * discs is read yet: a recipe whose disc is away can be opened, and not be read.
 *
 * NULL, with `error` (of `error_size` bytes, always terminated; may be NULL) saying why.
 */
struct mkvdup *mkvdup_open (const char *recipe, const char *const *sources,
                            size_t n_sources, char *error, size_t error_size);

/* Bytes of the MKV. */
uint64_t mkvdup_size (const struct mkvdup *image);

/*
 * Read `count` bytes from `offset` on into `buf`: all of them, 0; or -1, with `error` as
 * above: one cannot be had, or offset + count is beyond the end.  `buf` may have been
 * written to then.  Blocks until it is done.
 */
int mkvdup_read (struct mkvdup *image, void *buf, size_t count, uint64_t offset,
                 char *error, size_t error_size);

/* Nobody may be reading any more.  NULL is allowed. */
void mkvdup_close (struct mkvdup *image);

/* "0.1.0"; static. */
const char *mkvdup_version (void);

#ifdef __cplusplus
}
#endif

#endif /* MKVDUP_H */
