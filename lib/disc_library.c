/* SPDX-License-Identifier: BSD-3-Clause */
/* The library of discs: see disc_library.h. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "atomic_file.h"
#include "bytes.h"
#include "cleanup.h"
#include "disc_library.h"
#include "file_id.h"
#include "folders.h"
#include "whole_io.h"

#define MAGIC "\x8bmkdl\r\n\x1a"
#define FORMAT_VERSION 1

/* Offsets of the header's fields. */
enum {
  HEADER_MAGIC = 0,
  HEADER_VERSION = 8,   /* u32 */
  HEADER_DISCS = 12,    /* u32: how many */
  HEADER_HASHES = 16,   /* u64: how many, of all */
  HEADER_NAMES = 24,    /* u64: bytes of all paths */
  HEADER_BODY = 32,     /* u64: XXH3 of all behind the header */
  HEADER_CHECKSUM = 40, /* u64: XXH3 of all before */
  HEADER_SIZE = 48,
};

/* Of a disc's. */
enum {
  DISC_IDENTITY = 0,
  DISC_BYTES = 16,  /* u64 */
  DISC_LIMIT = 24,  /* u64 */
  DISC_HASHES = 32, /* u32 */
  DISC_DAMAGE = 36, /* u32 */
  DISC_SIZE = 40,
};

#define ENTRY_SIZE 8

void
disc_library_free (struct disc_library *library)
{
  for (size_t i = 0; i < library->n; i++)
    free (library->discs[i].path);
  free (library->discs);
  free (library->entries);
  *library = (struct disc_library){ 0 };
}

/* ---- asking */

