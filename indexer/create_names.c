/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The names that a recipe and its sidecar get: what may be replaced there, and what stays
 * of an older sidecar.  See creation.h.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buffer.h"
#include "cleanup.h"
#include "creation.h"
#include "file_id.h"
#include "path.h"
#include "recipe.h"
#include "sidecar.h"
#include "tree.h"
#include "whole_io.h"
#include "yaml_edit.h"

/* ---- what may be replaced ---- */

static int
check_not_input (const struct creation *c, const char *path, struct error *err)
{
  const struct disc *disc = &c->indexed->disc;
  struct stat st;
  bool is;

  if (!path || stat (path, &st) == -1)
    return 0; /* there is none */
  is = st.st_dev == c->st.st_dev && st.st_ino == c->st.st_ino;
  for (size_t i = 0; i < disc->n_files && !is; i++)
    is = is_file_at (disc->files[i].path, &st);
  return is ? error_set (err, 0, "%s: is what the recipe is to be made of: not replaced",
                         path)
            : 0;
}

int
creation_check_names (const struct creation *c, struct error *err)
{
  return check_not_input (c, c->options->out, err) == -1
           ? -1
           : check_not_input (c, c->options->sidecar, err);
}

/* Is the recipe that is there one of this very image? */
static bool
is_same_image (const struct creation *c)
{
  struct error ignored = ERROR_INIT;
  struct recipe *there = recipe_open (c->options->out, &ignored);
  uint8_t root[MERKLE_DIGEST];
  bool is = there && recipe_root (there, root, &ignored) == 0 &&
            memcmp (root, c->report->root, sizeof root) == 0;

  recipe_close (there);
  return is;
}

static int
claim (const struct creation *c, struct error *err)
{
  const struct create_options *o = c->options;

  if (o->claim && o->claim (o->opaque, o->out, c->out.fd, err) == -1)
    return -1;
  return o->claim && o->sidecar ? o->claim (o->opaque, o->sidecar, c->sidecar.fd, err)
                                : 0;
}

/* ---- the sidecar ---- */

static const char *
name_of (const struct create_options *o)
{
  return o->name ? o->name : path_base (o->mkv);
}

static int
write_sidecar (struct creation *c, const char *name, struct error *err)
{
  const struct create_options *o = c->options;
  CLEANUP_SIDECAR struct sidecar s = { .image_size = c->report->mkv_bytes };

  s.name = strdup (name);
  s.dedup_file = strdup (path_base (o->out));
  s.source_dir = strdup (c->indexed->disc.base);
  if (!s.name || !s.dedup_file || !s.source_dir)
    return error_set (err, ENOMEM, "%s", o->sidecar);
  return sidecar_write (&c->sidecar, o->sidecar, &s, err);
}

int
creation_prepare_sidecar (struct creation *c, struct error *err)
{
  struct error why = ERROR_INIT;

  if (!c->options->sidecar)
    return 0;
  if (tree_check_name (name_of (c->options), &why) == -1)
    return error_set (err, 0, "%s: %s: no server would have it: it needs another name",
                      c->options->mkv, why.text);
  return write_sidecar (c, name_of (c->options), err);
}

/* Is the sidecar that is there of this very image?  One that says another size is not, even if
 * the recipe is: who replaced that may not have got as far as the sidecar.
 */
static bool
is_of_this_image (const struct creation *c, const struct sidecar *there)
{
  if (there->image_size && there->image_size != c->report->mkv_bytes)
    return false;
  return is_absent (c->options->out) ? there->image_size != 0 : is_same_image (c);
}

/* A last line that may be missing in an older sidecar, or the Go program's. */
static void
add_size (struct buffer *text, uint64_t size)
{
  char line[48];
  int len = snprintf (line, sizeof line, "image_size: %" PRIu64 "\n", size);

  if (text->len > 0 && text->data[text->len - 1] != '\n')
    buffer_append (text, "\n", 1);
  buffer_append (text, line, (size_t) len);
}

/* Asked for, whatever an older sidecar says; or NULL. */
static const char *
wanted_name (const struct create_options *o)
{
  return o->name_is_default ? NULL : o->name;
}

