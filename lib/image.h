/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An image: the bytes [0, size) that one recipe and its sources give.  The one
 * reader that server, verifier and extractor share.
 *
 * Sources are opened by image_open_sources, or at the first read that needs one: a
 * recipe whose disc is away can still be opened and described.  A source that fails
 * or changes while in use is looked for again, in vain at most once a second, so that an
 * image recovers when its disc is back.  Until then one that has changed is read for what can
 * be proven of it, if reads are; and for one that does not answer (pulse.h) no more threads
 * wait than do already.
 *
 * Thread safety: any number of threads may read one image at once.
 */
#ifndef MKVDUP_IMAGE_H
#define MKVDUP_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache.h"
#include "error.h"
#include "recipe.h"
#include "source.h"

struct image;

/* Open the recipe at `path`; no segment is read.  `places` (copied) is where its
 * sources may be: see source_open.  `cache` is borrowed and has to outlive the image.
 */
struct image *image_open (const char *path, const char *const *places, size_t n_places,
                          struct segment_cache *cache, struct error *err);

/* The same of a recipe that is open, which is taken over, also where this fails. */
struct image *image_of_recipe (struct recipe *recipe, const char *const *places,
                               size_t n_places, struct segment_cache *cache,
                               struct error *err);

/* Is something being fetched for its readers, so that closing it might take long? */
bool image_is_busy (const struct image *img);

/* Nobody may be reading any more. */
void image_close (struct image *img);

/* Read sources past the page cache; to be called before any is opened. */
void image_read_directly (struct image *img);

/*
 * Who is asked for a source that is at none of the places: opens it as source_open_other does.
 * To be set before any is opened; borrowed.  Called by one thread at a time for a source of
 * an image, by several for several.
 */
struct source_finder {
  int (*open) (void *opaque, const struct recipe_source *id, bool direct,
               const struct file_id *but, struct source *out, struct error *err);
  void *opaque;
};
void image_set_finder (struct image *img, const struct source_finder *finder);

/*
 * Whether reads are compared with the digests in the recipe before they are handed out: not;
 * the first time that 512 KiB of the image are touched, and again after a source has changed
 * (which shows of files, not of block devices); or each time.  Off unless it is set; to be set
 * before the first read.
 */
enum image_verify {
  IMAGE_VERIFY_OFF,
  IMAGE_VERIFY_LAZY,
  IMAGE_VERIFY_FULL
};
int image_set_verify (struct image *img, enum image_verify mode, struct error *err);

/* Lazily: of 512 KiB that cannot be read whole, and so not be proven, hand out what can be
 * read, and tell (image_set_notice).  To be set before the first read.
 */
void image_salvage (struct image *img);

/* Told, for people, of what is wrong but fails no read; by any thread that reads. */
typedef void image_notice_fn (void *opaque, const char *text);
void image_set_notice (struct image *img, image_notice_fn *fn, void *opaque);

/* Open every source now, to fail early. */
int image_open_sources (struct image *img, struct error *err);

/* Source `number`, opened if it was not; the image's.  NULL with `err` set, whose errnum tells
 * what was wrong at the first place: 0 that there is another file.  Thread safe.
 */
const struct source *image_source (struct image *img, uint32_t number, struct error *err);

/* What it is called: where it was found, or as in the recipe. */
const char *image_source_path (const struct image *img, uint32_t number);

/* What readers have been waiting for longest: the path of a source, or of the recipe; NULL:
 * nothing that is known.
 */
const char *image_awaited (struct image *img);

uint64_t image_size (const struct image *img);
const struct recipe *image_recipe (const struct image *img);

/* As recipe_digests, of at most one hash block, and recipe_root: what they give leads to one root,
 * which stays what it was when it was first asked for.
 */
int image_digests (struct image *img, uint64_t first, size_t n, uint8_t *digests,
                   struct error *err);
int image_root (struct image *img, uint8_t *root, struct error *err);

/*
 * Read exactly `count` bytes from `offset`; offset + count <= image_size.  Bytes that are to
 * be verified and are not right are an error (EBADMSG).
 * Memory for one call is bounded whatever the count.  On error the content of `buf` is
 * undefined and `err` names the source (or recipe), the offset in it, and the cause.
 */
int image_read (struct image *img, void *buf, size_t count, uint64_t offset,
                struct error *err);

/* The same, if it takes no waiting: all that is needed is in memory, and nothing can hang.
 * False: ask image_read; what `buf` holds is undefined.
 */
bool image_try_read (struct image *img, void *buf, size_t count, uint64_t offset);

/*
 * Tell `fn` of consecutive ranges from `offset` on that read as zeros without
 * any source (`zero`), or not; at least one, at most to offset + count, and no
 * more than a few segments a call.  Short runs of zeros count as data, and so does what of the
 * recipe cannot be read; where reads are proven, also zeros whose group has not been, unless it is
 * all zeros.  Stops early when fn returns non-zero, which is then returned; -1 with `err` set on
 * error.
 * 0 < count; offset + count <= image_size.
 */
typedef int image_extent_fn (void *opaque, uint64_t offset, uint64_t len, bool zero);
int image_extents (struct image *img, uint64_t offset, uint64_t count,
                   image_extent_fn *fn, void *opaque, struct error *err);

/* Ask the kernel to have the source bytes of this range in its cache soon.
 * Advisory, bounded to a few segments, does not wait for the disk.
 */
int image_prefetch (struct image *img, uint64_t offset, uint64_t count,
                    struct error *err);

#endif /* MKVDUP_IMAGE_H */
