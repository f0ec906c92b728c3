/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The files of an image, by libudfread: see image_files.h.
 *
 * Images are not trusted.  The library checks lengths but follows what it finds: a chain
 * of descriptors that leads back to itself would never end, a directory may hold
 * itself.  All such ways lead through our read function, which stops answering after
 * MAX_READS blocks; depth, entries, and the time spent on look-ups have bounds of
 * their own.  One way does not need any answer: up to the end of the file set, which may
 * be the end of all numbers, so a volume that says so is not handed out.
 *
 * The library writes what it finds wrong to stderr and cannot be told not to; `stderr`
 * is another stream (as glibc allows) while it runs.
 *
 * It gives the place of one block of a file at a time, at a cost that grows with the
 * file's fragments.  So an extent is followed block by block at first only, then measured
 * in strides: a file that leaves its line behind that and returns to it within a stride
 * would be seen as whole.  Small extents in any order do return, by chance; what has long
 * ones was written in order.  And nothing found by it is believed anyway.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <udfread/blockinput.h>
#include <udfread/udfread.h>

#include "bytes.h"
#include "cleanup.h"
#include "image_files.h"
#include "whole_io.h"

#define BLOCK UINT64_C (2048)

/* Discs have 3 levels. */
#define MAX_DEPTH 8

/* Blocks of directories and descriptors: one for each file, and some more.  fuzz-udf has
 * fewer: a chain of descriptors costs it the square of them.
 */
#ifndef MAX_READS
#define MAX_READS (2 * IMAGE_FILES_MAX)
#endif

/* Blocks that are looked at one by one, of each extent, and … */
#define WALK 64

/* … blocks that are taken to lie together if their ends do: a mebibyte. */
#define STRIDE 512

/* A look-up goes through the fragments of a file, of which there are at most so many in
 * one block read for it; … */
#define FRAGMENTS_PER_BLOCK 256

/* … so many of them are gone through for one image, which takes about a second. */
#define MAX_STEPS (UINT64_C (1) << 30)

/* The image as the library reads it. */
struct input {
  struct udfread_block_input functions; /* first: the library has only this address */
  int fd;
  uint32_t n_blocks; /* whole ones */
  uint32_t reads;    /* blocks so far */
};

struct listing {
  struct input input;
  uint32_t entries; /* of directories, so far */
  size_t n_extents;
  uint64_t steps;
  struct image_files *files;
  struct error *err;
};

/* ---- what the library is given ---- */

/* A logical volume descriptor (ECMA-167 3/10.6) whose file set is outside of the image? */
static bool
is_astray (const struct input *in, const uint8_t *block)
{
  static const char domain[] = "*OSTA UDF Compliant";
  uint32_t len = get_le32 (block + 248) & 0x3FFFFFFF, at = get_le32 (block + 252);

  return memcmp (block + 217, domain, sizeof domain - 1) == 0 &&
         (len == 0 || at >= in->n_blocks || (len - 1) / BLOCK >= in->n_blocks - at);
}

static int
read_blocks (struct udfread_block_input *functions, uint32_t block, void *buf, uint32_t n,
             int flags)
{
  struct input *in = (struct input *) functions;
  struct error ignored;
  int r;

  (void) flags;
  if (n > MAX_READS - in->reads || block >= in->n_blocks || n > in->n_blocks - block)
    return -1;
  in->reads += n;
  r = read_all (in->fd, buf, n * BLOCK, block * BLOCK, "", &ignored);
  return r == -1 || is_astray (in, buf) ? -1 : (int) n;
}

static uint32_t
count_blocks (struct udfread_block_input *functions)
{
  return ((struct input *) functions)->n_blocks;
}

static void
cleanup_udfread (udfread **udf)
{
  udfread_close (*udf);
}

static void
cleanup_dir (UDFDIR **dir)
{
  udfread_closedir (*dir);
}

static void
cleanup_udffile (UDFFILE **file)
{
  udfread_file_close (*file);
}