/* Its text with what is new: the disc, and recipe and name where these are others. */
static int
edit_text (const struct creation *c, const struct sidecar *there, struct buffer *text,
           struct error *err)
{
  const struct create_options *o = c->options;
  const char *base = c->indexed->disc.base;
  CLEANUP_SIDECAR struct sidecar new = { .name = NULL };
  const char *wanted = wanted_name (o);
  bool renames = wanted && strcmp (wanted, there->name) != 0;
  bool moves = !same_file (there->source_dir, base);
  /* What leads to this recipe by another way leads to an older one when this is renamed. */
  bool leads = !same_place (there->dedup_file, o->out);

  if ((renames &&
       yaml_edit_value (text, o->sidecar, SIDECAR_MAX_FILE, "name", wanted, err) == -1) ||
      (leads && yaml_edit_value (text, o->sidecar, SIDECAR_MAX_FILE, "dedup_file",
                                 path_base (o->out), err) == -1) ||
      (moves && yaml_edit_value (text, o->sidecar, SIDECAR_MAX_FILE, "source_dir", base,
                                 err) == -1))
    return -1;
  if (there->image_size == 0)
    add_size (text, c->report->mkv_bytes);
  if (text->failed)
    return error_set (err, ENOMEM, "%s", o->sidecar);
  if (sidecar_parse (&new, o->sidecar, (const char *) text->data, text->len, err) == -1)
    return -1;
  if (strcmp (new.name, renames ? wanted : there->name) == 0 &&
      strcmp (new.source_dir, moves ? base : there->source_dir) == 0 &&
      same_place (new.dedup_file, o->out) && new.image_size == c->report->mkv_bytes)
    return 0;
  return error_set (err, 0, "%s: cannot be changed without the rest of it", o->sidecar);
}

static int
edit_sidecar (struct creation *c, const struct sidecar *there, struct error *err)
{
  const char *path = c->options->sidecar;
  CLEANUP_BUFFER struct buffer text = BUFFER_INIT;
  CLEANUP_FREE char *old = NULL;
  size_t len = 0;

  if (read_file (path, SIDECAR_MAX_FILE, &old, &len, err) == -1)
    return -1;
  buffer_append (&text, old, len);
  if (edit_text (c, there, &text, err) == -1)
    return -1;
  atomic_file_drop (&c->sidecar);
  return atomic_file_open (&c->sidecar, path, err) == -1
           ? -1
           : write_all (c->sidecar.fd, text.data, text.len, 0, path, err);
}

/* What the user has written into the sidecar of this very image stays: its name, keys that a
 * library reads, remarks.
 */
static int
keep_sidecar (struct creation *c, struct error *err)
{
  const struct create_options *o = c->options;
  CLEANUP_SIDECAR struct sidecar there = { .name = NULL };
  struct error why = ERROR_INIT;

  if (!o->sidecar || is_absent (o->sidecar) ||
      sidecar_check_place (o->sidecar, o->out, &why) == -1 ||
      sidecar_read (&there, o->sidecar, &why) == -1 || !is_of_this_image (c, &there))
    return 0;
  if (edit_sidecar (c, &there, &why) == -1) {
    /* What it says is in the way, and not memory or the disk. */
    bool is_odd = why.errnum == 0;

    if (!is_odd || !o->replaces_any) {
      *err = why;
      return is_odd ? error_context (err, "not replaced without --force") : -1;
    }
    atomic_file_drop (&c->sidecar);
    if (write_sidecar (c, wanted_name (o) ? wanted_name (o) : there.name, err) == -1)
      return -1;
  }
  if (TEMP_FAILURE_RETRY (fsync (c->sidecar.fd)) == -1)
    return error_set (err, errno, "%s: fsync", o->sidecar);
  return 0;
}

/* ---- with the lock held ---- */

int
creation_may_replace (void *opaque, struct error *err)
{
  struct creation *c = opaque;
  const struct create_options *o = c->options;

  if (creation_check_names (c, err) == -1 || keep_sidecar (c, err) == -1 ||
      claim (c, err) == -1)
    return -1;
  if (o->replaces_any)
    return 0;
  if (!is_absent (o->out) && !is_same_image (c))
    return error_set (err, 0,
                      "%s: exists and is not the recipe of this MKV: not replaced "
                      "without --force",
                      o->out);
  return o->sidecar ? sidecar_check_place (o->sidecar, o->out, err) : 0;
}
