/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a recipe, as they are and with all checksums put right (reseal.c):
 * refused with a message, or open; then its segments are refused, or all that segment.h
 * promises; its image reads as they are traced (segment_trace.h), from sources of any size; and
 * its notes about tracks are numbers, or none.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "batch.h"
#include "buffer.h"
#include "cleanup.h"
#include "image.h"
#include "merkle.h"
#include "naive.h"
#include "recipe-complaint.h"
#include "reseal.h"
#include "segment_trace.h"
#include "track_note.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* An image may claim more segments than it is worth to look at. */
#define MAX_SEGMENTS 16

static void
require (int ok)
{
  if (!ok)
    abort ();
}

/* ---- Notes */

/* What it says, said again, is the same. */
static void
check_track (const struct track_note *t)
{
  char text[160];
  char key[] = "track";
  const struct recipe_note note = { key, text };
  struct track_note again;

  require (t->codec[0] != '\0' && memchr (t->codec, 0, sizeof t->codec) != NULL);
  snprintf (text, sizeof text, "%llu %s frames %llu bytes %llu found %llu",
            (unsigned long long) t->number, t->codec, (unsigned long long) t->frames,
            (unsigned long long) t->bytes, (unsigned long long) t->found);
  require (track_note_parse (&note, &again));
  require (again.number == t->number && again.frames == t->frames &&
           again.bytes == t->bytes && again.found == t->found &&
           strcmp (again.codec, t->codec) == 0);
}

static void
check_notes (const struct recipe *r)
{
  struct error err = ERROR_INIT;
  struct recipe_note *notes;
  struct track_note track;
  char key[] = "track";
  size_t n;

  if (recipe_notes (r, &notes, &n, &err) == -1)
    return;
  for (size_t i = 0; i < n; i++) {
    const struct recipe_note note = { key, notes[i].value };

    if (track_note_parse (&note, &track))
      check_track (&track);
    require (!track_note_parse (&notes[i], &track) || strcmp (notes[i].key, key) == 0);
  }
  recipe_notes_free (notes, n);
}

/* ---- Reading the image */

/* All sources are one file, made once: some bytes, and behind them zeros that take no room. */
#define CONTENT (64u << 10)

static uint8_t content[CONTENT];
static int content_fd = -1;
static struct segment_cache *cache;

/* So much is read at a segment's front and end: it may be all pieces of a byte … */
#define READ 512u

/* … and have a recoding of megabytes. */
#define MOST_MATERIAL (16u << 10)

static void
make_content (void)
{
  uint32_t x = 1;

  for (size_t i = 0; i < CONTENT; i++) {
    x = x * UINT32_C (1664525) + UINT32_C (1013904223);
    content[i] = (uint8_t) (x >> 24);
  }
  content_fd = memfd_create ("source", MFD_CLOEXEC);
  require (content_fd >= 0 && write (content_fd, content, CONTENT) == CONTENT);
  require (ftruncate (content_fd, (off_t) SOURCE_MAX_SIZE) == 0);
  cache = segment_cache_new (1 << 20);
  require (cache != NULL);
  batch_force_pread (true); /* no threads of the kernel */
}

/* source_finder.open.  There is no other file. */
static int
open_source (void *opaque, const struct recipe_source *id, bool direct,
             const struct file_id *but, struct source *out, struct error *err)
{
  (void) opaque;
  (void) direct;
  if (but)
    return error_set (err, 0, "%s: there is no other", id->path);
  *out = (struct source) SOURCE_INIT;
  out->fd = dup (content_fd);
  out->path = strdup (id->path);
  out->size = id->size;
  out->advice = UINT64_MAX;
  require (out->fd >= 0 && out->path);
  atomic_store (&out->ctime, source_ctime (out));
  return 0;
}

/* What tracing says of some bytes that were read. */
struct oracle {
  const struct segment *seg;
  const uint8_t *bytes; /* from `at` on */
  uint32_t at;
};

static void
append_part (const struct segment *seg, const struct trace_part *part, struct buffer *to)
{
  uint64_t from = part->from, n = from < CONTENT ? CONTENT - from : 0;

  n = n < part->len ? n : part->len;
  switch (part->kind) {
  case OP_LITERAL:
    buffer_append (to, seg->literals + from, part->len);
    break;
  case OP_COPY:
    if (n)
      buffer_append (to, content + from, (size_t) n);
    for (uint64_t i = n; i < part->len; i++)
      buffer_u8 (to, 0);
    break;
  default:
    for (uint32_t i = 0; i < part->len; i++)
      buffer_u8 (to, (uint8_t) from);
  }
}

