/* SPDX-License-Identifier: BSD-3-Clause */
/* Discs that are known: see discs.h. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "discs.h"
#include "interrupt.h"
#include "rip.h"
#include "user_folders.h"

char *
discs_path (const struct options *options, struct error *err)
{
  char *path;

  if (!options->discs) {
    path = user_path ("XDG_DATA_HOME", ".local/share", "mkvdup/discs", err);
    if (!path)
      error_context (err, "--discs");
    return path;
  }
  path = strdup (options->discs);
  if (!path)
    error_set (err, ENOMEM, "the library of discs");
  return path;
}

int
discs_read (struct fingerprint *f, const char *path, unsigned threads,
            fingerprint_progress_fn *progress, void *opaque, struct error *err)
{
  struct disc disc;
  int r = disc_find (&path, 1, NULL, &disc, err);

  if (r == -1)
    return -1;
  r = fingerprint_disc (f, &disc, threads, progress, opaque, err);
  disc_free (&disc);
  return r;
}

struct disc_addition
discs_entry (const char *path, const struct fingerprint *f)
{
  return (struct disc_addition){
    .disc = { .path = (char *) path,
              .bytes = f->bytes,
              .limit = f->pictures.limit,
              .n_hashes = (uint32_t) f->pictures.n,
              .damage = fingerprint_is_scrambled (f) ? f->scrambling : 0 },
    .hashes = f->pictures.numbers,
  };
}

const char *
discs_scrambled (const struct library_disc *disc)
{
  return disc->damage ? scrambling_name (disc->damage) : NULL;
}

int
discs_open (struct discs *discs, const char *path, struct error *err)
{
  struct stat st;

  *discs = (struct discs){ .gone = NULL };
  if (disc_library_read (&discs->library, path, err) == -1)
    return -1;
  discs->gone = calloc (discs->library.n + 1, sizeof *discs->gone);
  if (!discs->gone)
    return error_set (err, ENOMEM, "%s", path);
  for (size_t i = 0; i < discs->library.n; i++)
    discs->gone[i] = stat (discs->library.discs[i].path, &st) == -1;
  return 0;
}

void
discs_close (struct discs *discs)
{
  disc_library_free (&discs->library);
  free (discs->gone);
}

static int
ask (struct disc_answers *answers, const struct discs *discs, struct rip *rip,
     struct error *err)
{
  int r;

  *answers = (struct disc_answers){ 0 };
  while (!answers->is_enough && (r = rip_read (rip, err)) != 0) {
    const struct lowest *pictures = rip_pictures (rip);

    disc_answers_free (answers);
    if (r == -1)
      return -1;
    if (interrupted ())
      return error_set (err, EINTR, "asking for discs");
    if (disc_answers_find (answers, &discs->library, discs->gone, pictures->numbers,
                           pictures->n, err) == -1)
      return -1;
  }
  return 0;
}

int
discs_ask (struct disc_answers *answers, const struct discs *discs, const char *mkv,
           struct error *err)
{
  struct rip *rip = rip_open (mkv, err);
  int r = rip ? ask (answers, discs, rip, err) : -1;

  if (rip)
    rip_close (rip);
  return r;
}
