/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mkvdup verify: does this recipe, with these sources, still give the MKV?
 *
 * Without the MKV the image's Merkle digests are computed and compared with those on
 * record.  With it every byte is compared too, and not instead: afterwards the
 * digests are all there is to go by, so they had better be right.
 *
 * With --sources each source is hashed whole, besides: also what the image does not use.
 * They are hashed behind the image, whose reading has left much of them in memory, and also
 * if that is wrong: then they tell which of them it is.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "command.h"
#include "file_id.h"
#include "json.h"
#include "message.h"
#include "open_image.h"
#include "options.h"
#include "progress.h"
#include "source_list.h"
#include "walk.h"
#include "whole_io.h"

/* The comparison, as the workers see it; only the progress changes. */
struct verification {
  const struct open_image *subject;
  const char *mkv;            /* NULL: none */
  int fd;                     /* of the MKV, or -1 */
  bool is_file;               /* the MKV; and no device */
  struct file_id id;          /* of it then, when it was opened */
  struct source_list sources; /* to be hashed */
  uint64_t hashed;            /* bytes of them */
  struct progress progress;
};

/* What there is to tell of it. */
struct outcome {
  uint64_t size;     /* of the image */
  const char *proof; /* what was right, without an MKV; static */
  double seconds;
  struct source_list sources; /* that were hashed */
};

static bool
tell_progress (void *opaque, uint64_t done)
{
  struct verification *v = opaque;

  progress_update (&v->progress, done);
  return true;
}

static bool
tell_hashed (void *opaque, uint64_t more)
{
  struct verification *v = opaque;

  v->hashed += more;
  return tell_progress (v, image_size (v->subject->image) + v->hashed);
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
  return content_check_part (&v->subject->check, data, len, offset, err);
}

/* Open the MKV and compare sizes.  It may be a device: one that serves the image. */
static int
open_mkv (struct verification *v, uint64_t size, struct error *err)
{
  struct stat st;
  off_t end;

  if (!v->mkv)
    return 0;
  v->fd = open (v->mkv, OPEN_UNKNOWN);
  if (v->fd == -1)
    return error_set (err, errno, "%s", v->mkv);
  if (fstat (v->fd, &st) == -1)
    return error_set (err, errno, "%s", v->mkv);
  if (S_ISDIR (st.st_mode))
    return error_set (err, EISDIR, "%s", v->mkv);
  v->is_file = S_ISREG (st.st_mode);
  if (v->is_file && file_id_look (v->fd, v->mkv, true, &v->id, err) == -1)
    return -1;
  end = lseek (v->fd, 0, SEEK_END);
  if (end == -1)
    return error_set (err, errno, "%s: its size", v->mkv);
  if ((uint64_t) end != size)
    return error_set (err, 0,
                      "%s has %" PRIu64 " bytes, but the image of %s has %" PRIu64,
                      v->mkv, (uint64_t) end, v->subject->recipe->path, size);
  return 0;
}

/* Parts that were compared may have changed since: what is said of the MKV is about the file
 * that has the name now.  Not even its ctime may differ, as times can be set back.
 */
