/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The nbdkit plugin: nbdkit's callbacks, in the order in which nbdkit calls them.  Its
 * parameters are parameters.h's, what is served is exports.h's.
 *
 * Whatever can be wrong is found in config_complete or get_ready, before nbdkit forks:
 * its message then reaches who started it.  Requests are only read from shared,
 * immutable state, by as many threads as nbdkit likes.
 */
#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "batch.h"
#include "exports.h"
#include "gather.h"
#include "memory.h"
#include "notify.h"
#include "parameters.h"
#include "recipe_format.h"
#include "report.h"
#include "waiting.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

/* Clients that ask get the block size page caches and NBD servers like; more than
 * 32 MiB a request is what no client sends.
 */
#define PREFERRED_BLOCK 65536
#define MAXIMUM_BLOCK (32u << 20)
/* Of a hash device, for which 128 times as much is read and hashed. */
#define MAXIMUM_HASHES PREFERRED_BLOCK

/* -D mkvdup.pread=1: read without io_uring. */
NBDKIT_DLL_PUBLIC extern int mkvdup_debug_pread;
int mkvdup_debug_pread;

/* -D mkvdup.parallel=1: many requests of a connection at once, whatever nbdkit this is. */
NBDKIT_DLL_PUBLIC extern int mkvdup_debug_parallel;
int mkvdup_debug_parallel;

/* ---- Starting */

static void
mkvdup_dump_plugin (void)
{
  printf ("mkvdup_version=%s\n", PACKAGE_VERSION);
  printf ("mkvdup_format_version=%d\n", RECIPE_VERSION);
  printf ("mkvdup_io_uring=%s\n", batch_has_io_uring () ? "yes" : "no");
}

/* Before 1.33.10 nbdkit aborts, and every client with it, if one vanishes while several
 * threads reply to it (raw_send_socket: Assertion `sock >= 0').  No function tells which
 * nbdkit this is; nbdkit_disconnect is not there in any stable release before the mended ones.
 */
static bool
survives_vanishing_clients (void)
{
  return dlsym (RTLD_DEFAULT, "nbdkit_disconnect") != NULL;
}

/* Serialized, a connection has one thread, which also replies.  Others do not wait for it. */
static int
mkvdup_thread_model (void)
{
  return mkvdup_debug_parallel || survives_vanishing_clients ()
           ? NBDKIT_THREAD_MODEL_PARALLEL
           : NBDKIT_THREAD_MODEL_SERIALIZE_REQUESTS;
}

static int
mkvdup_get_ready (void)
{
  struct error err = ERROR_INIT;

  memory_keep_freed ();
  batch_force_pread (mkvdup_debug_pread != 0);
  return exports_init (&err) == -1 ? report (&err) : 0;
}

/* What is touched before the fork is copied after it, page by page. */
static int
mkvdup_after_fork (void)
{
  struct error err = ERROR_INIT;

  memory_warm_heap ();
  gather_warm ();
  return exports_start (&err) == -1 ? report (&err) : 0;
}

static void
stop (void)
{
  exports_stop ();
  parameters_free ();
}

static void
mkvdup_unload (void)
{
  notify_stop ();
  waiting_stop (stop);
}

/* ---- Exports */

static int
mkvdup_list_exports (int readonly, int is_tls, struct nbdkit_exports *exports)
{
  (void) readonly;
  (void) is_tls;
  return exports_list (exports);
}

static const char *
mkvdup_default_export (int readonly, int is_tls)
{
  (void) readonly;
  (void) is_tls;
  return exports_default ();
}

static void *
mkvdup_open (int readonly)
{
  const char *name = nbdkit_export_name ();
  struct error err = ERROR_INIT;
  struct export *export;

  (void) readonly;
  if (name && name[0] == '\0')
    name = exports_default ();
  export = name ? waiting_open (name, &err) : NULL;
  if (name && !export && err.errnum == ENOENT) {
    report_text (err.text);
    nbdkit_set_error (ENOENT);
  }
  else if (name && !export)
    report (&err);
  return export;
}

static void
mkvdup_close (void *handle)
{
  waiting_close (handle);
}

static const char *
mkvdup_export_description (void *handle)
{
  return export_describe (handle);
}

static int64_t
mkvdup_get_size (void *handle)
{
  const struct export *export = handle;

  return (int64_t) export->padding.end;
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
  const struct export *export = handle;

  *minimum = 1;
  *preferred = PREFERRED_BLOCK;
  *maximum = export->is_hashes ? MAXIMUM_HASHES : MAXIMUM_BLOCK;
  return 0;
}

/* ---- Requests */

static int
mkvdup_pread (void *handle, void *buf, uint32_t count, uint64_t offset, uint32_t flags)
{
  struct error err = ERROR_INIT;

  (void) flags;
  return waiting_read (handle, buf, count, offset, &err) == -1 ? report (&err) : 0;
}

static int
add_extent (void *list, uint64_t offset, uint64_t len, bool zero)
{
  return nbdkit_add_extent (list, offset, len,
                            zero ? NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO : 0);
}

static int
mkvdup_extents (void *handle, uint32_t count, uint64_t offset, uint32_t flags,
                struct nbdkit_extents *list)
{
  struct error err = ERROR_INIT;

  (void) flags;
  if (waiting_extents (handle, offset, count, add_extent, list, &err) == 0)
    return 0;
  return err.text[0] ? report (&err) : -1; /* nbdkit has said why it took no extent */
}

static int
mkvdup_cache (void *handle, uint32_t count, uint64_t offset, uint32_t flags)
{
  struct error err = ERROR_INIT;

  (void) flags;
  return waiting_prefetch (handle, offset, count, &err) == -1 ? report (&err) : 0;
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
  .close = mkvdup_close,
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
