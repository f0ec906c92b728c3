/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of an image share: image.c (life, reading), image_sources.c,
 * image_source_use.c, image_source_path.c, image_trust.c, image_verify.c, image_digests.c,
 * image_settled.c, image_doubt.c, image_walk.c (running the operations of a segment),
 * image_recode.c and image_extents.c.  Private to lib/.
 */
#ifndef MKVDUP_IMAGE_PARTS_H
#define MKVDUP_IMAGE_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "ahead.h"
#include "file_id.h"
#include "gather.h"
#include "image.h"
#include "merkle.h"
#include "source.h"

/* An answer to "what is a hole" or "fetch this" covers so many segments at most, which
 * bounds what one request can make us decode.
 */
#define ADVICE_SEGMENTS 4

struct image_source {
  /* Fixed once is_open, but for what is atomic; fd is replaced by dup3. */
  struct source source;
  atomic_bool is_open;
  /* Some of its sample cannot be read: nothing of it may be used but what is proven. */
  atomic_bool is_unsampled;
  atomic_bool is_sealing; /* a thread is: others need not */
  struct pulse reading;
  pthread_mutex_t lock;
  pthread_cond_t looked_for;
  /* Guarded by the lock, as is what `source` is made to be: */
  _Atomic int64_t looking;  /* since when a thread looks for it; 0: none does */
  int64_t looked;           /* when it was last looked for in vain */
  int64_t exchanged;        /* when another was taken for it; 0: never */
  int64_t looked_elsewhere; /* when for one other than lies at its path; 0: never */
  struct error *failure;    /* what came of it: NULL if it was found; owned */
  struct file_id file;      /* that is open, and is not opened again while it is silent */
  struct path_list *paths;  /* it was found at before: others may be telling of them */
};

/* Of groups that could not be proven, as some of their bytes could not be read, so many are
 * remembered: what can be read of those is handed out without trying again.
 */
#define UNPROVABLE 16u

struct unprovable {
  uint64_t group;
  int64_t since; /* 0: a free place */
};

/* What image_digests.c knows of the Merkle levels. */
struct known_digests {
  pthread_mutex_t lock; /* guards all of it, but for reading a root that is there */
  atomic_bool has_root; /* `root` is what it stays */
  uint8_t root[MERKLE_DIGEST];
  uint64_t first; /* number of the first digest in `block` */
  size_t n;       /* that many are, and lead to the root; 0: none */
  uint8_t block[MERKLE_BLOCK];
};

/* What of the image is proven: image_verify.c. */
struct proof {
  enum image_verify mode;   /* fixed before the first read, as is the next */
  bool salvages;            /* hands out what cannot be proven as some of it is lost */
  _Atomic uint64_t *proven; /* a bit for each group; owned; NULL unless lazily */
  atomic_uint changes;      /* of sources, so far, and seals */
  pthread_mutex_t lock;     /* guards `claims`, and setting and clearing bits */
  pthread_cond_t released;  /* one of the claims */
  struct claim *claims;     /* groups that are being proven */
  struct unprovable unprovable[UNPROVABLE]; /* guarded by `lock`, as is the next */
  unsigned n_unprovable;                    /* so far */
  bool has_zeros;                           /* guarded by `lock`, as is the next */
  uint8_t zeros[MERKLE_DIGEST];             /* the digest of a group of zeros */
  atomic_bool has_wrong;                    /* bytes have been found that are */
};

struct image {
  struct recipe *recipe;       /* owned */
  struct segment_cache *cache; /* borrowed */
  char **places;               /* owned */
  size_t n_places;
  struct ahead *ahead;                /* owned */
  const struct source_finder *finder; /* borrowed; NULL if nobody is to be asked */
  bool direct;                        /* sources are read past the page cache */
  image_notice_fn *notice;            /* NULL: nobody is to be told */
  void *notice_opaque;                /* borrowed */
  struct proof proof;
  struct known_digests digests;
  struct pulse recipe_pulse;
  _Atomic uint64_t recipe_changes; /* the recipe's, when what is proven was */
  struct image_source *sources;
};

void image_source_init (struct image_source *s);
void image_source_release (struct image_source *s);

/* What was found is source `number` from now on.  One that is open has its descriptor replaced,
 * which readers do not notice; no lock is held, as closing the old file may hang.  `found` is taken
 * over, also where this fails.
 */
int image_use_source (struct image *img, uint32_t number, struct source *found,
                      bool is_sampled, struct error *err);

/* With the lock held: it is called as `found` is, whose path may be taken over.  Without memory
 * it keeps its name.
 */
void image_source_take_path (struct image_source *s, struct source *found);
void image_source_free_paths (struct image_source *s);

/* image_source, if neither opening nor asking it may take long; else NULL. */
const struct source *image_try_source (struct image *img, uint32_t number);

