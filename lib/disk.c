/* SPDX-License-Identifier: BSD-3-Clause */
/* A disk with all titles: see disk.h. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "bytes.h"
#include "cleanup.h"
#include "disk.h"
#include "fs.h"

/* What one request for advice is about, at most. */
#define ADVICE_FILES 16u

#define LABEL "mkvdup"

struct disk {
  struct tree *tree;     /* owned */
  struct fs *fs;         /* owned */
  struct title **titles; /* by number of the file in the tree; owned, they are borrowed */
  uint32_t n;            /* of titles */
  bool lacks_titles;     /* their recipes could not be read */
  char id[DISK_ID_MAX];
};

/* What one part of a name may take, at most: a file's or folder's blocks, and its entry. */
#define PART_ROOM 16384u

/* Parts of all names together, each a file or folder of 100 bytes in memory.  A library's file
 * could name a folder with every second byte.
 */
#define MOST_PARTS (4u << 20)

/* Bytes that block numbers of 32 bits reach: of EROFS, of 4096; of UDF, of 2048. */
static const uint64_t most_bytes[] = {
  [DISK_EROFS] = UINT64_C (4096) * UINT32_MAX,
  [DISK_UDF] = UINT64_C (2048) * (UINT32_MAX - 1024),
};

/* ---- Life */

/* One being made. */
struct making {
  struct disk *disk;
  struct tree_file *files;
  uint64_t room;  /* bytes that are left */
  uint32_t parts; /* of names, likewise */
  disk_problem_fn *problem;
  void *opaque;
};

/* Take from the room what a title needs, or -1: what `fs` says would be too late. */
static int
take_room (struct making *m, const struct title *t, struct error *err)
{
  uint32_t parts = 1;
  uint64_t need;

  for (const char *slash = strchr (t->name, '/'); slash; slash = strchr (slash + 1, '/'))
    parts++;
  need = (uint64_t) parts * PART_ROOM + strlen (t->name);
  if (parts > m->parts)
    return error_set (err, 0, "%s: there are too many folders on the disk for \"%s\"",
                      t->recipe, t->name);
  if (t->size > m->room || need > m->room - t->size)
    return error_set (err, 0, "%s: there is no room for \"%s\" on the disk, %llu bytes",
                      t->recipe, t->name, (unsigned long long) t->size);
  m->room -= t->size + need;
  m->parts -= parts;
  return 0;
}

static int
add_title (struct making *m, struct title *t, struct error *err)
{
  struct error why = ERROR_INIT;

  if (title_keep (t, &why) == 0 && take_room (m, t, &why) == 0) {
    m->files[m->disk->n] = (struct tree_file){ t->name, t->size, t->stat };
    m->disk->titles[m->disk->n++] = t;
    return 0;
  }
  if (why.errnum == ENOMEM) {
    *err = why;
    return -1;
  }
  m->problem (m->opaque, why.text);
  m->disk->lacks_titles |= why.errnum != 0;
  return 0;
}

static int
make (struct making *m, enum disk_kind kind, struct title *const *titles, uint32_t n,
      const struct tree_stat *folder, struct error *err)
{
  struct disk *d = m->disk;

  d->titles = calloc ((size_t) n + 1, sizeof *d->titles);
  if (!m->files || !d->titles)
    return error_set (err, ENOMEM, "a disk of %u files", n);
  for (uint32_t i = 0; i < n; i++)
    if (add_title (m, titles[i], err) == -1)
      return -1;
  d->tree = tree_new (m->files, d->n, folder, err);
  if (d->tree)
    d->fs = kind == DISK_UDF ? fs_new_udf (d->tree, LABEL, err)
                             : fs_new_erofs (d->tree, LABEL, err);
  return d->fs ? 0 : -1;
}

bool
disk_lacks_titles (const struct disk *d)
{
  return d->lacks_titles;
}

static void
hash_number (XXH3_state_t *state, uint64_t number)
{
  uint8_t bytes[8];

  put_le64 (bytes, number);
  XXH3_128bits_update (state, bytes, sizeof bytes);
}

static void
hash_stat (XXH3_state_t *state, const struct tree_stat *stat)
{
  hash_number (state, stat->mode);
  hash_number (state, stat->uid);
  hash_number (state, stat->gid);
  hash_number (state, (uint64_t) stat->mtime);
  hash_number (state, stat->mtime_nsec);
}

