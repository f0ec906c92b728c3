/* SPDX-License-Identifier: BSD-3-Clause */
/* The chunks of a source: see chunks.h. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "chunks.h"
#include "whole_io.h"

/* ---- the list ---- */

/* An extent of a part; what a list is made from. */
struct stretch {
  uint64_t at, len, in_part, next;
  uint32_t part;
};

/* All extents of all parts, `*n` of them; NULL when out of memory. */
static struct stretch *
list_stretches (const struct disc_file *file, size_t *n)
{
  struct stretch *list;

  *n = 0;
  for (size_t p = 0; p < file->n_parts; p++)
    *n += file->parts[p].n_extents;
  list = calloc (*n + 1, sizeof *list);
  for (size_t p = 0, i = 0; list && p < file->n_parts; p++) {
    const struct image_file *part = &file->parts[p];
    uint64_t in_part = 0;

    for (size_t k = 0; k < part->n_extents; k++, i++) {
      const struct image_extent *e = &part->extents[k];

      list[i] = (struct stretch){ .at = e->offset,
                                  .len = e->len,
                                  .in_part = in_part,
                                  .next = e->offset + e->len,
                                  .part = (uint32_t) p };
      if (k + 1 < part->n_extents)
        list[i].next = e[1].offset;
      in_part += e->len;
    }
  }
  return list;
}

static int
by_place (const void *a, const void *b)
{
  const struct stretch *x = a, *y = b;

  if (x->at != y->at)
    return x->at < y->at ? -1 : 1;
  return x->part < y->part ? -1 : x->part > y->part;
}

/* Append a stretch, cut into chunks; false when out of memory. */
static bool
append (struct chunk_list *list, struct stretch s)
{
  uint64_t n = (s.len + CHUNK_SIZE - 1) / CHUNK_SIZE;
  struct chunk *p;

  if (n == 0)
    return true;
  if (n > UINT32_MAX - list->n ||
      !(p = reallocarray (list->chunks, list->n + (size_t) n, sizeof *p)))
    return false;
  list->chunks = p;
  for (; s.len > 0; list->n++) {
    uint32_t len = s.len < CHUNK_SIZE ? (uint32_t) s.len : (uint32_t) CHUNK_SIZE;

    s.at += len;
    s.len -= len;
    p[list->n] = (struct chunk){ .at = s.at - len,
                                 .in_part = s.in_part,
                                 .next = s.len > 0 ? s.at : s.next,
                                 .len = len,
                                 .part = s.part };
    s.in_part += len;
  }
  return true;
}

/* Cover [0, size): the stretches, as far as no earlier one has their bytes, and what is
 * between them.
 */
static bool
cover (struct chunk_list *list, const struct stretch *s, size_t n, uint64_t size)
{
  uint64_t done = 0;

  for (size_t i = 0; i < n; i++) {
    struct stretch rest = s[i], gap = { .at = done, .part = CHUNK_NO_PART };

    if (rest.at + rest.len <= done)
      continue;
    if (rest.at < done) {
      rest.in_part += done - rest.at;
      rest.len -= done - rest.at;
      rest.at = done;
    }
    gap.len = rest.at - done;
    if (!append (list, gap) || !append (list, rest))
      return false;
    done = rest.at + rest.len;
  }
  return append (
    list, (struct stretch){ .at = done, .len = size - done, .part = CHUNK_NO_PART });
}

static int
by_part (const void *a, const void *b, void *opaque)
{
  const struct chunk *chunks = opaque;
  const struct chunk *x = &chunks[*(const uint32_t *) a],
                     *y = &chunks[*(const uint32_t *) b];

  if (x->part != y->part)
    return x->part < y->part ? -1 : 1;
  return x->in_part < y->in_part ? -1 : x->in_part > y->in_part;
}

static bool
order (struct chunk_list *list)
{
  list->order = calloc ((size_t) list->n + 1, sizeof *list->order);
  if (!list->order)
    return false;
  for (uint32_t i = 0; i < list->n; i++)
    if (list->chunks[i].part != CHUNK_NO_PART)
      list->order[list->n_order++] = i;
  qsort_r (list->order, list->n_order, sizeof *list->order, by_part, list->chunks);
  return true;
}

