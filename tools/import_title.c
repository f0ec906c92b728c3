/* SPDX-License-Identifier: BSD-3-Clause */
/* Converting one recipe of the Go program: see import_title.h. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "content_check.h"
#include "file_id.h"
#include "import_title.h"
#include "input.h"
#include "interrupt.h"
#include "message.h"
#include "open_image.h"
#include "path.h"
#include "phases.h"
#include "recipe_old.h"
#include "sidecar.h"
#include "walk.h"
#include "whole_io.h"

/* The note that tells what a recipe was converted from: "V7, XXH64 0123456789abcdef". */
#define NOTE_KEY "imported"
#define NOTE_MAX 40

char *
import_name (const char *name, const char *suffix)
{
  size_t len = strlen (name);
  char *result;

  if (len > 4 && strcasecmp (name + len - 4, ".mkv") == 0)
    len -= 4;
  return asprintf (&result, "%.*s%s", (int) len, name, suffix) == -1 ? NULL : result;
}

static void
make_note (const struct import *import, char note[NOTE_MAX])
{
  const struct recipe_old_facts *old = recipe_old_facts (image_recipe (import->image));

  snprintf (note, NOTE_MAX, "V%u, XXH64 %016" PRIx64, old->version, old->hash);
}

/* ---- What may not be replaced */

/* The old recipe, its sidecar, its sources: all that the new one is made of. */
static int
check_not_input (const struct import *import, const char *path, struct error *err)
{
  const struct recipe *recipe = image_recipe (import->image);
  CLEANUP_FREE char *sidecar = sidecar_path (recipe->path);

  if (!sidecar)
    return error_set (err, ENOMEM, "%s", path);
  if (same_file (path, recipe->path) || same_file (path, sidecar))
    return error_set (err, 0, "%s: is what is to be converted: not replaced", path);
  for (uint32_t i = 0; i < recipe->n_sources; i++)
    if (same_file (path, image_source_path (import->image, i)))
      return error_set (err, 0, "%s: is what the recipe is to be made of: not replaced",
                        path);
  return 0;
}

/* Of one name, whatever --force says.  One of the Go program stays, and so does what cannot be read,
 * which may be one.  If it may be replaced, what kind of a recipe it is.
 */
static int
check_kept (const struct import *import, const char *path, struct error *err)
{
  int kind = check_not_input (import, path, err) == -1 ? -1 : recipe_kind_of (path, err);

  return kind == RECIPE_OF_GO
           ? error_set (err, 0, "%s: is a recipe of the Go program: not replaced", path)
           : kind;
}

/* Of both.  A recipe at the sidecar's name is none that this one follows. */
static int
check_both (const struct import *import, const char *sidecar, struct error *err)
{
  int kind =
    check_kept (import, import->out, err) == -1 ? -1 : check_kept (import, sidecar, err);

  if (kind == RECIPE_OURS)
    return error_set (err, 0, "%s: is a recipe: no sidecar takes its place", sidecar);
  return kind == -1 ? -1 : 0;
}

static int
check_output (const struct import *import, const char *sidecar, struct error *err)
{
  struct error ignored = ERROR_INIT;
  struct recipe *there;

  if (check_both (import, sidecar, err) == -1)
    return -1;
  if (import->force)
    return 0;
  there = recipe_open (import->out, &ignored);
  recipe_close (there);
  if (!there && access (import->out, F_OK) == 0)
    return error_set (err, 0, "%s: exists and is no recipe: not replaced without --force",
                      import->out);
  return sidecar_check_place (sidecar, import->out, err);
}

/* ---- The MKV */

/* Being rebuilt; only the progress changes. */
struct rebuilding {
  const char *path; /* for messages */
  int fd;
  struct content_check check;
  struct progress progress;
};

static bool
tell_progress (void *opaque, uint64_t done)
{
  struct rebuilding *b = opaque;

  progress_update (&b->progress, done);
  return !interrupted ();
}

static int
put_chunk (void *opaque, const uint8_t *data, size_t len, uint64_t offset,
           uint8_t *scratch, struct error *err)
{
  const struct rebuilding *b = opaque;

  (void) scratch;
  return content_check_part (&b->check, data, len, offset, err) == -1
           ? -1
           : write_all (b->fd, data, len, offset, b->path, err);
}

/* A file beside `out` that has no name, and room for `size` bytes if that is to be had. */
static int
open_nameless (const char *out, uint64_t size, struct error *err)
{
  CLEANUP_FREE char *path = NULL;
  CLEANUP_CLOSE int fd = -1;

  if (asprintf (&path, "%.*s.mkvdup-import.XXXXXX", (int) (path_base (out) - out), out) ==
      -1)
    return error_set (err, errno = ENOMEM, "%s", out);
  fd = mkostemp (path, O_CLOEXEC);
  if (fd == -1 || unlink (path) == -1)
    return error_set (err, errno, "%s", path);
  if (size > 0 && fallocate (fd, 0, 0, (off_t) size) == -1 &&
      (errno == ENOSPC || errno == EFBIG || errno == EDQUOT))
    return error_set (err, errno, "%s: room for the MKV beside it", out);
  return take_fd (&fd);
}