/* All that a disk follows from. */
static int
set_id (struct disk *d, enum disk_kind kind, const struct tree_stat *folder,
        struct error *err)
{
  XXH3_state_t *state = XXH3_createState ();
  XXH128_canonical_t hash;

  if (!state || XXH3_128bits_reset (state) != XXH_OK) {
    XXH3_freeState (state);
    return error_set (err, ENOMEM, "a disk");
  }
  hash_number (state, kind);
  hash_stat (state, folder);
  for (uint32_t i = 0; i < d->n; i++) {
    const struct title *t = d->titles[i];

    XXH3_128bits_update (state, t->name, strlen (t->name) + 1);
    hash_number (state, t->size);
    hash_stat (state, &t->stat);
    XXH3_128bits_update (state, t->root, sizeof t->root);
  }
  XXH128_canonicalFromHash (&hash, XXH3_128bits_digest (state));
  merkle_hex (hash.digest, sizeof hash.digest, d->id);
  XXH3_freeState (state);
  return 0;
}

struct disk *
disk_new (enum disk_kind kind, struct title *const *titles, uint32_t n,
          const struct tree_stat *folder, disk_problem_fn *problem, void *opaque,
          struct error *err)
{
  struct disk *d = calloc (1, sizeof *d);
  CLEANUP_FREE struct tree_file *files = calloc ((size_t) n + 1, sizeof *files);
  struct making m = { d, files, most_bytes[kind], MOST_PARTS, problem, opaque };

  if (!d) {
    error_set (err, ENOMEM, "a disk of %u files", n);
    return NULL;
  }
  if (make (&m, kind, titles, n, folder, err) == -1 ||
      set_id (d, kind, folder, err) == -1) {
    disk_free (d);
    return NULL;
  }
  return d;
}

void
disk_free (struct disk *d)
{
  if (!d)
    return;
  fs_free (d->fs);
  tree_free (d->tree);
  free (d->titles);
  free (d);
}

uint64_t
disk_size (const struct disk *d)
{
  return d->fs->size;
}

uint32_t
disk_files (const struct disk *d)
{
  return d->n;
}

const char *
disk_id (const struct disk *d)
{
  return d->id;
}

/* ---- Parts */

/* A part of the disk of one kind. */
struct part {
  uint64_t offset, end; /* on the disk */
  struct title *title;  /* NULL: metadata, or zeros behind a file */
  uint64_t at;          /* in the title: where the part begins */
  bool is_zero;
};

/* The last node that begins at or before `offset`: of those that begin at one place, the
 * last is the one that has bytes.
 */