const struct library_disc *
disc_library_find (const struct disc_library *library, const char *path)
{
  size_t low = 0, high = library->n;

  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = strcmp (library->discs[middle].path, path);

    if (order == 0)
      return &library->discs[middle];
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

/* The first entry that is not below `entry`. */
static size_t
first_not_below (const struct disc_library *library, uint64_t entry)
{
  size_t low = 0, high = library->n_entries;

  while (low < high) {
    size_t middle = low + (high - low) / 2;

    if (library->entries[middle] < entry)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static uint64_t
make_entry (uint64_t hash, size_t disc)
{
  return hash << (64 - DISC_HASH_BITS) | disc;
}

const uint64_t *
disc_library_lookup (const struct disc_library *library, uint64_t hash, size_t *n)
{
  size_t first = first_not_below (library, make_entry (hash, 0));

  *n = 0;
  if (first == library->n_entries)
    return library->entries;
  while (first + *n < library->n_entries &&
         disc_entry_hash (library->entries[first + *n]) == hash)
    ++*n;
  return library->entries + first;
}

/* ---- as bytes */

static void
format_disc (struct buffer *out, const struct library_disc *d)
{
  buffer_append (out, d->identity, sizeof d->identity);
  buffer_le64 (out, d->bytes);
  buffer_le64 (out, d->limit);
  buffer_le32 (out, d->n_hashes);
  buffer_le32 (out, d->damage);
}

void
disc_library_format (const struct disc_library *library, struct buffer *out)
{
  static const uint8_t no_header[HEADER_SIZE];
  size_t start = out->len, names;
  uint8_t *h;

  buffer_append (out, no_header, sizeof no_header);
  for (size_t i = 0; i < library->n; i++)
    format_disc (out, &library->discs[i]);
  for (size_t i = 0; i < library->n_entries; i++)
    buffer_le64 (out, library->entries[i]);
  names = out->len;
  for (size_t i = 0; i < library->n; i++)
    buffer_append (out, library->discs[i].path, strlen (library->discs[i].path) + 1);
  if (out->failed)
    return;
  h = out->data + start;
  memcpy (h + HEADER_MAGIC, MAGIC, HEADER_VERSION - HEADER_MAGIC);
  put_le32 (h + HEADER_VERSION, FORMAT_VERSION);
  put_le32 (h + HEADER_DISCS, (uint32_t) library->n);
  put_le64 (h + HEADER_HASHES, library->n_entries);
  put_le64 (h + HEADER_NAMES, out->len - names);
  put_le64 (h + HEADER_BODY,
            XXH3_64bits (h + HEADER_SIZE, out->len - start - HEADER_SIZE));
  put_le64 (h + HEADER_CHECKSUM, XXH3_64bits (h, HEADER_CHECKSUM));
}

static int
is_damaged (struct error *err)
{
  return error_set (err, 0, "is damaged: what it says is not believed");
}

/* What the header says of the rest. */
struct counts {
  size_t discs, entries, names;
};

static int
parse_header (const uint8_t *h, size_t len, struct counts *c, struct error *err)
{
  uint64_t entries, names, left = len - HEADER_SIZE;

  if (len < HEADER_SIZE || memcmp (h, MAGIC, sizeof MAGIC - 1) != 0)
    return error_set (err, 0, "is no library of discs");
  if (get_le64 (h + HEADER_CHECKSUM) != XXH3_64bits (h, HEADER_CHECKSUM))
    return is_damaged (err);
  if (get_le32 (h + HEADER_VERSION) != FORMAT_VERSION)
    return error_set (err, 0, "is a library of discs of another version, %u",
                      get_le32 (h + HEADER_VERSION));
  c->discs = get_le32 (h + HEADER_DISCS);
  entries = get_le64 (h + HEADER_HASHES);
  names = get_le64 (h + HEADER_NAMES);
  if (c->discs > DISC_LIBRARY_MAX_DISCS || c->discs > left / DISC_SIZE)
    return is_damaged (err);
  left -= c->discs * DISC_SIZE;
  if (entries > left / ENTRY_SIZE || left - entries * ENTRY_SIZE != names)
    return is_damaged (err);
  if (get_le64 (h + HEADER_BODY) != XXH3_64bits (h + HEADER_SIZE, len - HEADER_SIZE))
    return is_damaged (err);
  c->entries = (size_t) entries;
  c->names = (size_t) names;
  return 0;
}

/* The next path, in [*p, end), which has to follow the one before. */
static int
parse_path (struct disc_library *l, const char **p, const char *end, struct error *err)
{
  const char *zero = memchr (*p, '\0', (size_t) (end - *p));
  struct library_disc *d = &l->discs[l->n];

  if (!zero || **p != '/' || (l->n > 0 && strcmp (d[-1].path, *p) >= 0))
    return is_damaged (err);
  d->path = strdup (*p);
  if (!d->path)
    return error_set (err, ENOMEM, "a library of discs");
  l->n++;
  *p = zero + 1;
  return 0;
}

static int
parse_discs (struct disc_library *l, const uint8_t *data, const struct counts *c,
             struct error *err)
{
  const char *name = (const char *) data + c->discs * DISC_SIZE + c->entries * ENTRY_SIZE;
  const char *end = name + c->names;

  l->discs = calloc (c->discs + 1, sizeof *l->discs);
  if (!l->discs)
    return error_set (err, ENOMEM, "a library of discs");
  for (size_t i = 0; i < c->discs; i++, data += DISC_SIZE) {
    struct library_disc *d = &l->discs[i];

    memcpy (d->identity, data + DISC_IDENTITY, sizeof d->identity);
    d->bytes = get_le64 (data + DISC_BYTES);
    d->limit = get_le64 (data + DISC_LIMIT);
    d->n_hashes = get_le32 (data + DISC_HASHES);
    d->damage = get_le32 (data + DISC_DAMAGE);
    if (d->limit > DISC_HASH_MAX || d->n_hashes > DISC_LIBRARY_MAX_HASHES)
      return is_damaged (err);
    if (parse_path (l, &name, end, err) == -1)
      return -1;
  }
  return name == end ? 0 : is_damaged (err);
}

/* Ascending, none above its disc's limit, and as many of each disc as it says. */
static int
parse_entries (struct disc_library *l, const uint8_t *data, size_t n, struct error *err)
{
  CLEANUP_FREE uint32_t *met = calloc (l->n + 1, sizeof *met);

  l->entries = malloc ((n + 1) * sizeof *l->entries);
  if (!met || !l->entries)
    return error_set (err, ENOMEM, "a library of discs");
  for (; l->n_entries < n; l->n_entries++) {
    uint64_t e = get_le64 (data + l->n_entries * ENTRY_SIZE);
    size_t disc = disc_entry_disc (e);

    if ((l->n_entries > 0 && e <= l->entries[l->n_entries - 1]) || disc >= l->n ||
        disc_entry_hash (e) > l->discs[disc].limit)
      return is_damaged (err);
    met[disc]++;
    l->entries[l->n_entries] = e;
  }
  for (size_t i = 0; i < l->n; i++)
    if (met[i] != l->discs[i].n_hashes)
      return is_damaged (err);
  return 0;
}

int
disc_library_parse (struct disc_library *library, const void *data, size_t len,
                    struct error *err)
{
  const uint8_t *body = (const uint8_t *) data + HEADER_SIZE;
  struct counts c = { 0 };

  *library = (struct disc_library){ 0 };
  if (parse_header (data, len, &c, err) == -1)
    return -1;
  if (parse_discs (library, body, &c, err) == 0 &&
      parse_entries (library, body + c.discs * DISC_SIZE, c.entries, err) == 0)
    return 0;
  disc_library_free (library);
  return -1;
}

/* ---- changing */

/* A disc of the new library: an old one, or an added one. */
struct chosen {
  const struct library_disc *disc;
  const struct disc_addition *added; /* NULL: an old one, … */
  size_t old;                        /* … of this number */
  size_t order;
};

/* By path, the newest first. */
static int
compare_chosen (const void *a, const void *b)
{
  const struct chosen *x = a, *y = b;
  int order = strcmp (x->disc->path, y->disc->path);

  return order ? order : x->order > y->order ? -1 : x->order < y->order;
}

/* The discs of the new library, in order; returns how many. */
static size_t
choose (const struct disc_library *old, const struct disc_addition *added, size_t n,
        disc_library_keep_fn *keep, void *opaque, struct chosen *list)
{
  size_t all = 0, out = 0;

  for (size_t i = 0; i < old->n; i++)
    if (!keep || keep (opaque, &old->discs[i]))
      list[all++] = (struct chosen){ .disc = &old->discs[i], .old = i, .order = 0 };
  for (size_t i = 0; i < n; i++)
    list[all++] =
      (struct chosen){ .disc = &added[i].disc, .added = &added[i], .order = i + 1 };
  qsort (list, all, sizeof *list, compare_chosen);
  for (size_t i = 0; i < all; i++)
    if (i == 0 || strcmp (list[i].disc->path, list[i - 1].disc->path) != 0)
      list[out++] = list[i];
  return out;
}

static int
by_value (const void *a, const void *b)
{
  const uint64_t *x = a, *y = b;

  return *x < *y ? -1 : *x > *y;
}

#define NOT_KEPT UINT32_MAX

/* The entries of the new library: `now` is its number of each old disc. */
static void
merge_entries (struct disc_library *new, const struct disc_library *old,
               const uint32_t *now, const struct chosen *list)
{
  for (size_t i = 0; i < old->n_entries; i++) {
    uint32_t disc = now[disc_entry_disc (old->entries[i])];

    if (disc != NOT_KEPT)
      new->entries[new->n_entries++] =
        make_entry (disc_entry_hash (old->entries[i]), disc);
  }
  for (size_t i = 0; i < new->n; i++)
    for (size_t k = 0; list[i].added && k < list[i].disc->n_hashes; k++)
      new->entries[new->n_entries++] = make_entry (list[i].added->hashes[k], i);
  if (new->n_entries > 0)
    qsort (new->entries, new->n_entries, sizeof *new->entries, by_value);
}

static int
build (struct disc_library *new, const struct disc_library *old,
       const struct chosen *list, size_t n, struct error *err)
{
  CLEANUP_FREE uint32_t *now = malloc ((old->n + 1) * sizeof *now);
  size_t entries = 0;

  for (size_t i = 0; i < n; i++)
    entries += list[i].disc->n_hashes;
  new->discs = calloc (n + 1, sizeof *new->discs);
  new->entries = malloc ((entries + 1) * sizeof *new->entries);
  if (!now || !new->discs || !new->entries)
    return error_set (err, ENOMEM, "a library of discs");
  for (size_t i = 0; i < old->n; i++)
    now[i] = NOT_KEPT;
  for (; new->n < n; new->n++) {
    struct library_disc *d = &new->discs[new->n];
    const struct chosen *c = &list[new->n];

    *d = *c->disc;
    d->path = strdup (c->disc->path);
    if (!d->path)
      return error_set (err, ENOMEM, "a library of discs");
    if (!c->added)
      now[c->old] = (uint32_t) new->n;
  }
  merge_entries (new, old, now, list);
  return 0;
}

int
disc_library_change (struct disc_library *library, const struct disc_addition *added,
                     size_t n, disc_library_keep_fn *keep, void *opaque,
                     struct error *err)
{
  CLEANUP_FREE struct chosen *list = calloc (library->n + n + 1, sizeof *list);
  struct disc_library new = { 0 };
  size_t chosen;

  if (!list)
    return error_set (err, ENOMEM, "a library of discs");
  chosen = choose (library, added, n, keep, opaque, list);
  if (chosen > DISC_LIBRARY_MAX_DISCS)
    return error_set (err, 0, "more than %u discs", DISC_LIBRARY_MAX_DISCS);
  if (build (&new, library, list, chosen, err) == -1) {
    disc_library_free (&new);
    return -1;
  }
  disc_library_free (library);
  *library = new;
  return 0;
}

/* ---- as a file */

int
disc_library_read (struct disc_library *library, const char *path, struct error *err)
{
  CLEANUP_CLOSE int fd = open (path, OPEN_UNKNOWN);
  CLEANUP_FREE uint8_t *data = NULL;
  struct stat st;
  size_t len;

  *library = (struct disc_library){ 0 };
  if (fd == -1 && errno == ENOENT)
    return 0;
  if (fd == -1 || fstat (fd, &st) == -1)
    return error_set (err, errno, "%s", path);
  if (!S_ISREG (st.st_mode) || (uint64_t) st.st_size > DISC_LIBRARY_MAX_FILE)
    return error_set (err, 0, "%s: is no library of discs", path);
  len = (size_t) st.st_size;
  data = malloc (len + 1);
  if (!data)
    return error_set (err, ENOMEM, "%s", path);
  if (read_all (fd, data, len, 0, path, err) == -1)
    return -1;
  return disc_library_parse (library, data, len, err) == 0
           ? 0
           : error_context (err, "%s", path);
}

int
disc_library_update (const char *path, const struct disc_addition *added, size_t n,
                     disc_library_keep_fn *keep, void *opaque, struct error *err)
{
  CLEANUP_DISC_LIBRARY struct disc_library library = { 0 };
  CLEANUP_BUFFER struct buffer out = BUFFER_INIT;
  CLEANUP_FREE char *real = file_behind (path, err);
  CLEANUP_CLOSE int lock = -1;

  if (!real || folders_make (real, err) == -1)
    return -1;
  lock = atomic_file_lock (real, err);
  if (lock == -1 || disc_library_read (&library, real, err) == -1)
    return -1;
  if (disc_library_change (&library, added, n, keep, opaque, err) == -1)
    return error_context (err, "%s", path);
  disc_library_format (&library, &out);
  if (out.failed)
    return error_set (err, ENOMEM, "%s", path);
  if (out.len > DISC_LIBRARY_MAX_FILE)
    return error_set (err, EFBIG, "%s", path);
  return atomic_file_put (real, out.data, out.len, err);
}
