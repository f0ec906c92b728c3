/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The nbdkit plugin: the one export, and nbdkit's callbacks, in the order in which nbdkit
 * calls them.  Its parameters are parameters.h's, reading is image.h's; nothing here knows
 * more of a recipe than its size.
 *
 * Whatever can be wrong is found in config_complete or get_ready, before nbdkit forks:
 * its message then reaches who started it.  Requests are only read from shared,
 * immutable state, by as many threads as nbdkit likes.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "batch.h"
#include "gather.h"
#include "image.h"
#include "memory.h"
#include "padding.h"
#include "parameters.h"
#include "recipe_format.h"
#include "report.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

/* Clients that ask get the block size page caches and NBD servers like; more than
 * 32 MiB a request is what no client sends.
 */
#define PREFERRED_BLOCK 65536
#define MAXIMUM_BLOCK (32u << 20)

/* -D mkvdup.pread=1: read without io_uring. */
NBDKIT_DLL_PUBLIC extern int mkvdup_debug_pread;
int mkvdup_debug_pread;

static struct segment_cache *cache;
static struct image *image;
static struct padding padding;

/* ---- Starting */

static void
mkvdup_dump_plugin (void)
{
  printf ("mkvdup_version=%s\n", PACKAGE_VERSION);
  printf ("mkvdup_format_version=%d\n", RECIPE_VERSION);
  printf ("mkvdup_io_uring=%s\n", batch_has_io_uring () ? "yes" : "no");
}

static int
mkvdup_thread_model (void)
{
  return NBDKIT_THREAD_MODEL_PARALLEL;
}

static int
mkvdup_get_ready (void)
{
  struct error err = ERROR_INIT;

  memory_keep_freed ();
  batch_force_pread (mkvdup_debug_pread != 0);
  cache = segment_cache_new (parameters.cache_size);
  if (!cache) {
    nbdkit_error ("%m");
    return -1;
  }
  image = image_open (parameters.file, (const char *const *) parameters.sources,
                      parameters.n_sources, cache, &err);
  if (!image)
    return report (&err);
  if (parameters.direct)
    image_read_directly (image);
  if (parameters.n_sources == 0 && image_recipe (image)->n_sources > 0) {
    nbdkit_error ("%s: no source= given, and no %s.yaml to say where its sources are",
                  parameters.file, parameters.file);
    return -1;
  }
  if (image_open_sources (image, &err) == -1)
    return report (&err);
  padding_init (&padding, image_size (image), parameters.pad, parameters.pad_with_void);
  return 0;
}

/* What is touched before the fork is copied after it, page by page. */
static int
mkvdup_after_fork (void)
{
  memory_warm_heap ();
  gather_warm ();
  return 0;
}

static void
mkvdup_unload (void)
{
  image_close (image);
  segment_cache_free (cache);
  parameters_free ();
}

/* ---- Exports */

/* The exact size is nowhere else to be seen once the image is padded. */
static const char *
describe (void)
{
  return nbdkit_printf_intern ("%s: %llu bytes", parameters.name,
                               (unsigned long long) image_size (image));
}

static int
mkvdup_list_exports (int readonly, int is_tls, struct nbdkit_exports *exports)
{
  (void) readonly;
  (void) is_tls;
  return nbdkit_add_export (exports, parameters.name, describe ());
}

static const char *
mkvdup_default_export (int readonly, int is_tls)
{
  (void) readonly;
  (void) is_tls;
  return parameters.name;
}

static void *
mkvdup_open (int readonly)
{
  const char *name = nbdkit_export_name ();

  (void) readonly;
  if (!name)
    return NULL;
  /* The name asked for is not repeated: it could be anything. */
  if (name[0] != '\0' && strcmp (name, parameters.name) != 0) {
    nbdkit_error ("a client asked for an export that is not there: there is \"%s\" only",
                  parameters.name);
    nbdkit_set_error (ENOENT);
    return NULL;
  }
  return NBDKIT_HANDLE_NOT_NEEDED;
}

static const char *
mkvdup_export_description (void *handle)
{
  (void) handle;
  return describe ();
}

static int64_t
mkvdup_get_size (void *handle)
{
  (void) handle;
  return (int64_t) padding.end;
}