/* stderr as it was; NULL if it was left alone. */
static FILE *
mute_stderr (void)
{
  FILE *null = fopen ("/dev/null", "we"), *was = stderr;

  if (!null)
    return NULL;
  setvbuf (null, NULL, _IOFBF, BUFSIZ);
  stderr = null;
  return was;
}

static void
unmute_stderr (FILE *was)
{
  if (!was)
    return;
  fclose (stderr);
  stderr = was;
}

/* ---- one file ---- */

/* A file being measured. */
struct measured {
  UDFFILE *udf;
  uint64_t n_blocks;
  uint64_t cost; /* steps of a look-up, at most */
};

/* The image's block that holds block `i` of the file; 0: none, or no more look-ups. */
static uint32_t
look_up (struct listing *l, const struct measured *m, uint64_t i)
{
  if (l->steps > MAX_STEPS - m->cost)
    return 0;
  l->steps += m->cost;
  return udfread_file_lba (m->udf, (uint32_t) i);
}

/* Do the file's block `i`, which is `block` of the image, and the n - 1 behind it lie
 * together?  Their ends do.
 */
static bool
in_line (struct listing *l, const struct measured *m, uint64_t i, uint32_t block,
         uint64_t n)
{
  return look_up (l, m, i + n - 1) == block + n - 1;
}

/* How many blocks from `i` on follow each other in the image, the first being `block`. */
static uint64_t
measure_run (struct listing *l, const struct measured *m, uint64_t i, uint32_t block)
{
  uint64_t left = m->n_blocks - i, good = 1, bad;

  if (left > l->input.n_blocks - block)
    left = l->input.n_blocks - block;
  while (good < left && good < WALK && in_line (l, m, i, block, good + 1))
    good++;
  if (good < WALK)
    return good;
  while (left - good >= STRIDE && in_line (l, m, i, block, good + STRIDE))
    good += STRIDE;
  /* The run ends behind `good` blocks or later, and before `bad`. */
  bad = (left - good < STRIDE ? left : good + STRIDE - 1) + 1;
  while (bad - good > 1) {
    uint64_t middle = good + (bad - good) / 2;

    if (in_line (l, m, i, block, middle))
      good = middle;
    else
      bad = middle;
  }
  return good;
}

static int
add_extent (struct listing *l, struct image_file *f, struct image_extent extent)
{
  struct image_extent *last = f->n_extents ? &f->extents[f->n_extents - 1] : NULL;
  struct image_extent *extents;

  if (last && last->offset + last->len == extent.offset) {
    last->len += extent.len;
    return 0;
  }
  extents = reallocarray (f->extents, f->n_extents + 1, sizeof *extents);
  if (!extents)
    return error_set (l->err, errno, "%s", f->path);
  f->extents = extents;
  extents[f->n_extents++] = extent;
  l->n_extents++;
  return 0;
}

static int
find_extents (struct listing *l, struct image_file *f, const struct measured *m)
{
  uint64_t i = 0, left = f->size;

  while (i < m->n_blocks && l->n_extents < IMAGE_EXTENTS_MAX) {
    uint32_t block = look_up (l, m, i);
    uint64_t run, len;

    if (block == 0 || block >= l->input.n_blocks)
      break;
    run = measure_run (l, m, i, block);
    len = run * BLOCK < left ? run * BLOCK : left;
    if (add_extent (l, f, (struct image_extent){ block * BLOCK, len }) == -1)
      return -1;
    i += run;
    left -= len;
  }
  return 0;
}

/* A new file of the list, with nothing but its name. */
static struct image_file *
add_file (struct listing *l, const char *folder, const char *name)
{
  struct image_files *all = l->files;
  struct image_file *files, *f;

  files = reallocarray (all->files, all->n_files + 1, sizeof *files);
  if (!files)
    return NULL;
  all->files = files;
  f = &files[all->n_files];
  *f = (struct image_file){ NULL, 0, NULL, 0 };
  if (asprintf (&f->path, "%s%s", folder, name) == -1)
    return NULL;
  all->n_files++;
  return f;
}