static uint32_t
node_at (const struct disk *d, uint64_t offset)
{
  uint32_t low = 0, high = d->tree->n;

  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;

    if (d->fs->file_at[middle] <= offset)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* What is at `offset`, up to `end` at most. */
static struct part
part_at (const struct disk *d, uint64_t offset, uint64_t end)
{
  struct part p = { .offset = offset, .end = d->fs->size };

  if (offset < d->fs->data_at)
    p.end = d->fs->data_at;
  else if (offset < d->fs->data_end) {
    uint32_t i = node_at (d, offset);
    const struct tree_node *node = &d->tree->nodes[i];
    uint64_t file_at = d->fs->file_at[i];

    if (offset - file_at < node->size) {
      p.title = d->titles[node->file];
      p.at = offset - file_at;
      p.end = file_at + node->size;
    }
    else {
      p.is_zero = true;
      p.end = i + 1 < d->tree->n ? d->fs->file_at[i + 1] : d->fs->data_end;
    }
  }
  if (p.end > end)
    p.end = end;
  return p;
}

static int
check_range (const struct disk *d, uint64_t offset, uint64_t count, struct error *err)
{
  if (offset > d->fs->size || count > d->fs->size - offset)
    return error_set (err, EINVAL, "read beyond the disk's end");
  return 0;
}

struct title *
disk_title_at (const struct disk *d, uint64_t offset)
{
  return offset < d->fs->size ? part_at (d, offset, d->fs->size).title : NULL;
}

/* ---- Reading */

static int
read_title (const struct part *p, void *buf, struct error *err)
{
  struct image *image = title_open (p->title, err);
  int r;

  if (!image)
    return -1;
  r = image_read (image, buf, p->end - p->offset, p->at, err);
  title_close (p->title);
  return r;
}

/* The same, if it takes no waiting. */
static int
try_read_title (const struct part *p, void *buf, struct error *err)
{
  struct image *image = title_try_open (p->title);
  bool r;

  (void) err;
  if (!image)
    return -1;
  r = image_try_read (image, buf, p->end - p->offset, p->at);
  title_close (p->title);
  return r ? 0 : -1;
}

typedef int read_title_fn (const struct part *p, void *buf, struct error *err);

static int
read_parts (const struct disk *d, void *buf, size_t count, uint64_t offset,
            read_title_fn *read_title_part, struct error *err)
{
  uint64_t end = offset + count;
  uint8_t *to = buf;

  if (check_range (d, offset, count, err) == -1)
    return -1;
  while (offset < end) {
    struct part p = part_at (d, offset, end);
    size_t len = (size_t) (p.end - p.offset);

    if (p.is_zero)
      memset (to, 0, len);
    else if (!p.title)
      d->fs->read (d->fs, to, len, p.offset);
    else if (read_title_part (&p, to, err) == -1)
      return -1;
    to += len;
    offset = p.end;
  }
  return 0;
}

int
disk_read (const struct disk *d, void *buf, size_t count, uint64_t offset,
           struct error *err)
{
  return read_parts (d, buf, count, offset, read_title, err);
}

bool
disk_try_read (const struct disk *d, void *buf, size_t count, uint64_t offset)
{
  struct error ignored;

  return read_parts (d, buf, count, offset, try_read_title, &ignored) == 0;
}

/* ---- Advice */

/* Extents of a title, told as the disk's. */
struct telling {
  image_extent_fn *fn;
  void *opaque;
  uint64_t base; /* where the title begins on the disk */
  uint64_t next; /* on the disk: where what was told ends */
};

static int
tell (void *opaque, uint64_t offset, uint64_t len, bool zero)
{
  struct telling *t = opaque;

  t->next = t->base + offset + len;
  return t->fn (t->opaque, t->base + offset, len, zero);
}

/* Returns as `fn` does; *next is where what was told ends.  Of one that cannot be opened
 * nothing is known: reading it will say why.
 */
static int
extents_of_title (const struct part *p, image_extent_fn *fn, void *opaque, uint64_t *next,
                  struct error *err)
{
  struct telling t = { fn, opaque, p->offset - p->at, p->offset };
  struct error ignored = ERROR_INIT;
  struct image *image = title_open (p->title, &ignored);
  int r;

  if (!image)
    return fn (opaque, p->offset, p->end - p->offset, false);
  r = image_extents (image, p->at, p->end - p->offset, tell, &t, err);
  title_close (p->title);
  *next = t.next;
  return r;
}

int
disk_extents (const struct disk *d, uint64_t offset, uint64_t count, image_extent_fn *fn,
              void *opaque, struct error *err)
{
  uint64_t end = offset + count;

  if (check_range (d, offset, count, err) == -1)
    return -1;
  for (unsigned files = 0; offset < end && files < ADVICE_FILES;) {
    struct part p = part_at (d, offset, end);
    uint64_t next = p.end;
    int r;

    if (p.title) {
      files++;
      r = extents_of_title (&p, fn, opaque, &next, err);
    }
    else
      r = fn (opaque, p.offset, p.end - p.offset, p.is_zero);
    if (r != 0)
      return r;
    /* An image says no more than of a few segments. */
    if (next < p.end)
      break;
    offset = p.end;
  }
  return 0;
}

/* What cannot be fetched will fail when it is wanted. */
static void
prefetch_title (const struct part *p)
{
  struct error ignored = ERROR_INIT;
  struct image *image = title_open (p->title, &ignored);

  if (!image)
    return;
  image_prefetch (image, p->at, p->end - p->offset, &ignored);
  title_close (p->title);
}

int
disk_prefetch (const struct disk *d, uint64_t offset, uint64_t count, struct error *err)
{
  uint64_t end = offset + count;

  if (check_range (d, offset, count, err) == -1)
    return -1;
  for (unsigned files = 0; offset < end && files < ADVICE_FILES;) {
    struct part p = part_at (d, offset, end);

    if (p.title) {
      prefetch_title (&p);
      files++;
    }
    offset = p.end;
  }
  return 0;
}