/* A source failed with `err`: is the right one there again?  If not, -1, and `err` tells
 * both.  With `again` it has failed though that was said of it: another one would have to be
 * at its path; else -1, and `err` stays.
 */
int image_recover_source (struct image *img, const struct source *failed, bool again,
                          struct error *err);

/* Is `found` to be taken for source `number`, whose size it has?  Nothing else may be known of
 * it.  Not with the lock held.
 */
int image_trust (struct image *img, uint32_t number, const struct source *found,
                 struct error *err);

/* Of a source that is doubted nothing may be used, by any image and for good, but what is proven.
 * It has changed; it is found as `st` says, which may be otherwise than it was before; bytes of
 * the image were wrong, which one of theirs is to blame for.  Remembered only for who salvages.
 */
void image_doubt (const struct image *img, uint32_t number);
void image_doubt_other (const struct image *img, uint32_t number,
                        const struct source *found, const struct stat *st);
void image_doubt_range (struct image *img, uint64_t offset, size_t len);
bool image_is_doubted (const struct image *img, uint32_t number);

/* Bytes of the image were read, and are wrong: take others of the sources that they are made of,
 * where there are others, at their paths or elsewhere, that seem right.  False: there are none, or
 * that was looked for a moment ago.
 */
bool image_exchange_sources (struct image *img, uint64_t offset, size_t len);

/* What is to be done when a read is about to wait: streams have to hear of it, once; and of
 * a group that is to be proven all is asked for together.
 */
struct note {
  struct image *img;
  uint64_t offset, count;
  bool done;
  uint64_t group_at;  /* in the image */
  size_t group_len;   /* 0: no group, or it has been asked for */
  bool no_wait;       /* rather fail (image_would_wait) */
  bool is_unreadable; /* out: the group could not be read */
};

/* The error of a read that is not to wait, and would.  Always returns -1. */
int image_would_wait (struct error *err);

/* As image_read: with proof, and without. */
int image_read_proven (struct image *img, uint8_t *buf, size_t count, uint64_t offset,
                       struct note *note, struct error *err);
int image_read_unproven (struct image *img, uint8_t *buf, size_t count, uint64_t offset,
                         struct note *note, struct error *err);

/* A source has changed, or the recipe: nothing is proven any more. */
void image_forget_proof (struct image *img);

/* Are bytes that the recipe says are zeros also those that its digests are of?  Asked for block
 * status, which nobody compares: true only of what is proven, of whole groups of zeros, and where
 * nothing is to be proven.
 */
bool image_vouches (struct image *img, uint64_t offset, uint64_t len);

/* Can no change of a source that is open go unseen?  Only what is read after image_seal_sources
 * has sealed them can be said to be settled; where it is too early for that, it does nothing.
 */
bool image_is_settled (const struct image *img);
void image_seal_sources (struct image *img);

/* Asked after something of the recipe was used: if its file was written to, nothing is proven any
 * more.
 */
void image_note_recipe (struct image *img);

/* What a walk through the operations of a segment needs. */
struct walk {
  struct image *img;
  struct gather *gather;
  const struct segment *seg;
  uint64_t base;               /* the segment's first byte in the image */
  bool prefetch;               /* sources only */
  bool wait;                   /* until what is prefetched is there */
  bool no_wait;                /* for anything: rather fail */
  const struct source *failed; /* out: the source that an error is about */
  struct recode_job *jobs;     /* recodings whose material is being gathered; owned */
  size_t job_bytes;            /* of memory that they take */
};

/* Bytes [at, end) of w->seg, to `dst`; NULL when prefetching.  On failure the gather is
 * to be reset.
 */
int image_walk (struct walk *w, uint32_t at, uint32_t end, uint8_t *dst,
                struct error *err);

/* More material than this is not gathered at once: bounds memory, not what is read. */
#define MATERIAL_AT_ONCE (4u << 20)

/* Note that bytes [from, from + len) of a recoding's result go to `dst`, which stands for
 * position `at`; where its material is to be put by then, NULL when out of memory.
 */
uint8_t *image_recode_later (struct walk *w, const struct recoding *r, size_t from,
                             size_t len, uint32_t at, uint8_t *dst);

/* All materials are there: make what was noted. */
int image_recode (struct walk *w, struct error *err);

/* Forget what was noted. */
void image_recode_drop (struct walk *w);

/* Does something with bytes [at, end) of w->seg. */
typedef int part_fn (struct walk *w, uint32_t at, uint32_t end, void *opaque,
                     struct error *err);

/* Call `fn` for each segment that [offset, offset + count) touches, `most` at most. */
int image_each_segment (struct walk *w, uint64_t offset, uint64_t count, uint64_t most,
                        part_fn *fn, void *opaque, struct error *err);

#endif /* MKVDUP_IMAGE_PARTS_H */
