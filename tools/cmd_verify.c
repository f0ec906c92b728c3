/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mkvdup verify: does this recipe, with these sources, still give the MKV?
 *
 * Without the MKV the image's Merkle digests are computed and compared with those on
 * record.  With it every byte is compared too, and not instead: afterwards the
 * digests are all there is to go by, so they had better be right.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "cleanup.h"
#include "command.h"
#include "json.h"
#include "message.h"
#include "open_image.h"
#include "options.h"
#include "progress.h"
#include "walk.h"
#include "whole_io.h"

/* The comparison, as the workers see it; only the progress changes. */
struct verification {
  const struct open_image *subject;
  const char *mkv; /* NULL: none */
  int fd;          /* of the MKV, or -1 */
  struct progress progress;
};

static bool
tell_progress (void *opaque, uint64_t done)
{
  struct verification *v = opaque;

  progress_update (&v->progress, done);
  return true;
}

/* Every byte has to be the MKV's. */
static int
compare (const struct verification *v, const uint8_t *ours, const uint8_t *theirs,
         size_t len, uint64_t offset, struct error *err)
{
  size_t i = first_difference (ours, theirs, len);

  if (i == len)
    return 0;
  return error_set (
    err, 0,
    "byte %" PRIu64 " (0x%" PRIx64 ") is 0x%02x in %s, but the image of %s has 0x%02x",
    offset + i, offset + i, theirs[i], v->mkv, v->subject->recipe->path, ours[i]);
}

static int
verify_chunk (void *opaque, const uint8_t *data, size_t len, uint64_t offset,
              uint8_t *scratch, struct error *err)
{
  const struct verification *v = opaque;

  if (v->fd >= 0 && (read_all (v->fd, scratch, len, offset, v->mkv, err) == -1 ||
                     compare (v, data, scratch, len, offset, err) == -1))
    return -1;
  return check_groups (v->subject->recipe, v->subject->merkle, data, len, offset, err);
}

/* Open the MKV and compare sizes.  It may be a device: one that serves the image. */
static int
open_mkv (struct verification *v, uint64_t size, struct error *err)
{
  off_t end;

  if (!v->mkv)
    return 0;
  v->fd = open (v->mkv, O_RDONLY | O_CLOEXEC);
  if (v->fd == -1)
    return error_set (err, errno, "%s", v->mkv);
  end = lseek (v->fd, 0, SEEK_END);
  if (end == -1)
    return error_set (err, errno, "%s: its size", v->mkv);
  if ((uint64_t) end != size)
    return error_set (err, 0,
                      "%s has %" PRIu64 " bytes, but the image of %s has %" PRIu64,
                      v->mkv, (uint64_t) end, v->subject->recipe->path, size);
  return 0;
}

/* The recipe file by itself, before anything is asked of the sources. */
static int
check_recipe (const char *path, struct error *err)
{
  struct recipe *recipe = recipe_open (path, err);
  int r;

  if (!recipe)
    return -1;
  r = recipe_check (recipe, err);
  recipe_close (recipe);
  return r;
}

static int
verify_image (struct verification *v, const struct options *options, double *seconds,
              struct error *err)
{
  struct image *image = v->subject->image;
  int r;

  progress_start (&v->progress, "verify", image_size (image), options->quiet);
  r = walk_image (image, options_threads (options), verify_chunk, tell_progress, v, err);
  *seconds = progress_end (&v->progress);
  return r;
}

static int
verify (const struct options *options, uint64_t *size, double *seconds, struct error *err)
{
  CLEANUP_OPEN_IMAGE struct open_image subject = { 0 };
  struct verification v = { .subject = &subject, .fd = -1 };
  int r;

  v.mkv = options->n_args > 1 ? options->args[1] : NULL;
  if (check_recipe (options->args[0], err) == -1 ||
      open_image_open (&subject, options->args[0], options->sources, options->n_sources,
                       err) == -1)
    return -1;
  *size = image_size (subject.image);
  r = open_mkv (&v, *size, err);
  if (r == 0)
    r = verify_image (&v, options, seconds, err);
  if (v.fd >= 0)
    close (v.fd);
  return r;
}

static void
print_json (const struct options *options, const char *error, uint64_t size,
            double seconds)
{
  struct json j = json_start (stdout);

  json_string (&j, "recipe", options->args[0]);
  if (options->n_args > 1)
    json_string (&j, "compared_with", options->args[1]);
  json_bool (&j, "good", !error);
  if (error)
    json_string (&j, "error", error);
  else {
    json_number (&j, "image_size", size);
    json_decimal (&j, "seconds", seconds);
  }
  json_finish (&j);
}

static void
print_good (const struct options *options, uint64_t size, double seconds)
{
  char bytes[AMOUNT_MAX], rate[AMOUNT_MAX];

  print_safe (stdout, options->args[0]);
  printf (": good: %s%s", amount_bytes (size, bytes),
          options->n_args > 1 ? ", every byte that of " : ", every digest right");
  if (options->n_args > 1)
    print_safe (stdout, options->args[1]);
  printf (" (%.1f s, %s)\n", seconds, amount_rate (size, seconds, rate));
}

static enum exit_status
run (const struct options *options)
{
  struct error err = ERROR_INIT;
  uint64_t size = 0;
  double seconds = 0;
  int r = verify (options, &size, &seconds, &err);

  if (options->json)
    print_json (options, r == -1 ? err.text : NULL, size, seconds);
  else if (r == 0 && !options->quiet)
    print_good (options, size, seconds);
  if (r == -1)
    message ("%s", err.text);
  return r == 0 ? EXIT_GOOD : EXIT_FAILED;
}

const struct command command_verify = {
  .name = "verify",
  .operands = "FILE.mkvdup [MKV]",
  .min_args = 1,
  .max_args = 2,
  .accepts = ACCEPT_SOURCE | ACCEPT_THREADS | ACCEPT_QUIET | ACCEPT_JSON,
  .summary = "check that a recipe and its sources still give the MKV",
  .description =
    "Read the whole image that FILE.mkvdup and its sources give, and check it\n"
    "against the digests in the recipe; with MKV, also compare every byte.\n"
    "The first difference is named.\n",
  .run = run,
};
