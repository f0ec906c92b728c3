/* SPDX-License-Identifier: BSD-3-Clause */
/* What a proof was of: see identity.h. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <xxhash.h>

#include "buffer.h"
#include "globs.h"
#include "identity.h"
#include "merkle.h"

/* What goes into one. */
struct making {
  struct buffer text;
  bool is_lasting; /* a later change would show */
  uint64_t bytes;  /* of all files */
};

static void
add_file (struct making *m, const struct file_id *id)
{
  struct timespec now;

  buffer_le64 (&m->text, id->ino);
  buffer_le64 (&m->text, id->size);
  buffer_le64 (&m->text, (uint64_t) id->mtime_ns);
  buffer_le64 (&m->text, (uint64_t) id->ctime_ns);
  clock_gettime (CLOCK_REALTIME, &now);
  if (id->ctime_ns >= timespec_ns (&now) - FILE_SETTLED_NS)
    m->is_lasting = false;
}

static int
add_source (struct making *m, const struct source *src, struct error *err)
{
  struct stat st;
  struct file_id id;

  if (fstat (src->fd, &st) == -1)
    return error_set (err, errno, "%s", src->path);
  id = file_id_of (&st);
  buffer_append (&m->text, src->path, strlen (src->path) + 1);
  add_file (m, &id);
  if (!S_ISREG (st.st_mode))
    m->is_lasting = false;
  return 0;
}

static int
finish (struct making *m, uint8_t identity[IDENTITY_SIZE], struct error *err)
{
  XXH128_canonical_t canonical = { { 0 } };
  int r = m->text.failed ? error_set (err, ENOMEM, "an identity") : 0;

  if (r == 0 && m->is_lasting)
    XXH128_canonicalFromHash (&canonical, XXH3_128bits (m->text.data, m->text.len));
  memcpy (identity, canonical.digest, IDENTITY_SIZE);
  buffer_free (&m->text);
  return r;
}

static int
add_image (struct making *m, struct image *img, struct error *err)
{
  uint8_t root[MERKLE_DIGEST];

  if (recipe_identity (image_recipe (img), root, err) == -1)
    return -1;
  buffer_append (&m->text, root, sizeof root);
  for (uint32_t i = 0; i < image_recipe (img)->n_sources; i++) {
    const struct source *src = image_source (img, i, err);

    if (!src || add_source (m, src, err) == -1)
      return -1;
  }
  return 0;
}

int
identity_of_image (struct image *img, const struct file_id *recipe,
                   uint8_t identity[IDENTITY_SIZE], struct error *err)
{
  struct making m = { .text = BUFFER_INIT, .is_lasting = true };
  struct error ignored = ERROR_INIT;

  add_file (&m, recipe);
  if (add_image (&m, img, err) == 0)
    return finish (&m, identity, err);
  m.is_lasting = false;
  finish (&m, identity, &ignored);
  return -1;
}

int
identity_of_source (const struct source *src, const struct recipe_source *id,
                    uint8_t identity[IDENTITY_SIZE], struct error *err)
{
  struct making m = { .text = BUFFER_INIT, .is_lasting = true };
  int r = add_source (&m, src, err);

  buffer_append (&m.text, id->hash, sizeof id->hash);
  m.is_lasting = m.is_lasting && r == 0;
  return finish (&m, identity, err) == -1 ? -1 : r;
}

/* One of several files.  What is gone by now was there a moment ago. */
static int
add_path (void *opaque, const char *path, struct error *err)
{
  struct making *m = opaque;
  struct stat st;
  struct file_id id;

  if (stat (path, &st) == -1) {
    m->is_lasting = false;
    return 0;
  }
  if (S_ISDIR (st.st_mode))
    return 0;
  id = file_id_of (&st);
  buffer_append (&m->text, path, strlen (path) + 1);
  add_file (m, &id);
  m->bytes += id.size;
  return m->text.failed ? error_set (err, ENOMEM, "an identity") : 0;
}

static int
add_folder (void *watcher, const char *path, struct error *err)
{
  (void) watcher;
  (void) path;
  (void) err;
  return 0;
}

static int
add_unreadable (void *watcher, const struct error *why)
{
  struct making *m = watcher;

  (void) why;
  m->is_lasting = false;
  return 0;
}

int
identity_of_files (const char *path, uint8_t identity[IDENTITY_SIZE], uint64_t *bytes,
                   struct error *err)
{
  struct making m = { .text = BUFFER_INIT, .is_lasting = true };
  const struct globs_calls calls = { .file = add_path,
                                     .opaque = &m,
                                     .folder = add_folder,
                                     .unreadable = add_unreadable,
                                     .watcher = &m };
  struct error ignored = ERROR_INIT;
  struct stat st;
  int r = 0;

  if (stat (path, &st) == -1)
    r = error_set (err, errno, "%s", path);
  else if (S_ISDIR (st.st_mode))
    r = globs_below (path, &calls, err);
  else
    r = add_path (&m, path, err);
  *bytes = m.bytes;
  m.is_lasting = m.is_lasting && r == 0;
  return finish (&m, identity, r == 0 ? err : &ignored) == -1 ? -1 : r;
}

bool
identity_same (const uint8_t a[IDENTITY_SIZE], const uint8_t b[IDENTITY_SIZE])
{
  static const uint8_t none[IDENTITY_SIZE];

  return memcmp (a, b, IDENTITY_SIZE) == 0 && memcmp (a, none, IDENTITY_SIZE) != 0;
}
