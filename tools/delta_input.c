/* SPDX-License-Identifier: BSD-3-Clause */
/* The bytes of an image: see delta_input.h. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "delta_input.h"
#include "segment_trace.h"
#include "whole_io.h"

static ssize_t
read_image (void *opaque, void *to, size_t n, uint64_t offset)
{
  struct delta_input *d = opaque;
  uint64_t size = image_size (d->image.image);

  if (offset >= size)
    return 0;
  if (n > size - offset)
    n = (size_t) (size - offset);
  if (image_read (d->image.image, to, n, offset, &d->err) == 0)
    return (ssize_t) n;
  errno = d->err.errnum ? d->err.errnum : EIO;
  return -1;
}

/* A read that the recipe alone has to answer. */
struct answer {
  const struct segment *seg;
  uint32_t at; /* what `to` stands for */
  uint8_t *to;
};

static int
answer_piece (void *opaque, const struct trace_piece *piece, struct error *err)
{
  struct answer *a = opaque;
  uint8_t *to = a->to + (piece->at - a->at);

  (void) err;
  if (piece->method != TRANSFORM_NONE || piece->parts[0].kind == OP_COPY)
    memset (to, 0, piece->len);
  else if (piece->parts[0].kind == OP_FILL)
    memset (to, (int) piece->parts[0].from, piece->len);
  else
    memcpy (to, a->seg->literals + piece->parts[0].from, piece->len);
  return 0;
}

/* Of one segment at a time. */
static ssize_t
read_recipe (void *opaque, void *to, size_t n, uint64_t offset)
{
  struct delta_input *d = opaque;
  const struct recipe *recipe = d->image.recipe;
  uint32_t number = (uint32_t) (offset >> recipe->span_log2);
  uint64_t base = (uint64_t) number << recipe->span_log2;
  const struct cached_segment *got;
  struct answer a = { .at = (uint32_t) (offset - base), .to = to };
  int r;

  if (offset >= recipe->image_size)
    return 0;
  got = segment_cache_get (d->image.cache, recipe, number, &d->err);
  if (!got) {
    errno = d->err.errnum ? d->err.errnum : EIO;
    return -1;
  }
  a.seg = got->segment;
  if (n > a.seg->len - a.at)
    n = a.seg->len - a.at;
  r = segment_trace (a.seg, a.at, a.at + (uint32_t) n, answer_piece, &a, &d->err);
  segment_cache_put (d->image.cache, got);
  if (r == 0)
    return (ssize_t) n;
  errno = ENOMEM;
  return -1;
}

static int
open_mkv (struct delta_input *d, const char *mkv, struct error *err)
{
  struct stat st;
  off_t end;

  d->of = "the MKV";
  d->fd = open (mkv, OPEN_UNKNOWN);
  if (d->fd == -1 || fstat (d->fd, &st) == -1)
    return error_set (err, errno, "%s", mkv);
  if (S_ISDIR (st.st_mode))
    return error_set (err, EISDIR, "%s", mkv);
  end = lseek (d->fd, 0, SEEK_END);
  if (end == -1)
    return error_set (err, errno, "%s: its size", mkv);
  if ((uint64_t) end != d->image.recipe->image_size)
    return error_set (err, 0,
                      "%s has %" PRIu64 " bytes, but the image of %s has %" PRIu64, mkv,
                      (uint64_t) end, d->image.recipe->path, d->image.recipe->image_size);
  d->input = (struct mkv_input){ .fd = d->fd, .size = (uint64_t) end };
  return 0;
}

static void
use_image (struct delta_input *d)
{
  struct error missing = ERROR_INIT;
  bool has_sources =
    d->image.n_places > 0 && image_open_sources (d->image.image, &missing) == 0;

  d->of = has_sources ? "the sources" : "the recipe";
  d->input = (struct mkv_input){ .fd = -1,
                                 .read = has_sources ? read_image : read_recipe,
                                 .opaque = d,
                                 .size = d->image.recipe->image_size };
}

int
delta_input_open (struct delta_input *d, const char *recipe, const char *mkv,
                  const char *const *places, size_t n_places, struct error *err)
{
  *d = (struct delta_input){ .fd = -1 };
  if (open_image_without_sources (&d->image, recipe, places, n_places, err) == -1)
    return -1;
  if (!mkv)
    use_image (d);
  else if (open_mkv (d, mkv, err) == -1) {
    delta_input_close (d);
    return -1;
  }
  return 0;
}

void
delta_input_close (struct delta_input *d)
{
  if (d->fd >= 0)
    close (d->fd);
  d->fd = -1;
  open_image_close (&d->image);
}
