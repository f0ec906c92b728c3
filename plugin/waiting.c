/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests that may have to wait: see waiting.h.
 *
 * What is in memory is read at once, by the thread that was asked.  All else is an errand
 * (errands.h), with a buffer of its own: nbdkit's belongs to another request once this one
 * has failed.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "cleanup.h"
#include "errands.h"
#include "parameters.h"
#include "waiting.h"

/* nbdkit is told to end, or a client has gone: so long is waited for those who are away, and
 * for what is released.
 */
#define STOP_MS 1000

/* What is larger is read in parts, each of which may take as long as timeout= says: what is
 * slow is not what hangs; and buffers stay small, however large the requests are.
 */
#define MAX_PART ((size_t) 1 << 20)

/* One request. */
struct request {
  struct errand errand;
  struct export *export; /* an owned reference; or the result */
  char *name;            /* owned; what is to be opened */
  uint64_t offset, count;
  int r;
  struct error err;
  struct extent {
    uint64_t offset, len;
    bool zero;
  } * extents; /* owned */
  size_t n_extents;
  uint8_t buf[]; /* what is read */
};

static struct request *
from_errand (struct errand *e)
{
  _Static_assert(offsetof (struct request, errand) == 0, "see the cast");
  return (struct request *) (void *) e;
}

static void
release (struct errand *e)
{
  struct request *q = from_errand (e);

  if (q->export)
    export_unref (q->export);
  free (q->extents);
  free (q->name);
  free (q);
}

/* nbdkit says so when it is asked to sleep, and has told why. */
static bool
is_over (void)
{
  return nbdkit_nanosleep (0, 1) == -1;
}

/* A request for `run`, with room for `size` bytes.  NULL with `err` set. */
static struct request *
request_new (void (*run) (struct errand *), struct export *e, uint64_t offset,
             uint64_t count, size_t size, struct error *err)
{
  struct request *q = malloc (sizeof *q + size);

  if (!q) {
    error_set (err, ENOMEM, "a request");
    return NULL;
  }
  *q = (struct request){ .errand = { .run = run, .release = release },
                         .export = e ? export_ref (e) : NULL,
                         .offset = offset,
                         .count = count };
  return q;
}

static int
await (struct request *q, struct error *err)
{
  return errand_send (&q->errand, (int64_t) parameters.timeout * 1000, is_over, err);
}

/* Have `run` done for an export.  The request, done, to be released; NULL with `err` set. */
static struct request *
ask (void (*run) (struct errand *), struct export *e, uint64_t offset, uint64_t count,
     size_t size, struct error *err)
{
  struct request *q = request_new (run, e, offset, count, size, err);

  if (!q)
    return NULL;
  if (await (q, err) == -1) {
    export_context (e, offset, err);
    return NULL;
  }
  if (q->r == 0)
    return q;
  *err = q->err;
  release (&q->errand);
  return NULL;
}

/* ---- Opening */

static void
run_open (struct errand *e)
{
  struct request *q = from_errand (e);

  q->export = export_open (q->name, &q->err);
}

struct export *
waiting_open (const char *name, struct error *err)
{
  struct request *q;
  struct export *e;

  if (parameters.timeout == 0)
    return export_open (name, err);
  q = request_new (run_open, NULL, 0, 0, 0, err);
  if (!q)
    return NULL;
  q->name = strdup (name);
  if (!q->name) {
    release (&q->errand);
    error_set (err, ENOMEM, "a request");
    return NULL;
  }
  if (await (q, err) == -1) {
    /* The name asked for is not repeated: it could be anything. */
    error_context (err, "opening what a client asked for");
    return NULL;
  }
  e = q->export;
  q->export = NULL;
  if (!e)
    *err = q->err;
  release (&q->errand);
  return e;
}

/* ---- Closing */

static void
run_close (struct errand *e)
{
  export_unref (take_ptr (&from_errand (e)->export));
}

/* What is closed with the last reference may have to be waited for: who reads ahead, file
 * systems that are told of it.
 */