int
chunk_list_init (struct chunk_list *list, const struct disc_file *file)
{
  struct stretch whole = { .len = file->size, .next = file->size };
  struct stretch *stretches = NULL;
  size_t n = 0;
  bool ok;

  *list = (struct chunk_list){ NULL, 0, NULL, 0 };
  if (file->n_parts == 0)
    ok = append (list, whole);
  else {
    stretches = list_stretches (file, &n);
    if (stretches)
      qsort (stretches, n, sizeof *stretches, by_place);
    ok = stretches && cover (list, stretches, n, file->size);
  }
  free (stretches);
  if (ok && order (list))
    return 0;
  chunk_list_free (list);
  return -1;
}

void
chunk_list_free (struct chunk_list *list)
{
  free (list->chunks);
  free (list->order);
  *list = (struct chunk_list){ NULL, 0, NULL, 0 };
}

/* ---- reading ---- */

/* Bytes of the part from the chunk's start to the part's end. */
static uint64_t
left_in_part (const struct disc_file *file, const struct chunk *c)
{
  uint64_t size = 0;

  if (file->n_parts == 0)
    return file->size - c->at;
  for (size_t k = 0; k < file->parts[c->part].n_extents; k++)
    size += file->parts[c->part].extents[k].len;
  return size - c->in_part;
}

/* Read `n` bytes from offset `at` of a part on. */
static int
read_part (const struct disc_file *file, int fd, uint32_t part, uint64_t at, uint8_t *buf,
           size_t n, struct error *err)
{
  const struct image_extent *e;

  if (file->n_parts == 0)
    return read_all (fd, buf, n, at, file->path, err);
  for (e = file->parts[part].extents; at >= e->len && n > 0; e++)
    at -= e->len;
  while (n > 0) {
    size_t most = e->len - at < n ? (size_t) (e->len - at) : n;

    if (read_all (fd, buf, most, e->offset + at, file->path, err) == -1)
      return -1;
    buf += most;
    n -= most;
    at = 0;
    e++;
  }
  return 0;
}

static uint64_t
least (uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

int
chunk_read (const struct chunk_list *list, const struct disc_file *file, int fd,
            uint32_t number, uint8_t *buffer, struct chunk_bytes *bytes,
            struct error *err)
{
  const struct chunk *c = &list->chunks[number];

  *bytes = (struct chunk_bytes){ .data = buffer + DEMUX_MAX_BEFORE, .owned = c->len };
  bytes->len = bytes->owned;
  if (!file->demuxer || c->part == CHUNK_NO_PART)
    return read_all (fd, bytes->data, bytes->owned, c->at, file->path, err);
  bytes->before = least (c->in_part, file->demuxer->before);
  bytes->len += least (left_in_part (file, c) - c->len, file->demuxer->after);
  if (c->next == c->at + c->len) /* the usual case: one read */
    return read_part (file, fd, c->part, c->in_part - bytes->before,
                      bytes->data - bytes->before, bytes->before + bytes->len, err);
  if (read_part (file, fd, c->part, c->in_part - bytes->before,
                 bytes->data - bytes->before, bytes->before, err) == -1 ||
      read_all (fd, bytes->data, bytes->owned, c->at, file->path, err) == -1)
    return -1;
  return read_part (file, fd, c->part, c->in_part + c->len, bytes->data + bytes->owned,
                    bytes->len - bytes->owned, err);
}

void
chunk_demux (const struct chunk_list *list, const struct disc_file *file, uint32_t number,
             const struct chunk_bytes *bytes, struct demuxed *out)
{
  const struct chunk *c = &list->chunks[number];

  demuxed_clear (out);
  if (!file->demuxer || c->part == CHUNK_NO_PART)
    return;
  file->demuxer->chunk (bytes->data, bytes->before, bytes->len, bytes->owned, c->at, out);
  if (c->next != c->at + c->len)
    demuxed_relocate (out, c->at + c->len, c->next);
}
