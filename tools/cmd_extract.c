/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mkvdup extract: the MKV back from its recipe.
 *
 * Each group of blocks is checked against its Merkle digest before it is written (of a recipe
 * of the Go program all of it, at the end), and the file has its name only when all of it is
 * there.  To standard output ("-")
 * it goes in order by one thread; a reader of that has to look at the exit status.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic_file.h"
#include "cleanup.h"
#include "command.h"
#include "file_id.h"
#include "interrupt.h"
#include "json.h"
#include "message.h"
#include "open_image.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "walk.h"
#include "whole_io.h"

/* Where the image goes, as the workers see it; only the progress changes. */
struct extraction {
  const struct open_image *subject;
  const char *output;
  bool force;
  int fd;
  bool stream; /* written in order, without seeking */
  struct progress progress;
};

static bool
tell_progress (void *opaque, uint64_t done)
{
  struct extraction *x = opaque;

  progress_update (&x->progress, done);
  return !interrupted ();
}

static int
write_stream (int fd, const uint8_t *data, size_t len, struct error *err)
{
  while (len > 0) {
    ssize_t n = write (fd, data, len);

    if (n == -1 && errno == EINTR && !interrupted ())
      continue;
    if (n == -1)
      return error_set (err, errno, "standard output");
    data += n;
    len -= (size_t) n;
  }
  return 0;
}

static int
extract_chunk (void *opaque, const uint8_t *data, size_t len, uint64_t offset,
               uint8_t *scratch, struct error *err)
{
  const struct extraction *x = opaque;

  (void) scratch;
  if (content_check_part (&x->subject->check, data, len, offset, err) == -1)
    return -1;
  return x->stream ? write_stream (x->fd, data, len, err)
                   : write_all (x->fd, data, len, offset, x->output, err);
}

/* Is it a source, in any place where one may be? */
static bool
is_source (const struct open_image *subject, const struct stat *st)
{
  for (size_t i = 0; i < subject->n_places; i++) {
    if (is_file_at (subject->places[i], st))
      return true;
    for (uint32_t k = 0; k < subject->recipe->n_sources; k++) {
      CLEANUP_FREE char *path = NULL;

      if (asprintf (&path, "%s/%s", subject->places[i],
                    subject->recipe->sources[k].path) == -1 ||
          is_file_at (path, st))
        return true;
    }
  }
  return false;
}

/* What must not be replaced: anything without --force, what we read from even so.  An
 * atomic_file_may_fn: hours may be between the first look and the rename.
 */
static int
check_output (void *opaque, struct error *err)
{
  const struct extraction *x = opaque;
  const char *path = x->output;
  struct stat st;

  if (lstat (path, &st) == -1)
    return errno == ENOENT ? 0 : error_set (err, errno, "%s", path);
  if (stat (path, &st) == 0 &&
      (is_file_at (x->subject->recipe->path, &st) || is_source (x->subject, &st)))
    return error_set (err, 0, "%s: is what the image is made of: not replaced", path);
  if (output_check (path, err) == -1)
    return -1;
  return x->force ? 0
                  : error_set (err, 0, "%s: exists: not replaced without --force", path);
}

/* Take the space now, so that a full disk is known before the work is done.
 * Where that is not to be had, writing will tell.
 */
static int
reserve (int fd, uint64_t size, const char *path, struct error *err)
{
  if (size > 0 && fallocate (fd, 0, 0, (off_t) size) == -1 &&
      (errno == ENOSPC || errno == EFBIG || errno == EDQUOT))
    return error_set (err, errno, "%s", path);
  return 0;
}

static int
write_image (struct extraction *x, unsigned threads, struct error *err)
{
  const struct content_check *check = &x->subject->check;

  threads = content_check_threads (check, threads);
  if (walk_image (x->subject->image, threads, extract_chunk, tell_progress, x, err) == -1)
    return -1;
  return content_check_end (check, err);
}

static int
commit (struct atomic_file *file, struct extraction *x, struct error *err)
{
  return x->force ? atomic_files_commit_if (&file, 1, check_output, x, err)
                  : atomic_file_commit_new (file, err);
}

