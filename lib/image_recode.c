/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The recodings of a read.  Their material is gathered with all else that is read, so
 * that a run of small ones costs no more reads of the disc than plain copies do.  What
 * they make is not kept: neighbouring reads make it again.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "image_parts.h"
#include "recoding.h"

struct recode_job {
  struct recode_job *next;
  const struct recoding *recoding; /* borrowed from the segment */
  size_t from, len;                /* of the result, what is wanted */
  uint32_t at;                     /* its position in the segment */
  uint8_t *dst;                    /* borrowed: where it goes */
  uint8_t material[];
};

uint8_t *
image_recode_later (struct walk *w, const struct recoding *r, size_t from, size_t len,
                    uint32_t at, uint8_t *dst)
{
  struct recode_job *job = malloc (sizeof *job + r->len);

  if (!job)
    return NULL;
  *job = (struct recode_job){ w->jobs, r, from, len, at, dst };
  w->jobs = job;
  w->job_bytes += sizeof *job + r->len;
  return job->material;
}

void
image_recode_drop (struct walk *w)
{
  while (w->jobs) {
    struct recode_job *job = w->jobs;

    w->jobs = job->next;
    free (job);
  }
  w->job_bytes = 0;
}

/* Another release of zlib, or another library in its place, is the one cause that a user
 * would not think of.
 */
static int
other_result (const struct walk *w, const struct recode_job *job, struct error *err)
{
  const struct recipe *r = w->img->recipe;

  error_set (err, 0,
             "%s: the image's bytes from %llu on deflate otherwise than with "
             "zlib %s, which the recipe was made with; this is %s (or a source is "
             "damaged)",
             r->path, (unsigned long long) (w->base + job->at),
             r->zlib[0] ? r->zlib : "(unknown)", recoding_zlib ());
  err->errnum = EBADMSG;
  return -1;
}

static int
run_job (const struct walk *w, const struct recode_job *job, struct error *err)
{
  const struct recoding *r = job->recoding;
  CLEANUP_FREE uint8_t *result = malloc (recoding_bound (r->kind, r->len));
  size_t n = result ? recoding_apply (r->kind, job->material, r->len, result) : 0;

  if (n == 0)
    return error_set (err, ENOMEM, "%s: recoding", w->img->recipe->path);
  if (job->from > n || job->len > n - job->from ||
      (r->kind == RECODING_DEFLATE && recoding_check (result, n) != r->check))
    return other_result (w, job, err);
  memcpy (job->dst, result + job->from, job->len);
  return 0;
}

int
image_recode (struct walk *w, struct error *err)
{
  for (const struct recode_job *job = w->jobs; job; job = job->next)
    if (run_job (w, job, err) == -1)
      return -1;
  image_recode_drop (w);
  return 0;
}