/* An image never changes: connections may share it, and there is nothing to flush. */
static int
answer_yes (void *handle)
{
  (void) handle;
  return 1;
}

static int
answer_no (void *handle)
{
  (void) handle;
  return 0;
}

static int
mkvdup_can_fua (void *handle)
{
  (void) handle;
  return NBDKIT_FUA_NONE;
}

static int
mkvdup_can_cache (void *handle)
{
  (void) handle;
  return NBDKIT_CACHE_NATIVE;
}

/* Any byte can be read, padded or not: a larger minimum would only forbid. */
static int
mkvdup_block_size (void *handle, uint32_t *minimum, uint32_t *preferred,
                   uint32_t *maximum)
{
  (void) handle;
  *minimum = 1;
  *preferred = PREFERRED_BLOCK;
  *maximum = MAXIMUM_BLOCK;
  return 0;
}

/* ---- Requests */

/* How many of `count` bytes from `offset` are the image's and not padding. */
static uint32_t
image_part (uint32_t count, uint64_t offset)
{
  if (offset >= padding.start)
    return 0;
  return count < padding.start - offset ? count : (uint32_t) (padding.start - offset);
}

static int
mkvdup_pread (void *handle, void *buf, uint32_t count, uint64_t offset, uint32_t flags)
{
  struct error err = ERROR_INIT;
  uint32_t n = image_part (count, offset);

  (void) handle;
  (void) flags;
  if (n > 0 && image_read (image, buf, n, offset, &err) == -1)
    return report (&err);
  if (n < count)
    padding_read (&padding, (uint8_t *) buf + n, count - n, offset + n);
  return 0;
}

struct extents {
  struct nbdkit_extents *list;
  uint64_t next; /* where the next one begins */
};

static int
add_extent (void *opaque, uint64_t offset, uint64_t len, bool zero)
{
  struct extents *x = opaque;

  x->next = offset + len;
  return nbdkit_add_extent (x->list, offset, len,
                            zero ? NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO : 0);
}

static int
mkvdup_extents (void *handle, uint32_t count, uint64_t offset, uint32_t flags,
                struct nbdkit_extents *list)
{
  struct extents x = { list, offset };
  struct error err = ERROR_INIT;
  uint32_t n = image_part (count, offset);

  (void) handle;
  (void) flags;
  if (n > 0 && image_extents (image, offset, n, add_extent, &x, &err) == -1)
    return err.text[0] ? report (&err) : -1; /* nbdkit has said why it took no extent */
  if (x.next < padding.start || n == count)
    return 0;
  return add_extent (&x, x.next, padding.end - x.next, padding.is_zero);
}

static int
mkvdup_cache (void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
  struct error err = ERROR_INIT;
  uint32_t n = image_part (count, offset);

  (void) handle;
  (void) flags;
  if (n > 0 && image_prefetch (image, offset, n, &err) == -1)
    return report (&err);
  return 0;
}

static struct nbdkit_plugin plugin = {
  .name = "mkvdup",
  .longname = "mkvdup",
  .version = PACKAGE_VERSION,
  .description = "serve MKV files from recipes and the discs they were ripped from",
  .unload = mkvdup_unload,
  .config = parameters_set,
  .config_complete = parameters_complete,
  .config_help = PARAMETERS_HELP,
  .magic_config_key = "file",
  .dump_plugin = mkvdup_dump_plugin,
  .thread_model = mkvdup_thread_model,
  .get_ready = mkvdup_get_ready,
  .after_fork = mkvdup_after_fork,
  .list_exports = mkvdup_list_exports,
  .default_export = mkvdup_default_export,
  .open = mkvdup_open,
  .export_description = mkvdup_export_description,
  .get_size = mkvdup_get_size,
  .can_write = answer_no,
  .can_flush = answer_no,
  .can_trim = answer_no,
  .can_zero = answer_no,
  .can_fast_zero = answer_no,
  .can_fua = mkvdup_can_fua,
  .is_rotational = answer_no,
  .can_multi_conn = answer_yes,
  .can_extents = answer_yes,
  .can_cache = mkvdup_can_cache,
  .block_size = mkvdup_block_size,
  .pread = mkvdup_pread,
  .extents = mkvdup_extents,
  .cache = mkvdup_cache,
};

NBDKIT_REGISTER_PLUGIN (plugin)