static int
check_piece (void *opaque, const struct trace_piece *piece, struct error *err)
{
  struct oracle *o = opaque;
  CLEANUP_BUFFER struct buffer parts = BUFFER_INIT;
  CLEANUP_FREE uint8_t *recoded = NULL;
  const uint8_t *made;
  size_t n;

  (void) err;
  require (piece->at == o->at);
  for (size_t i = 0; i < piece->n_parts; i++)
    append_part (o->seg, &piece->parts[i], &parts);
  require (!parts.failed);
  n = parts.len;
  made = parts.data;
  if (piece->method < FIRST_RECODING)
    naive_transform (piece->method, parts.data, parts.len);
  else
    made = recoded = naive_recode (piece->method, parts.data, parts.len, &n);
  require (piece->skip <= n && piece->len <= n - piece->skip);
  require (memcmp (made + piece->skip, o->bytes, piece->len) == 0);
  o->bytes += piece->len;
  o->at += piece->len;
  return 0;
}

/* Only what was deflated may be something else than the recipe says. */
static void
check_read (struct image *img, const struct segment *seg, uint64_t base, uint32_t at,
            uint32_t end)
{
  uint8_t *buf = malloc (end - at);
  struct oracle o = { seg, buf, at };
  struct error err = ERROR_INIT;

  require (buf != NULL);
  if (image_read (img, buf, end - at, base + at, &err) == -1)
    require (err.errnum == EBADMSG && seg->n_recodings > 0);
  else
    require (segment_trace (seg, at, end, check_piece, &o, &err) == 0 && o.at == end);
  free (buf);
}

static void
check_segment (struct image *img, uint32_t number)
{
  const struct recipe *r = image_recipe (img);
  uint64_t base = (uint64_t) number << r->span_log2;
  struct error err = ERROR_INIT;
  const struct cached_segment *got = segment_cache_get (cache, r, number, &err);
  const struct segment *seg;

  if (!got)
    return;
  seg = got->segment;
  if (seg->n_material <= MOST_MATERIAL) {
    uint32_t n = seg->len < READ ? seg->len : READ;

    /* Which may cut units. */
    check_read (img, seg, base, 0, n - n / 5);
    check_read (img, seg, base, seg->len - n + n / 3, seg->len);
  }
  segment_cache_put (cache, got);
}

/* Takes the recipe over. */
static void
check_image (struct recipe *r)
{
  const struct source_finder finder = { open_source, NULL };
  struct error err = ERROR_INIT;
  struct image *img;

  if (content_fd == -1)
    make_content ();
  img = image_of_recipe (r, NULL, 0, cache, &err);
  require (img != NULL);
  image_read_directly (img); /* so nothing is fetched ahead, by a thread */
  image_set_finder (img, &finder);
  if (r->n_segments > 0)
    check_segment (img, 0);
  if (r->n_segments > 1)
    check_segment (img, r->n_segments - 1);
  image_close (img);
}

/* ---- All of it */

static void
check_recipe (const struct recipe *r)
{
  struct error err = ERROR_INIT;
  uint8_t root[MERKLE_DIGEST];
  const char *complaint = recipe_complaint (r, MAX_SEGMENTS);

  if (complaint)
    fprintf (stderr, "%s\n", complaint);
  require (!complaint);
  require (recipe_root (r, root, &err) == 0);
  if (r->n_segments <= MAX_SEGMENTS)
    require (recipe_check (r, &err) == 0 || err.text[0] != 0);
}

static void
try_open (const uint8_t *data, size_t size, bool read_image)
{
  CLEANUP_CLOSE int fd = memfd_create ("recipe", MFD_CLOEXEC);
  struct error err = ERROR_INIT;
  uint64_t image_size;
  struct recipe *r;
  struct stat st;
  char path[32];

  require (fd >= 0 && write (fd, data, size) == (ssize_t) size);
  snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
  r = recipe_open (path, &err);
  require (r || strncmp (err.text, path, strlen (path)) == 0);
  if (r) {
    check_recipe (r);
    check_notes (r);
    require (recipe_peek (path, &image_size, &st, &err) == 0);
    require (image_size == r->image_size);
    if (read_image)
      check_image (r);
    else
      recipe_close (r);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  CLEANUP_FREE uint8_t *copy = malloc (size + 1);

  try_open (data, size, false);
  if (!copy || size == 0)
    return 0;
  memcpy (copy, data, size);
  reseal (copy, size);
  try_open (copy, size, true);
  return 0;
}
