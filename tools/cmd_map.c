/* SPDX-License-Identifier: BSD-3-Clause */
/* mkvdup map: a picture of where on its sources an image lies. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "command.h"
#include "file_id.h"
#include "map_picture.h"
#include "message.h"
#include "options.h"
#include "output.h"
#include "path.h"

struct picture_of {
  const struct recipe *recipe;
  struct recipe_map map;
  char *title, *words; /* owned */
};

/* The name of the MKV, if the recipe has it. */
static char *
title_of (const struct recipe *recipe)
{
  struct error ignored = ERROR_INIT;
  char *title;

  recipe_note_value (recipe, "name", &title, &ignored);
  return title ? title : strdup (path_base (recipe->path));
}

static int
finish (const struct picture_of *of, struct canvas *c, const char *path, bool force,
        struct error *err)
{
  CLEANUP_BUFFER struct buffer out = BUFFER_INIT;
  int r = map_picture_draw (c, of->recipe, &of->map, of->title, of->words, err);

  if (canvas_finish (c, &out, err) == -1 || r == -1)
    return -1;
  return output_put (path, out.data, out.len, force, err);
}

static int
write_svg (const struct picture_of *of, const char *path, bool force, struct error *err)
{
  struct canvas c;

  if (!path)
    return 0;
  if (canvas_svg (&c, PICTURE_WIDTH, PICTURE_HEIGHT, of->title, of->words, err) == -1)
    return -1;
  return finish (of, &c, path, force, err);
}

static int
write_png (const struct picture_of *of, const char *path, bool force, struct error *err)
{
  struct canvas c;

  if (!path)
    return 0;
  if (canvas_png (&c, PICTURE_WIDTH, PICTURE_HEIGHT, err) == -1)
    return -1;
  return finish (of, &c, path, force, err);
}

static int
draw (struct picture_of *of, const struct options *options, struct error *err)
{
  if (recipe_map_make (&of->map, of->recipe, PICTURE_COLUMNS, PICTURE_ROWS,
                       options_threads (options), err) == -1)
    return -1;
  of->title = title_of (of->recipe);
  of->words = map_picture_words (of->recipe, &of->map);
  if (!of->title || !of->words)
    return error_set (err, ENOMEM, "%s", of->recipe->path);
  return write_svg (of, options->svg, options->force, err) == -1
           ? -1
           : write_png (of, options->png, options->force, err);
}

/* A picture that is there may be somebody's. */
static int
check_output (const char *path, bool force, struct error *err)
{
  if (!path)
    return 0;
  if (output_check_text (path, err) == -1)
    return -1;
  if (!force && !is_absent (path))
    return error_set (err, 0, "%s: exists: not replaced without --force", path);
  return 0;
}

static int
draw_recipe (const struct options *options, struct error *err)
{
  struct picture_of of = { .title = NULL };
  struct recipe *recipe;
  int r;

  if (options->svg && options->png && same_place (options->svg, options->png))
    return error_set (err, 0, "%s: cannot be both pictures", options->svg);
  if (check_output (options->svg, options->force, err) == -1 ||
      check_output (options->png, options->force, err) == -1)
    return -1;
  of.recipe = recipe = recipe_open (options->args[0], err);
  if (!recipe)
    return -1;
  r = draw (&of, options, err);
  recipe_map_free (&of.map);
  free (of.title);
  free (of.words);
  recipe_close (recipe);
  return r;
}

static enum exit_status
run (const struct options *options)
{
  struct error err = ERROR_INIT;

  if (!options->svg && !options->png)
    return options_refuse (&command_map, "--svg=FILE or --png=FILE is missing");
  if (draw_recipe (options, &err) == 0)
    return EXIT_GOOD;
  message ("%s", err.text);
  return EXIT_FAILED;
}

const struct command command_map = {
  .name = "map",
  .operands = "FILE.mkvdup",
  .min_args = 1,
  .max_args = 1,
  .accepts = ACCEPT_PICTURE | ACCEPT_FORCE | ACCEPT_THREADS,
  .summary = "draw where on its sources an image lies",
  .description =
    "Draw a map of the image of FILE.mkvdup: where on its sources each part of it\n"
    "lies, and how much is on none.  Sources are not needed.\n",
  .run = run,
};