static int
check_same_mkv (const struct verification *v, struct error *err)
{
  struct file_id now;

  if (!v->is_file)
    return 0;
  if (file_id_look (v->fd, v->mkv, true, &now, err) == -1)
    return -1;
  return file_id_same (&v->id, &now)
           ? 0
           : error_set (err, 0, "%s: changed while it was compared", v->mkv);
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

/* The error of the first source that is wrong, unless there is another error already. */
static int
hash_sources (struct verification *v, unsigned threads, int r, struct error *err)
{
  source_list_hash (&v->sources, threads, tell_hashed, NULL, v);
  for (size_t i = 0; r == 0 && i < v->sources.n; i++)
    if (v->sources.list[i].result == SOURCE_BAD) {
      r = error_set (err, ENOMEM, "%s", v->sources.list[i].id.path);
      if (v->sources.list[i].why)
        *err = *v->sources.list[i].why;
    }
  return r;
}

static int
verify_image (struct verification *v, const struct options *options,
              struct outcome *outcome, struct error *err)
{
  struct image *image = v->subject->image;
  const struct content_check *check = &v->subject->check;
  unsigned threads = options_threads (options);
  int r;

  if (options->hash_sources && source_list_add (&v->sources, image, err) == -1)
    return -1;
  source_list_sort (&v->sources);
  progress_start (&v->progress, "verify",
                  image_size (image) + source_list_bytes (&v->sources), options->quiet);
  r = walk_image (image, content_check_threads (check, threads), verify_chunk,
                  tell_progress, v, err);
  if (r == 0)
    r = content_check_end (check, err);
  r = hash_sources (v, threads, r, err);
  outcome->seconds = progress_end (&v->progress);
  return r;
}

static int
verify (const struct options *options, struct outcome *outcome, struct error *err)
{
  CLEANUP_OPEN_IMAGE struct open_image subject = { 0 };
  struct verification v = { .subject = &subject, .fd = -1 };
  int r;

  v.mkv = options->n_args > 1 ? options->args[1] : NULL;
  if (check_recipe (options->args[0], err) == -1 ||
      open_image_open (&subject, options->args[0], options->sources, options->n_sources,
                       err) == -1)
    return -1;
  outcome->size = image_size (subject.image);
  outcome->proof = content_check_proof (&subject.check);
  r = open_mkv (&v, outcome->size, err);
  if (r == 0)
    r = verify_image (&v, options, outcome, err);
  if (r == 0)
    r = check_same_mkv (&v, err);
  if (v.fd >= 0)
    close (v.fd);
  outcome->sources = v.sources;
  return r;
}

static void
json_sources (struct json *j, const struct source_list *sources)
{
  json_array (j, "sources");
  for (size_t i = 0; i < sources->n; i++) {
    const struct listed_source *s = &sources->list[i];

    json_object (j, NULL);
    json_string (j, "path", s->id.path);
    json_number (j, "size", s->id.size);
    json_bool (j, "good", s->result == SOURCE_GOOD);
    if (s->why)
      json_string (j, "error", s->why->text);
    json_end_object (j);
  }
  json_end_array (j);
}

static void
print_json (const struct options *options, const char *error,
            const struct outcome *outcome)
{
  struct json j = json_start (stdout);

  json_string (&j, "recipe", options->args[0]);
  if (options->n_args > 1)
    json_string (&j, "compared_with", options->args[1]);
  json_bool (&j, "good", !error);
  if (error)
    json_string (&j, "error", error);
  else {
    json_number (&j, "image_size", outcome->size);
    json_decimal (&j, "seconds", outcome->seconds);
  }
  if (options->hash_sources)
    json_sources (&j, &outcome->sources);
  json_finish (&j);
}

static void
print_good (const struct options *options, const struct outcome *outcome)
{
  uint64_t read = outcome->size;
  char bytes[AMOUNT_MAX], rate[AMOUNT_MAX];

  print_safe (stdout, options->args[0]);
  printf (": good: %s, %s", amount_bytes (outcome->size, bytes),
          options->n_args > 1 ? "every byte that of " : outcome->proof);
  if (options->n_args > 1)
    print_safe (stdout, options->args[1]);
  for (size_t i = 0; i < outcome->sources.n; i++)
    read += outcome->sources.list[i].id.size;
  if (options->hash_sources)
    printf (", and %zu source%s of %s", outcome->sources.n,
            outcome->sources.n == 1 ? "" : "s",
            amount_bytes (read - outcome->size, bytes));
  printf (" (%.1f s, %s)\n", outcome->seconds,
          amount_rate (read, outcome->seconds, rate));
}

/* The error, and all sources that are wrong. */
static void
tell_wrong (const struct outcome *outcome, const char *error)
{
  message ("%s", error);
  for (size_t i = 0; i < outcome->sources.n; i++) {
    const struct error *why = outcome->sources.list[i].why;

    if (why && strcmp (why->text, error) != 0)
      message ("%s", why->text);
  }
}

static enum exit_status
run (const struct options *options)
{
  struct error err = ERROR_INIT;
  struct outcome outcome = { 0 };
  int r = verify (options, &outcome, &err);

  if (options->json)
    print_json (options, r == -1 ? err.text : NULL, &outcome);
  else if (r == 0 && !options->quiet)
    print_good (options, &outcome);
  if (r == -1)
    tell_wrong (&outcome, err.text);
  source_list_free (&outcome.sources);
  return r == 0 ? EXIT_GOOD : EXIT_FAILED;
}

const struct command command_verify = {
  .name = "verify",
  .operands = "FILE.mkvdup [MKV]",
  .min_args = 1,
  .max_args = 2,
  .accepts = ACCEPT_PLACE | ACCEPT_SOURCES | ACCEPT_THREADS | ACCEPT_QUIET | ACCEPT_JSON,
  .summary = "check that a recipe and its sources still give the MKV",
  .description =
    "Read the whole image that FILE.mkvdup and its sources give, and check it\n"
    "against the digests in the recipe; with MKV, also compare every byte.\n"
    "The first difference is named.  With --sources each source is compared with its\n"
    "own hash, too.\n",
  .run = run,
};
