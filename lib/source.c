/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sources: see source.h.
 *
 * Where the kernel (or a container's system call filter) has no openat2, opening below a
 * directory fails and says so.  A walk through the components in user space was
 * decided against: it would be a second, rarely run way through the one check that
 * keeps a hostile recipe out.  A source given as a file needs no openat2.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <xxhash.h>

#include "advice.h"
#include "buffer.h"
#include "cleanup.h"
#include "file_id.h"
#include "place_pulse.h"
#include "shared_fs.h"
#include "source.h"
#include "whole_io.h"

#define SAMPLE_BLOCK 4096u
#define SAMPLE_BLOCKS 16u

/* Where block `i` of the `k` that are taken of `n` begins. */
static uint64_t
sample_at (uint64_t i, uint64_t k, uint64_t n)
{
  return k == 1 ? 0 : i * (n - 1) / (k - 1) * SAMPLE_BLOCK;
}

/* The first `len` bytes of a block, of which all is asked for: as O_DIRECT wants it. */
static int
read_block (int fd, uint8_t *block, size_t len, uint64_t at, struct error *err)
{
  ssize_t n = read_patiently (fd, block, SAMPLE_BLOCK, at);

  if (n == -1)
    return error_set (err, errno, "sample: read at offset %llu", (unsigned long long) at);
  if ((size_t) n < len)
    return read_all (fd, block + n, len - (size_t) n, at + (uint64_t) n, "sample", err);
  return 0;
}

int
source_sample (int fd, uint64_t size, uint64_t *sample, struct error *err)
{
  uint64_t n = size / SAMPLE_BLOCK + (size % SAMPLE_BLOCK != 0);
  uint64_t k = n < SAMPLE_BLOCKS ? n : SAMPLE_BLOCKS;
  _Alignas(SOURCE_DIRECT_BLOCK) uint8_t blocks[SAMPLE_BLOCKS * SAMPLE_BLOCK];
  size_t used = 0;

  if (size > SOURCE_MAX_SIZE)
    return error_set (err, EFBIG, "a source of %llu bytes", (unsigned long long) size);
  /* What has to be fetched takes its time once, and not once for each block. */
  for (uint64_t i = 0; i < k; ++i)
    posix_fadvise (fd, (off_t) sample_at (i, k, n), SAMPLE_BLOCK, POSIX_FADV_WILLNEED);
  for (uint64_t i = 0; i < k; ++i) {
    uint64_t at = sample_at (i, k, n);
    size_t len = size - at < SAMPLE_BLOCK ? (size_t) (size - at) : SAMPLE_BLOCK;

    if (read_block (fd, blocks + used, len, at, err) == -1)
      return -1;
    used += len;
  }
  *sample = XXH3_64bits_withSeed (blocks, used, size);
  return 0;
}

/* Is `fd` a kind of file that can be a source, and how long is it? */
static int
source_examine (int fd, uint64_t *size, struct error *err)
{
  struct stat st;
  off_t end;

  if (fstat (fd, &st) == -1)
    return error_set (err, errno, "fstat");
  if (!S_ISREG (st.st_mode) && !S_ISBLK (st.st_mode))
    return error_set (err, 0, "neither a regular file nor a block device");
  end = lseek (fd, 0, SEEK_END);
  if (end == -1)
    return error_set (err, errno, "lseek");
  *size = (uint64_t) end;
  return 0;
}

static int
verify_size (const struct source *src, const struct recipe_source *id, struct error *err)
{
  uint64_t size = 0;

  if (source_examine (src->fd, &size, err) == -1)
    return -1;
  if (size != id->size)
    return error_set (err, 0, "is %llu bytes long and not %llu",
                      (unsigned long long) size, (unsigned long long) id->size);
  return 0;
}

int
source_verify (const struct source *src, const struct recipe_source *id,
               struct error *err)
{
  uint64_t sample = 0;

  if (verify_size (src, id, err) == -1)
    return -1;
  if (id->has_xxh64)
    return 0;
  if (source_sample (src->fd, id->size, &sample, err) == -1)
    return -1;
  if (sample != id->sample)
    return error_set (err, 0, "has the right size but other content");
  return 0;
}

/* Of the right size, with a sample that cannot be read (a bad sector is EIO, and ENODATA where
 * it is read directly).
 */
static int
verify_damaged (const struct source *src, const struct recipe_source *id,
                struct error *err)
{
  uint64_t ignored;

  if (verify_size (src, id, err) == -1)
    return -1;
  if (source_sample (src->fd, id->size, &ignored, err) == -1 &&
      (err->errnum == EIO || err->errnum == ENODATA))
    return 0;
  return error_set (err, 0, "has a sample");
}

int64_t
source_ctime (const struct source *src)
{
  struct file_id id;

  return file_id_now (src->fd, &id) == -1 ? -1 : id.ctime_ns;
}

int
source_seal (const struct source *src)
{
  struct stat st;

  if (fstat (src->fd, &st) == -1)
    return -1;
  return S_ISBLK (st.st_mode) ? 0 : sync_what_is_read (src->fd);
}

/* Open `path` beneath the directory `dir`. */
static int
open_beneath (int dir, const char *path)
{
  struct open_how how = {
    .flags = OPEN_UNKNOWN,
    .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
  };
  long fd;

  /* EAGAIN: a rename elsewhere raced with the look-up of a "..". */
  for (int tries = 0; tries < 8; ++tries) {
    fd = syscall (SYS_openat2, dir, path, &how, sizeof how);
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
      break;
  }
  return (int) fd;
}

/*
 * A descriptor for what `place` has under `path`, and its full name.  A place that
 * is no directory is the source itself.
 */
static int
open_at_place (const char *place, const char *path, char **name, struct error *err)
{
  CLEANUP_CLOSE int at = -1;
  CLEANUP_CLOSE int fd = -1;
  struct stat st;

  at = open (place, O_PATH | O_CLOEXEC);
  if (at == -1 || fstat (at, &st) == -1)
    return error_set (err, errno, "%s", place);
  if (S_ISDIR (st.st_mode)) {
    if (asprintf (name, "%s/%s", place, path) == -1)
      return error_set (err, errno = ENOMEM, "%s", place);
    if (!recipe_path_is_safe (path))
      return error_set (err, 0, "%s: not a path that a recipe may name", *name);
    fd = open_beneath (at, path);
    if (fd == -1)
      return error_set (err, errno, "%s%s", *name,
                        errno == EXDEV ? " (leads out of its directory)" : "");
  }
  else {
    *name = strdup (place);
    if (!*name)
      return error_set (err, errno, "%s", place);
    fd = open (place, OPEN_UNKNOWN);
    if (fd == -1)
      return error_set (err, errno, "%s", place);
  }
  return take_fd (&fd);
}

/* O_DIRECT, if the file system takes it and blocks of that size; one is tried. */
static int
set_direct (struct source *src, struct error *err)
{
  _Alignas(SOURCE_DIRECT_BLOCK) uint8_t block[SOURCE_DIRECT_BLOCK];

  if (fcntl (src->fd, F_SETFL, O_DIRECT) == -1 ||
      pread (src->fd, block, sizeof block, 0) == -1)
    return error_set (err, errno, "%s: reading past the page cache", src->path);
  src->align = SOURCE_DIRECT_BLOCK;
  return 0;
}

/* From verifying to reading. */
static int
set_for_reading (struct source *src, bool direct, struct error *err)
{
  atomic_init (&src->is_shared, is_shared_fd (src->fd));
  atomic_init (&src->is_memory, is_memory_fd (src->fd));
  if (direct)
    return set_direct (src, err);
  /* io_uring takes O_NONBLOCK at its word: reads would fail with EAGAIN. */
  if (fcntl (src->fd, F_SETFL, 0) == -1)
    return error_set (err, errno, "%s: fcntl", src->path);
  src->advice = advice_most (src->fd);
  return 0;
}

/* What is looked for. */
struct wanted {
  const struct recipe_source *id;
  bool direct;
  const struct file_id *but; /* not this one; NULL: any */
  int (*verify) (const struct source *src, const struct recipe_source *id,
                 struct error *err);
};

/* Anything but the file that it is not to be? */
static int
check_other (const struct wanted *wanted, const struct source *src, struct error *err)
{
  return wanted->but && file_id_is_open (wanted->but, src->fd)
           ? error_set (err, 0, "%s: is of no use", src->path)
           : 0;
}

static int
try_place (const struct wanted *wanted, const char *place, struct source *out,
           struct error *err)
{
  const struct recipe_source *id = wanted->id;
  struct source src = SOURCE_INIT;
  char *path = NULL;

  src.fd = open_at_place (place, id->path, &path, err);
  src.path = path;
  if (src.fd == -1 || check_other (wanted, &src, err) == -1)
    goto failed;
  src.size = id->size;
  /* Before the content is looked at: a change after that shows. */
  src.ctime = source_ctime (&src);
  if (src.ctime == -1) {
    error_set (err, errno, "%s", src.path);
    goto failed;
  }
  if (wanted->verify (&src, id, err) == -1) {
    error_context (err, "%s", src.path);
    goto failed;
  }
  if (set_for_reading (&src, wanted->direct, err) == -1)
    goto failed;
  out->fd = src.fd;
  atomic_init (&out->path, src.path);
  out->size = src.size;
  out->align = src.align;
  out->advice = src.advice;
  atomic_init (&out->is_shared, atomic_load (&src.is_shared));
  out->pulse = NULL;
  atomic_init (&out->ctime, src.ctime);
  atomic_init (&out->sealed, SOURCE_NO_CTIME);
  atomic_init (&out->is_memory, atomic_load (&src.is_memory));
  return 0;

failed:
  source_close (&src);
  return -1;
}

/* What was wrong at each place. */
struct reasons {
  char text[sizeof ((struct error *) 0)->text];
  size_t used;
  int errnum; /* of the first */
};

static void
add_reason (struct reasons *r, const struct error *reason)
{
  bool is_first = r->used == 0;

  if (is_first)
    r->errnum = reason->errnum;
  if (r->used < sizeof r->text)
    r->used += (size_t) snprintf (r->text + r->used, sizeof r->text - r->used, "%s%s",
                                  is_first ? "" : "; ", reason->text);
}

/* The same as try_place, but at one that does not answer nobody waits. */
static int
ask_place (const struct wanted *wanted, const char *place, struct source *out,
           struct error *err)
{
  struct pulse *pulse = place_pulse (place);
  unsigned life;
  int r;

  if (!pulse)
    return error_set (err, ENOMEM, "%s", place);
  if (!pulse_begin (pulse, &life))
    return pulse_error (place, err);
  r = try_place (wanted, place, out, err);
  pulse_end (pulse, life);
  return r;
}

static bool
is_silent (const char *place)
{
  struct pulse *pulse = place_pulse (place);

  return pulse && pulse_is_silent (pulse);
}

/* A place that does not answer is asked last: the source may be elsewhere. */
static int
ask_places (const struct wanted *wanted, const char *const *places, size_t n_places,
            struct source *out, struct error *err)
{
  CLEANUP_FREE bool *asked = calloc (n_places + 1, sizeof *asked);
  struct reasons reasons = { .text = "no place to look for it was given",
                             .errnum = ENOENT };
  struct error reason = ERROR_INIT;

  if (!asked)
    return error_set (err, ENOMEM, "source %s", wanted->id->path);
  for (int pass = 0; pass < 2; pass++)
    for (size_t i = 0; i < n_places; ++i) {
      if (asked[i] || (pass == 0 && is_silent (places[i])))
        continue;
      asked[i] = true;
      if (ask_place (wanted, places[i], out, &reason) == 0)
        return 0;
      add_reason (&reasons, &reason);
    }
  error_set (err, 0, "source %s was not found: %s", wanted->id->path, reasons.text);
  err->errnum = reasons.errnum;
  return -1;
}

int
source_open (const struct recipe_source *id, const char *const *places, size_t n_places,
             bool direct, struct source *out, struct error *err)
{
  return source_open_other (id, places, n_places, direct, NULL, out, err);
}

int
source_open_other (const struct recipe_source *id, const char *const *places,
                   size_t n_places, bool direct, const struct file_id *but,
                   struct source *out, struct error *err)
{
  const struct wanted wanted = { id, direct, but, source_verify };

  return ask_places (&wanted, places, n_places, out, err);
}

int
source_open_damaged (const struct recipe_source *id, const char *const *places,
                     size_t n_places, bool direct, const struct file_id *but,
                     struct source *out, struct error *err)
{
  const struct wanted wanted = { id, direct, but, verify_damaged };

  return ask_places (&wanted, places, n_places, out, err);
}

void
source_close (struct source *src)
{
  if (src->fd >= 0)
    close (src->fd);
  free (src->path);
  src->fd = -1;
  src->path = NULL;
}