/* All of the image, which is the MKV; -1 if it is not. */
static int
rebuild (const struct import *import, int fd, struct error *err)
{
  struct rebuilding b = { .path = import->out, .fd = fd };
  int r;

  if (content_check_begin (&b.check, image_recipe (import->image), err) == -1)
    return -1;
  progress_start (&b.progress, "rebuild", image_size (import->image), import->quiet);
  r = walk_image (import->image, 1, put_chunk, tell_progress, &b, err);
  progress_end (&b.progress);
  if (r == 0)
    r = content_check_end (&b.check, err);
  content_check_free (&b.check);
  return r == -1 && interrupted () ? error_set (err, 0, "interrupted") : r;
}

/* The time that a server gives the MKV: nothing else is known of it. */
static int
copy_time (int from, int to, const char *path, struct error *err)
{
  struct stat st;

  if (fstat (from, &st) == -1 ||
      futimens (to, (struct timespec[]){ st.st_mtim, st.st_mtim }) == -1)
    return error_set (err, errno, "%s: its time", path);
  return 0;
}

/* ---- The recipe */

/* Where they were found; strings are the image's. */
static const char **
found_sources (struct image *img, struct error *err)
{
  uint32_t n = image_recipe (img)->n_sources;
  const char **paths = calloc (n + 1, sizeof *paths);

  if (!paths)
    error_set (err, ENOMEM, "%s", image_recipe (img)->path);
  for (uint32_t i = 0; paths && i < n; i++)
    paths[i] = image_source_path (img, i);
  return paths;
}

/* What create_recipe calls is told of it. */
struct making {
  const struct import *import;
  struct phases phases;
};

static bool
tell_phase (void *opaque, enum create_phase phase, uint64_t done, uint64_t total)
{
  struct making *m = opaque;

  return phases_tell (&m->phases, phase, done, total);
}

/* Hours later: has what is kept come to the names of the new files? */
static int
claim (void *opaque, const char *path, int fd, struct error *err)
{
  const struct making *m = opaque;

  (void) fd;
  return check_kept (m->import, path, err) == -1 ? -1 : 0;
}

static int
make_recipe (const struct import *import, int fd, const char *sidecar,
             struct import_result *result, struct error *err)
{
  __attribute__ ((cleanup (create_report_free))) struct create_report report = { 0 };
  CLEANUP_FREE const char **found = found_sources (import->image, err);
  struct making making = { .import = import, .phases = { .quiet = import->quiet } };
  char note[NOTE_MAX];
  struct create_options options = {
    .mkv = image_recipe (import->image)->path,
    .is_open = true,
    .fd = fd,
    .name = import->name,
    .name_is_default = true,
    .note = &(struct recipe_note){ (char *) NOTE_KEY, note },
    .sources = import->n_sources ? import->sources : found,
    .n_sources =
      import->n_sources ? import->n_sources : image_recipe (import->image)->n_sources,
    .out = import->out,
    .sidecar = sidecar,
    .threads = import->threads,
    .replaces_any = import->force,
    .progress = tell_phase,
    .claim = claim,
    .opaque = &making,
  };
  int r;

  if (!found)
    return -1;
  make_note (import, note);
  r = phases_end (&making.phases, create_recipe (&options, &report, err), err);
  result->new_size = report.recipe_bytes;
  return r;
}

static int
convert (const struct import *import, struct import_result *result, struct error *err)
{
  const struct recipe *recipe = image_recipe (import->image);
  CLEANUP_FREE char *sidecar = sidecar_path (import->out);
  CLEANUP_CLOSE int fd = -1;

  if (!sidecar)
    return error_set (err, ENOMEM, "%s", import->out);
  if (recipe->n_sources == 0 && import->n_sources == 0)
    return error_set (err, 0, "%s: it has no sources: name a disc to look for matches on",
                      recipe->path);
  if (image_open_sources (import->image, err) == -1 ||
      check_output (import, sidecar, err) == -1)
    return -1;
  fd = open_nameless (import->out, image_size (import->image), err);
  if (fd == -1 || rebuild (import, fd, err) == -1 ||
      copy_time (recipe->fd, fd, recipe->path, err) == -1)
    return -1;
  return make_recipe (import, fd, sidecar, result, err);
}

int
import_title (const struct import *import, struct import_result *result,
              struct error *err)
{
  const struct recipe *recipe = image_recipe (import->image);
  double begun = now ();
  int r;

  *result = (struct import_result){ .image_size = image_size (import->image),
                                    .old_size = recipe->file_size };
  if (!recipe_old_facts (recipe))
    return error_set (err, 0, "%s: is a recipe of this program already", recipe->path);
  r = convert (import, result, err);
  result->seconds = now () - begun;
  return r;
}

/* ---- What is done already */

bool
import_is_done (const struct import *import, struct import_result *result)
{
  CLEANUP_OPEN_IMAGE struct open_image there = { 0 };
  struct error ignored = ERROR_INIT;
  char note[NOTE_MAX];

  make_note (import, note);
  if (access (import->out, F_OK) == -1 ||
      open_image_open (&there, import->out, NULL, 0, &ignored) == -1 ||
      there.recipe->image_size != image_size (import->image) || !there.sidecar.name ||
      !recipe_has_note (there.recipe, NOTE_KEY, note) ||
      recipe_check (there.recipe, &ignored) == -1)
    return false;
  *result = (struct import_result){ .image_size = there.recipe->image_size,
                                    .old_size = image_recipe (import->image)->file_size,
                                    .new_size = there.recipe->file_size };
  return true;
}
