/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mkvdup expand-config: what a library is configured to hold, as one YAML file: without includes
 * and patterns, with absolute paths.  Whoever reads that sees the same titles.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "command.h"
#include "file_id.h"
#include "library_config.h"
#include "message.h"
#include "options.h"
#include "output.h"
#include "yaml_out.h"

static void
put_number (struct yaml_out *y, const char *key, const char *format, uint64_t n)
{
  char text[24];

  /* Octal as in YAML 1.1, which Go's parser and ours read. */
  snprintf (text, sizeof text, *format == 'o' ? "0%" PRIo64 : "%" PRIu64, n);
  yaml_out_plain (y, key);
  yaml_out_plain (y, text);
}

static int
put_path (struct yaml_out *y, const char *key, const char *folder, const char *path,
          struct error *err)
{
  char *absolute;

  if (asprintf (&absolute, "%s%s%s", *path == '/' ? "" : folder,
                *path == '/' || strcmp (folder, "/") == 0 ? "" : "/", path) == -1)
    return error_set (err, ENOMEM, "%s", path);
  yaml_out_plain (y, key);
  yaml_out_quoted (y, absolute);
  free (absolute);
  return 0;
}

/* What holds for all is not said again. */
static int
put_title (struct yaml_out *y, const struct library_config *config,
           const struct title *title, const char *folder, struct error *err)
{
  yaml_out_mapping (y);
  yaml_out_plain (y, "name");
  yaml_out_quoted (y, title->name);
  if (put_path (y, "dedup_file", folder, title->recipe, err) == -1 ||
      put_path (y, "source_dir", folder, title->source_dir ? title->source_dir : ".",
                err) == -1)
    return -1;
  if (title->size > 0)
    put_number (y, "image_size", "d", title->size);
  if (title->stat.uid != config->look.uid)
    put_number (y, "uid", "d", title->stat.uid);
  if (title->stat.gid != config->look.gid)
    put_number (y, "gid", "d", title->stat.gid);
  if (title->stat.mode != config->look.file_mode)
    put_number (y, "file_mode", "o", title->stat.mode);
  yaml_out_end_mapping (y);
  return 0;
}

static void
put_time (struct yaml_out *y, const char *key, int64_t ms)
{
  char text[32];

  snprintf (text, sizeof text, "%" PRId64 "ms", ms);
  yaml_out_plain (y, key);
  yaml_out_quoted (y, text);
}

static void
put_hook (struct yaml_out *y, const struct hook_settings *hook)
{
  if (!hook->command)
    return;
  yaml_out_plain (y, "on_error_command");
  yaml_out_mapping (y);
  yaml_out_plain (y, "command");
  yaml_out_list (y);
  for (char *const *word = hook->command; *word; word++)
    yaml_out_quoted (y, *word);
  yaml_out_end_list (y);
  put_time (y, "timeout", hook->timeout_ms);
  put_time (y, "batch_interval", hook->batch_ms);
  put_time (y, "repeat_interval", hook->repeat_ms);
  yaml_out_end_mapping (y);
}

static int
put_config (struct yaml_out *y, const struct library_config *config, struct error *err)
{
  CLEANUP_FREE char *folder = getcwd (NULL, 0);
  int r = 0;

  if (!folder)
    return error_set (err, errno, "the current folder");
  yaml_out_mapping (y);
  put_number (y, "uid", "d", config->look.uid);
  put_number (y, "gid", "d", config->look.gid);
  put_number (y, "file_mode", "o", config->look.file_mode);
  put_number (y, "dir_mode", "o", config->look.folder_mode);
  put_hook (y, &config->hook);
  yaml_out_plain (y, "virtual_files");
  yaml_out_list (y);
  for (size_t i = 0; r == 0 && i < config->n; i++)
    r = put_title (y, config, &config->titles[i], folder, err);
  yaml_out_end_list (y);
  yaml_out_end_mapping (y);
  return r;
}

/* To the file that was asked for, or to standard output. */
static int
put_text (const struct options *options, const struct buffer *text, struct error *err)
{
  int there = 0;

  if (!options->output) {
    fwrite (text->data, 1, text->len, stdout);
    return 0;
  }
  if (!options->force)
    there = file_is_there (options->output, err);
  if (there == 1)
    return error_set (err, 0, "%s: exists: not replaced without --force",
                      options->output);
  return there == -1
           ? -1
           : output_put (options->output, text->data, text->len, options->force, err);
}

static int
print (const struct options *options, const struct library_config *config,
       struct error *err)
{
  struct yaml_out y;
  int r;

  if (yaml_out_begin (&y, err) == -1)
    return -1;
  r = put_config (&y, config, err);
  if (r == 0)
    r = yaml_out_finish (&y, err);
  if (r == 0)
    r = put_text (options, &y.text, err);
  yaml_out_release (&y);
  return r;
}

static enum exit_status
run (const struct options *options)
{
  const struct library_look look = { .file_mode = 0444, .folder_mode = 0555 };
  CLEANUP_LIBRARY_CONFIG struct library_config config = { 0 };
  struct error err = ERROR_INIT;

  /* What is printed says what the library is now, and not how it is to be found again. */
  if ((options->output && output_check_apart (options->output, options, &err) == -1) ||
      library_config_read (&config, (const char *const *) options->args, options->n_args,
                           &look, NULL, NULL, &err) == -1 ||
      print (options, &config, &err) == -1) {
    message ("%s", err.text);
    return EXIT_FAILED;
  }
  for (size_t i = 0; i < config.n_problems; i++)
    message ("%s", config.problems[i]);
  return config.n_problems == 0 ? EXIT_GOOD : EXIT_FAILED;
}

const struct command command_expand_config = {
  .name = "expand-config",
  .operands = "LIBRARY...",
  .min_args = 1,
  .max_args = SIZE_MAX,
  .accepts = ACCEPT_OUTPUT | ACCEPT_FORCE,
  .summary = "print the configuration of a library as one file",
  .description =
    "Print the configuration of each LIBRARY, a YAML file or a folder, as one YAML file\n"
    "without includes and patterns, and with absolute paths.\n",
  .run = run,
};