static int
list_file (struct listing *l, UDFDIR *dir, const char *folder, const char *name)
{
  uint32_t reads = l->input.reads;
  __attribute__ ((cleanup (cleanup_udffile))) UDFFILE *udf =
    udfread_file_openat (dir, name);
  int64_t size = udf ? udfread_file_size (udf) : -1;
  struct measured m = { .udf = udf };
  struct image_file *f;

  if (size < 0)
    return 0;
  f = add_file (l, folder, name);
  if (!f)
    return error_set (l->err, ENOMEM, "%s%s", folder, name);
  f->size = (uint64_t) size;
  m.n_blocks = f->size / BLOCK + (f->size % BLOCK != 0);
  if (m.n_blocks > l->input.n_blocks)
    m.n_blocks = l->input.n_blocks;
  m.cost = (UINT64_C (1) + l->input.reads - reads) * FRAGMENTS_PER_BLOCK;
  return find_extents (l, f, &m);
}

/* ---- the tree ---- */

static int list_directory (struct listing *l, UDFDIR *dir, const char *folder,
                           unsigned depth);

static int
list_folder (struct listing *l, UDFDIR *dir, const char *folder, const char *name,
             unsigned depth)
{
  __attribute__ ((cleanup (cleanup_dir))) UDFDIR *inner = NULL;
  CLEANUP_FREE char *path = NULL;

  if (depth == MAX_DEPTH)
    return 0;
  inner = udfread_opendir_at (dir, name);
  if (!inner)
    return 0;
  if (asprintf (&path, "%s%s/", folder, name) == -1) {
    path = NULL;
    return error_set (l->err, ENOMEM, "%s%s", folder, name);
  }
  return list_directory (l, inner, path, depth + 1);
}

static int
list_directory (struct listing *l, UDFDIR *dir, const char *folder, unsigned depth)
{
  struct udfread_dirent e;
  int r = 0;

  while (r == 0 && l->entries < IMAGE_FILES_MAX && udfread_readdir (dir, &e)) {
    l->entries++;
    if (e.d_type == UDF_DT_REG)
      r = list_file (l, dir, folder, e.d_name);
    else if (e.d_type == UDF_DT_DIR && strcmp (e.d_name, "..") != 0)
      r = list_folder (l, dir, folder, e.d_name, depth);
  }
  return r;
}

static int
list_image (struct listing *l)
{
  __attribute__ ((cleanup (cleanup_udfread))) udfread *udf = udfread_init ();
  __attribute__ ((cleanup (cleanup_dir))) UDFDIR *root = NULL;

  if (!udf)
    return error_set (l->err, ENOMEM, "reading a file system");
  if (udfread_open_input (udf, &l->input.functions) < 0)
    return 0;
  root = udfread_opendir (udf, "/");
  return root ? list_directory (l, root, "", 0) : 0;
}

int
image_files_read (struct image_files *files, int fd, uint64_t size, struct error *err)
{
  uint64_t n_blocks = size / BLOCK;
  struct listing l = {
    .input = { .functions = { .read = read_blocks, .size = count_blocks },
               .fd = fd,
               .n_blocks = n_blocks < INT32_MAX ? (uint32_t) n_blocks : INT32_MAX },
    .files = files,
    .err = err
  };
  FILE *was = mute_stderr ();
  int r;

  *files = (struct image_files){ NULL, 0 };
  r = list_image (&l);
  unmute_stderr (was);
  if (r == -1)
    image_files_free (files);
  return r;
}

void
image_files_free (struct image_files *files)
{
  for (size_t i = 0; i < files->n_files; i++) {
    free (files->files[i].path);
    free (files->files[i].extents);
  }
  free (files->files);
  *files = (struct image_files){ NULL, 0 };
}