static int
extract_to_file (struct extraction *x, const struct options *options, struct error *err)
{
  CLEANUP_ATOMIC_FILE struct atomic_file file = ATOMIC_FILE_INIT;

  if (check_output (x, err) == -1 || atomic_file_open (&file, options->output, err) == -1)
    return -1;
  x->fd = file.fd;
  if (reserve (x->fd, image_size (x->subject->image), options->output, err) == -1 ||
      write_image (x, options_threads (options), err) == -1)
    return -1;
  return commit (&file, x, err);
}

/* That all is written some file systems only say when they are asked (a quota, or NFS). */
static int
sync_stdout (struct error *err)
{
  struct stat st;

  if (fstat (STDOUT_FILENO, &st) == 0 && S_ISREG (st.st_mode) &&
      TEMP_FAILURE_RETRY (fsync (STDOUT_FILENO)) == -1)
    return error_set (err, errno, "standard output: fsync");
  return 0;
}

static int
extract_to_stdout (struct extraction *x, struct error *err)
{
  if (isatty (STDOUT_FILENO))
    return error_set (err, 0, "standard output is a terminal: an MKV is not for reading");
  x->fd = STDOUT_FILENO;
  x->stream = true;
  return write_image (x, 1, err) == -1 ? -1 : sync_stdout (err);
}

struct outcome {
  uint64_t size;
  const char *proof; /* what was right; static */
  double seconds;
};

static int
extract (const struct options *options, struct outcome *outcome, struct error *err)
{
  CLEANUP_OPEN_IMAGE struct open_image subject = { 0 };
  struct extraction x = {
    .subject = &subject, .output = options->output, .force = options->force, .fd = -1
  };
  int r;

  if (open_image_open (&subject, options->args[0], options->sources, options->n_sources,
                       err) == -1)
    return -1;
  outcome->size = image_size (subject.image);
  outcome->proof = content_check_proof (&subject.check);
  progress_start (&x.progress, "extract", outcome->size, options->quiet);
  r = strcmp (options->output, "-") == 0 ? extract_to_stdout (&x, err)
                                         : extract_to_file (&x, options, err);
  outcome->seconds = progress_end (&x.progress);
  return r == -1 && interrupted () ? error_set (err, 0, "interrupted") : r;
}

static void
print_json (const struct options *options, const char *error,
            const struct outcome *outcome)
{
  struct json j = json_start (stdout);

  json_string (&j, "recipe", options->args[0]);
  json_string (&j, "output", options->output);
  json_bool (&j, "good", !error);
  if (error)
    json_string (&j, "error", error);
  else {
    json_number (&j, "image_size", outcome->size);
    json_decimal (&j, "seconds", outcome->seconds);
  }
  json_finish (&j);
}

static void
print_good (const struct options *options, const struct outcome *outcome)
{
  char bytes[AMOUNT_MAX], rate[AMOUNT_MAX];

  print_safe (stdout, options->output);
  printf (": %s, %s (%.1f s, %s)\n", amount_bytes (outcome->size, bytes), outcome->proof,
          outcome->seconds, amount_rate (outcome->size, outcome->seconds, rate));
}

static enum exit_status
run (const struct options *options)
{
  struct error err = ERROR_INIT;
  bool to_stdout = options->output && strcmp (options->output, "-") == 0;
  struct outcome outcome = { 0 };
  int r;

  if (!options->output)
    return options_refuse (&command_extract, "--output=FILE is missing");
  if (to_stdout && options->json)
    return options_refuse (&command_extract,
                           "--json and the MKV cannot share standard output");
  interrupt_catch ();
  r = extract (options, &outcome, &err);
  if (options->json)
    print_json (options, r == -1 ? err.text : NULL, &outcome);
  else if (r == 0 && !options->quiet && !to_stdout)
    print_good (options, &outcome);
  if (r == -1)
    message ("%s", err.text);
  return r == 0 ? EXIT_GOOD : EXIT_FAILED;
}

const struct command command_extract = {
  .name = "extract",
  .operands = "FILE.mkvdup",
  .min_args = 1,
  .max_args = 1,
  .accepts = ACCEPT_OUTPUT | ACCEPT_FORCE | ACCEPT_PLACE | ACCEPT_THREADS | ACCEPT_QUIET |
             ACCEPT_JSON,
  .summary = "write the MKV back to a file",
  .description =
    "Rebuild the MKV from FILE.mkvdup and its sources, and write it to the file\n"
    "given with --output (\"-\": standard output).  Every part is checked against\n"
    "the digests in the recipe before it is written, and the file gets its name\n"
    "only when it is whole.\n",
  .run = run,
};
