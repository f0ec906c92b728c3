/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Editing sidecars: see sidecar_edit.h.  libyaml tells where the value stands; what is written
 * is read again before it gets the file's name.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic_file.h"
#include "cleanup.h"
#include "sidecar.h"
#include "sidecar_edit.h"
#include "whole_io.h"
#include "yaml_file.h"
#include "yaml_out.h"

#define KEY "source_dir"
#define MAX_SIDECAR 65536

/* Characters of the file: [from, end). */
struct place {
  size_t from, end;
};

static int
take_pair (void *opaque, const char *key, const yaml_node_t *key_node,
           const yaml_node_t *value, struct error *err)
{
  struct place *place = opaque;

  (void) err;
  /* An alias stands elsewhere, and before. */
  if (strcmp (key, KEY) == 0 && value->start_mark.index > key_node->start_mark.index)
    *place = (struct place){ value->start_mark.index, value->end_mark.index };
  return 0;
}

static int
find_value (const char *path, struct place *place, struct error *err)
{
  CLEANUP_YAML_FILE struct yaml_file yaml;
  const yaml_node_t *root;

  if (yaml_file_load (&yaml, path, MAX_SIDECAR, err) == -1)
    return -1;
  root = yaml_document_get_root_node (&yaml.document);
  *place = (struct place){ 0, 0 };
  yaml_each_pair (&yaml, root, take_pair, place, err);
  return place->end > place->from
           ? 0
           : error_set (err, 0, "%s: has no " KEY " that can be changed", path);
}

/* Marks count characters, not bytes. */
static const char *
character (const char *text, size_t len, size_t n)
{
  const char *p = text, *end = text + len;

  for (; p < end && n > 0; n--)
    do
      p++;
    while (p < end && (*p & 0xc0) == 0x80);
  return p;
}

/* The value as a line of YAML, without the end of the line. */
static int
quote (const char *value, struct buffer *quoted, struct error *err)
{
  struct yaml_out y;
  int r;

  if (yaml_out_begin (&y, err) == -1)
    return -1;
  yaml_out_quoted (&y, value);
  r = yaml_out_finish (&y, err);
  if (r == 0)
    buffer_append (quoted, y.text.data, strcspn ((const char *) y.text.data, "\n"));
  yaml_out_release (&y);
  return r == 0 && quoted->failed ? error_set (err, ENOMEM, "YAML") : r;
}

/* Is the new file the old one, but for the folder? */
static int
check (const char *old_path, const char *new_path, const char *source_dir,
       struct error *err)
{
  CLEANUP_SIDECAR struct sidecar old = { 0 };
  CLEANUP_SIDECAR struct sidecar new = { 0 };

  if (sidecar_read (&old, old_path, err) == -1 ||
      sidecar_read (&new, new_path, err) == -1)
    return -1;
  if (strcmp (old.name, new.name) == 0 && strcmp (old.dedup_file, new.dedup_file) == 0 &&
      old.image_size == new.image_size && strcmp (new.source_dir, source_dir) == 0)
    return 0;
  return error_set (err, 0, "%s: its " KEY " cannot be changed without the rest",
                    old_path);
}

/* The text with another value in that place. */
static int
put_value (struct buffer *out, const char *text, size_t len, const struct place *place,
           const char *source_dir, struct error *err)
{
  CLEANUP_BUFFER struct buffer quoted = BUFFER_INIT;
  const char *from = character (text, len, place->from);
  const char *end = character (text, len, place->end);

  if (quote (source_dir, &quoted, err) == -1)
    return -1;
  buffer_append (out, text, (size_t) (from - text));
  buffer_append (out, quoted.data, quoted.len);
  buffer_append (out, end, (size_t) (text + len - end));
  return out->failed ? error_set (err, ENOMEM, "YAML") : 0;
}

/* As it was, also where it was for fewer eyes: the server's user may be its owner.  Who may not
 * give files away keeps the group at least, if it is one of his own.  The mode comes last, as a
 * new owner takes bits from it.
 */
static int
keep_owner_and_mode (const struct atomic_file *file, const struct stat *st,
                     struct error *err)
{
  bool is_kept = fchown (file->fd, st->st_uid, st->st_gid) == 0 ||
                 fchown (file->fd, (uid_t) -1, st->st_gid) == 0;

  return fchmod (file->fd, st->st_mode & (is_kept ? 07777 : 0777)) == 0
           ? 0
           : error_set (err, errno, "%s", file->path);
}

/* Of a file that is no link, with its folder locked. */
static int
edit (const char *path, const char *source_dir, struct error *err)
{
  CLEANUP_FREE char *text = NULL;
  CLEANUP_BUFFER struct buffer out = BUFFER_INIT;
  CLEANUP_ATOMIC_FILE struct atomic_file file = ATOMIC_FILE_INIT;
  struct place place;
  struct stat st;
  size_t len = 0;

  if (find_value (path, &place, err) == -1 ||
      read_file (path, MAX_SIDECAR, &text, &len, err) == -1 ||
      put_value (&out, text, len, &place, source_dir, err) == -1)
    return -1;
  if (stat (path, &st) == -1)
    return error_set (err, errno, "%s", path);
  if (atomic_file_open (&file, path, err) == -1 ||
      write_all (file.fd, out.data, out.len, 0, path, err) == -1 ||
      check (path, file.temporary, source_dir, err) == -1)
    return -1;
  return keep_owner_and_mode (&file, &st, err) == -1 ? -1
                                                     : atomic_file_commit (&file, err);
}

int
sidecar_set_source_dir (const char *path, const char *source_dir, struct error *err)
{
  /* What a link leads to, and not the link. */
  CLEANUP_FREE char *real = realpath (path, NULL);
  CLEANUP_CLOSE int lock = -1;

  if (!real)
    return error_set (err, errno, "%s", path);
  /* A create may be about to put another there. */
  lock = atomic_file_lock (real, err);
  return lock == -1 ? -1 : edit (real, source_dir, err);
}