void
waiting_close (struct export *e)
{
  struct error ignored = ERROR_INIT;
  struct request *q =
    parameters.timeout > 0 ? request_new (run_close, e, 0, 0, 0, &ignored) : NULL;

  export_unref (e);
  if (q && errand_send (&q->errand, STOP_MS, NULL, &ignored) == 0)
    release (&q->errand);
}

/* ---- Reading */

static void
run_read (struct errand *e)
{
  struct request *q = from_errand (e);

  q->r = export_read (q->export, q->buf, q->count, q->offset, &q->err);
}

static int
read_part (struct export *e, void *buf, size_t count, uint64_t offset, struct error *err)
{
  struct request *q;

  if (export_try_read (e, buf, count, offset))
    return 0;
  q = ask (run_read, e, offset, count, count, err);
  if (!q)
    return -1;
  memcpy (buf, q->buf, count);
  release (&q->errand);
  return 0;
}

int
waiting_read (struct export *e, void *buf, size_t count, uint64_t offset,
              struct error *err)
{
  uint8_t *to = buf;
  size_t n;

  if (parameters.timeout == 0)
    return export_read (e, buf, count, offset, err);
  for (; count > 0; to += n, offset += n, count -= n) {
    n = MAX_PART - (size_t) (offset % MAX_PART);
    n = n < count ? n : count;
    if (read_part (e, to, n, offset, err) == -1)
      return -1;
  }
  return 0;
}

/* ---- Advice */

static int
note_extent (void *opaque, uint64_t offset, uint64_t len, bool zero)
{
  struct request *q = opaque;
  size_t n = q->n_extents;

  /* Doubled whenever it is full, which is at powers of two. */
  if ((n & (n - 1)) == 0) {
    struct extent *more = reallocarray (q->extents, n == 0 ? 1 : 2 * n, sizeof *more);

    if (!more)
      return error_set (&q->err, ENOMEM, "extents");
    q->extents = more;
  }
  q->extents[q->n_extents++] = (struct extent){ offset, len, zero };
  return 0;
}

static void
run_extents (struct errand *e)
{
  struct request *q = from_errand (e);

  q->r = export_extents (q->export, q->offset, q->count, note_extent, q, &q->err);
}

int
waiting_extents (struct export *e, uint64_t offset, uint64_t count, image_extent_fn *fn,
                 void *opaque, struct error *err)
{
  struct request *q;
  int r = 0;

  if (parameters.timeout == 0)
    return export_extents (e, offset, count, fn, opaque, err);
  q = ask (run_extents, e, offset, count, 0, err);
  if (!q)
    return -1;
  for (size_t i = 0; r == 0 && i < q->n_extents; i++)
    r = fn (opaque, q->extents[i].offset, q->extents[i].len, q->extents[i].zero);
  release (&q->errand);
  return r;
}

static void
run_prefetch (struct errand *e)
{
  struct request *q = from_errand (e);

  q->r = export_prefetch (q->export, q->offset, q->count, &q->err);
}

int
waiting_prefetch (struct export *e, uint64_t offset, uint64_t count, struct error *err)
{
  struct request *q;

  if (parameters.timeout == 0)
    return export_prefetch (e, offset, count, err);
  q = ask (run_prefetch, e, offset, count, 0, err);
  if (!q)
    return -1;
  release (&q->errand);
  return 0;
}

/* ---- The end */

/* What stops, too, may wait for a thread that hangs. */
struct stopping {
  struct errand errand;
  void (*stop) (void);
};

static void
run_stop (struct errand *e)
{
  struct stopping *s = (struct stopping *) (void *) e;

  s->stop ();
}

static void
release_stop (struct errand *e)
{
  free (e);
}

void
waiting_stop (void (*stop) (void))
{
  struct stopping *s;
  struct error ignored = ERROR_INIT;

  if (!errands_end (STOP_MS))
    return;
  s = malloc (sizeof *s);
  if (!s)
    return;
  *s = (struct stopping){ { .run = run_stop, .release = release_stop }, stop };
  if (errand_send (&s->errand, STOP_MS, NULL, &ignored) == 0) {
    free (s);
    errands_end (STOP_MS);
  }
}
