/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lib/library.c, titles.c, disk.c over small real recipes: what snapshots hold, share and
 * keep, and that nobody ever gets bytes of two recipes.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

#include "block-recipe.h"
#include "buffer.h"
#include "errands.h"
#include "fs.h"
#include "library.h"
#include "place_pulse.h"
#include "rng.h"
#include "scratch.h"

#define BLOCK 4096u
#define DISC_SIZE ((size_t) 3 << 20)

static const struct library_look look = { 7, 8, 0444, 0555 };

/* ---- Recipes */

/* The bytes of version `n` of an image: blocks of the disc, others, and zeros. */
static void
fill_content (uint8_t *data, size_t size, uint64_t n)
{
  uint64_t disc = 1, seed = n;

  rng_fill (&disc, data, size);
  for (size_t at = 0; at < size; at += BLOCK) {
    size_t len = size - at < BLOCK ? size - at : BLOCK;
    uint64_t kind = rng_below (&seed, 4);

    if (kind == 0)
      rng_fill (&seed, data + at, len);
    else if (kind == 1)
      memset (data + at, 0, len);
  }
}

static uint8_t *
content (size_t size, uint64_t n)
{
  uint8_t *data = malloc (size + 1);

  assert_non_null (data);
  fill_content (data, size, n);
  return data;
}

static void
put_disc (void)
{
  CLEANUP_FREE uint8_t *data = malloc (DISC_SIZE);
  uint64_t seed = 1;

  assert_non_null (data);
  rng_fill (&seed, data, DISC_SIZE);
  put_file ("discs/disc.iso", data, DISC_SIZE);
}

/* The recipe of version `n` of an image; `mtime` NULL: none is recorded. */
static void
put_recipe_of (const char *path, size_t size, uint64_t n, char *mtime)
{
  static char key[] = "mtime";
  CLEANUP_FREE uint8_t *data = content (size, n);
  struct block_recipe b = { .image = "image",
                            .source = "discs/disc.iso",
                            .name = "disc.iso" };
  struct error err = ERROR_INIT;

  if (mtime)
    b.note = (struct recipe_note){ key, mtime };
  put_file ("image", data, size);
  put_folders (path);
  if (block_recipe_write (&b, path, &err) == -1)
    fail_msg ("%s", err.text);
}

static void
put_recipe (const char *path, size_t size, uint64_t n)
{
  put_recipe_of (path, size, n, NULL);
}

/* ---- A library of the folder "lib" */

struct world {
  struct segment_cache *cache;
  struct titles *titles;
  struct library *library;
  struct buffer problems; /* as lines */
};

static void
on_folder (void *opaque, const char *path)
{
  (void) opaque, (void) path;
}

static void
on_problem (void *opaque, const char *text)
{
  struct world *w = opaque;

  buffer_append (&w->problems, text, strlen (text));
  buffer_u8 (&w->problems, '\n');
}

static void
world_open (struct world *w, enum disk_kind kind)
{
  static const char *const paths[] = { "lib" }, *const places[] = { "discs" };
  struct titles_config config = { .places = places, .n_places = 1 };
  struct library_options options = { .paths = paths,
                                     .n_paths = 1,
                                     .look = look,
                                     .disk = "disk",
                                     .disk_kind = kind,
                                     .folder = on_folder,
                                     .problem = on_problem,
                                     .opaque = w };

  *w = (struct world){ .cache = segment_cache_new ((size_t) 16 << 20) };
  config.cache = w->cache;
  w->titles = titles_new (&config);
  options.titles = w->titles;
  w->library = library_new (&options);
  assert_true (w->cache && w->titles && w->library);
}

static void
world_close (struct world *w)
{
  library_free (w->library);
  titles_free (w->titles);
  segment_cache_free (w->cache);
  free (w->problems.data);
}

static struct snapshot *
reload (struct world *w)
{
  struct error err = ERROR_INIT;

  w->problems.len = 0;
  if (library_reload (w->library, &err) == -1)
    fail_msg ("%s", err.text);
  return library_snapshot (w->library);
}

static const char *
problems (struct world *w)
{
  buffer_u8 (&w->problems, '\0');
  w->problems.len--;
  return (const char *) w->problems.data;
}

static struct title *
find (const struct snapshot *s, const char *name)
{
  struct title *title = snapshot_find (s, name);

  if (!title)
    fail_msg ("no \"%s\"", name);
  return title;
}

static void
expect_bytes (struct image *image, size_t size, uint64_t n)
{
  CLEANUP_FREE uint8_t *want = content (size, n), *got = malloc (size + 1);
  struct error err = ERROR_INIT;

  assert_int_equal (image_size (image), size);
  if (image_read (image, got, size, 0, &err) == -1)
    fail_msg ("%s", err.text);
  assert_memory_equal (got, want, size);
}

static void
expect_content (struct title *title, size_t size, uint64_t n)
{
  struct error err = ERROR_INIT;
  struct image *image = title_open (title, &err);

  if (!image)
    fail_msg ("%s", err.text);
  expect_bytes (image, size, n);
  title_close (title);
}

static void
expect_unreadable (struct title *title, const char *why)
{
  struct error err = ERROR_INIT;

  assert_null (title_open (title, &err));
  if (!strstr (err.text, why) || !strstr (err.text, title->recipe))
    fail_msg ("\"%s\" does not say \"%s\"", err.text, why);
}

/* ---- What snapshots hold */

static void
test_find (void **state)
{
  static const char *const names[] = { "A/x.mkv", "A/y.mkv", "A.mkv", "B b.mkv",
                                       "z.mkv" };
  struct snapshot *s, *empty;
  struct world w;

  (void) state;
  for (size_t i = 0; i < 5; i++) {
    char path[64];

    snprintf (path, sizeof path, "lib/%.*s.mkvdup", (int) strlen (names[i]) - 4,
              names[i]);
    put_recipe (path, 10000 + i, i);
  }
  world_open (&w, DISK_EROFS);
  empty = library_snapshot (w.library);
  assert_int_equal (empty->n, 0);
  assert_null (snapshot_find (empty, "A.mkv"));
  s = reload (&w);
  assert_int_equal (s->n, 5);
  for (uint32_t i = 0; i < s->n; i++) {
    assert_string_equal (s->titles[i]->name, names[i]);
    assert_ptr_equal (find (s, names[i]), s->titles[i]);
    assert_int_equal (s->titles[i]->size, 10000 + i);
    expect_content (s->titles[i], 10000 + i, i);
  }
  assert_null (snapshot_find (s, "A"));
  assert_null (snapshot_find (s, ""));
  assert_null (snapshot_find (s, "zz"));
  assert_memory_equal (&s->look, &look, sizeof look);
  snapshot_unref (s);
  snapshot_unref (empty);
  world_close (&w);
}

/* Of two that cannot be both, the first is there; both are named. */
static void
test_clashes (void **state)
{
  static const char yaml[] = "virtual_files:\n"
                             "- {name: same, dedup_file: 1, source_dir: s}\n"
                             "- {name: same, dedup_file: 2, source_dir: s}\n"
                             "- {name: folder/x, dedup_file: 3, source_dir: s}\n"
                             "- {name: folder, dedup_file: 4, source_dir: s}\n"
                             "- {name: folder/y, dedup_file: 5, source_dir: s}\n"
                             "- {name: disk, dedup_file: 6, source_dir: s}\n"
                             "- {name: disk/x, dedup_file: 7, source_dir: s}\n"
                             "- {name: gone, dedup_file: 8, source_dir: s}\n"
                             "- {name: gone/x, dedup_file: 9, source_dir: s}\n"
                             "- {name: none, dedup_file: l.yaml, source_dir: s}\n";
  struct snapshot *s;
  struct world w;

  (void) state;
  put_text ("lib/l.yaml", yaml);
  for (int i = 1; i < 10; i++) {
    char path[32];

    snprintf (path, sizeof path, "lib/%d", i);
    if (i != 8)
      put_recipe (path, 100, (uint64_t) i);
  }
  world_open (&w, DISK_EROFS);
  s = reload (&w);
  assert_string_equal (
    problems (&w),
    "lib/6: \"disk\" is the name of the disk (disk=NAME gives it another)\n"
    "lib/3: \"folder/x\" would be in a folder that is a file: \"folder\", lib/4\n"
    "lib/5: \"folder/y\" would be in a folder that is a file: \"folder\", lib/4\n"
    "lib/8: No such file or directory\n"
    "lib/l.yaml: not an mkvdup recipe\n"
    "lib/2: \"same\" is already the name of \"same\", lib/1\n");
  assert_int_equal (s->n, 4);
  expect_content (find (s, "same"), 100, 1);
  expect_content (find (s, "folder"), 100, 4);
  expect_content (find (s, "disk/x"), 100, 7);
  expect_content (find (s, "gone/x"), 100, 9);
  snapshot_unref (s);
  world_close (&w);
}

static void
test_problems_once (void **state)
{
  static const char bad[] = "lib/X.mkvdup.yaml:1: a title without \"dedup_file\"\n";
  struct world w;

  (void) state;
  put_recipe ("lib/A.mkvdup", 100, 1);
  put_text ("lib/X.mkvdup.yaml", "name: x\nincludes: []\n");
  world_open (&w, DISK_EROFS);
  snapshot_unref (reload (&w));
  assert_string_equal (problems (&w), bad);
  snapshot_unref (reload (&w));
  assert_string_equal (problems (&w), "");
  /* Another title, another problem: only that is new. */
  put_recipe ("lib/B.mkvdup", 100, 1);
  put_text ("lib/C.mkvdup", "");
  snapshot_unref (reload (&w));
  assert_non_null (strstr (problems (&w), "lib/C.mkvdup: "));
  assert_null (strstr (problems (&w), "lib/X"));
  /* Mended and broken again. */
  put_text ("lib/X.mkvdup.yaml", "includes: []\n");
  snapshot_unref (reload (&w));
  assert_string_equal (problems (&w), "");
  put_text ("lib/X.mkvdup.yaml", "name: x\nincludes: []\n");
  snapshot_unref (reload (&w));
  assert_string_equal (problems (&w), bad);
  world_close (&w);
}

/* What YAML says of folders that are not there is not remembered from reload to reload. */
static void
test_missing_folders (void **state)
{
  CLEANUP_FREE char *yaml = NULL;
  size_t before = place_pulses ();
  struct world w;

  (void) state;
  put_recipe ("lib/A.mkvdup", 100, 1);
  world_open (&w, DISK_EROFS);
  for (int i = 0; i < 2; i++) {
    free (yaml);
    assert_true (asprintf (&yaml,
                           "name: x\ndedup_file: gone-%d/x\nsource_dir: gone\n"
                           "virtual_files:\n"
                           "- {name: y, dedup_file: away-%d/y, source_dir: gone}\n",
                           i, i) > 0);
    put_text ("lib/l.yaml", yaml);
    snapshot_unref (reload (&w));
  }
  assert_int_equal (place_pulses (), before);
  world_close (&w);
}

/* One that was added and cannot be read: nothing tells when it can be, so it is looked for again,
 * though all titles are as they were.
 */
static void
test_lacks (void **state)
{
  struct snapshot *s;
  struct world w;

  (void) state;
  put_recipe ("lib/A.mkvdup", 100, 1);
  world_open (&w, DISK_EROFS);
  snapshot_unref (reload (&w));
  assert_false (library_lacks_titles (w.library));
  assert_int_equal (symlink ("../elsewhere", "lib/B.mkvdup"), 0);
  snapshot_unref (reload (&w));
  assert_true (library_lacks_titles (w.library));
  put_recipe ("elsewhere", 100, 2);
  s = reload (&w);
  assert_false (library_lacks_titles (w.library));
  expect_content (find (s, "B.mkv"), 100, 2);
  snapshot_unref (s);
  world_close (&w);
}

/* ---- Changes */

static void
test_shared (void **state)
{
  struct snapshot *first, *same, *more, *renamed, *again;
  struct error err = ERROR_INIT;
  struct disk *disk;
  struct title *a;
  struct world w;

  (void) state;
  put_recipe ("lib/A.mkvdup", 100, 1);
  world_open (&w, DISK_EROFS);
  first = reload (&w);
  a = find (first, "A.mkv");
  disk = snapshot_disk (first, &err);
  assert_non_null (disk);
  /* Nothing new: the same, with its disk. */
  same = reload (&w);
  assert_ptr_equal (same, first);
  assert_ptr_equal (snapshot_disk (same, &err), disk);
  put_recipe ("lib/B.mkvdup", 100, 2);
  more = reload (&w);
  assert_ptr_not_equal (more, first);
  assert_ptr_equal (find (more, "A.mkv"), a);
  assert_ptr_not_equal (snapshot_disk (more, &err), disk);
  assert_null (snapshot_find (first, "B.mkv"));
  assert_int_equal (first->n, 1);
  /* The same file under another name, or with other permissions, is another title. */
  put_text ("lib/A.mkvdup.yaml",
            "name: A.mkv\ndedup_file: A.mkvdup\nsource_dir: ../discs\nuid: 1\n");
  renamed = reload (&w);
  assert_ptr_not_equal (find (renamed, "A.mkv"), a);
  assert_int_equal (find (renamed, "A.mkv")->stat.uid, 1);
  assert_ptr_equal (find (renamed, "B.mkv"), find (more, "B.mkv"));
  put_text ("lib/A.mkvdup.yaml",
            "name: A.mkv\ndedup_file: A.mkvdup\nsource_dir: ../discs\nuid: 2\n");
  again = reload (&w);
  assert_int_equal (find (again, "A.mkv")->stat.uid, 2);
  snapshot_unref (first);
  snapshot_unref (same);
  snapshot_unref (more);
  snapshot_unref (renamed);
  snapshot_unref (again);
  world_close (&w);
}

/* A recipe that is replaced: who has the old title has the old bytes, or an error. */
static void
test_replaced (void **state)
{
  struct snapshot *before, *after;
  struct error err = ERROR_INIT;
  struct image *open_image;
  struct world w;

  (void) state;
  put_recipe ("lib/kept.mkvdup", 9000, 1);
  put_recipe ("lib/open.mkvdup", 9000, 2);
  put_recipe ("lib/other.mkvdup", 9000, 3);
  put_recipe ("lib/removed.mkvdup", 9000, 4);
  world_open (&w, DISK_EROFS);
  before = reload (&w);
  assert_int_equal (title_keep (find (before, "kept.mkv"), &err), 0);
  open_image = title_open (find (before, "open.mkv"), &err);
  assert_non_null (open_image);
  put_recipe ("lib/kept.mkvdup", 9000, 11);
  put_recipe ("lib/open.mkvdup", 9000, 12);
  put_recipe ("lib/other.mkvdup", 9000, 13);
  unlink ("lib/removed.mkvdup");
  after = reload (&w);
  assert_ptr_not_equal (find (after, "kept.mkv"), find (before, "kept.mkv"));
  expect_content (find (before, "kept.mkv"), 9000, 1);
  expect_content (find (after, "kept.mkv"), 9000, 11);
  expect_bytes (open_image, 9000, 2);
  title_close (find (before, "open.mkv"));
  expect_content (find (before, "open.mkv"), 9000, 2);
  expect_content (find (after, "open.mkv"), 9000, 12);
  expect_unreadable (find (before, "other.mkv"), "was replaced");
  assert_int_equal (title_keep (find (before, "other.mkv"), &err), -1);
  expect_content (find (after, "other.mkv"), 9000, 13);
  expect_unreadable (find (before, "removed.mkv"), "No such file");
  assert_null (snapshot_find (after, "removed.mkv"));
  snapshot_unref (before);
  snapshot_unref (after);
  world_close (&w);
}

/* The file that is kept has another's bytes, and the time that it had. */
static void
test_kept_written_over (void **state)
{
  struct timespec times[2];
  struct error err = ERROR_INIT;
  struct snapshot *s;
  struct stat kept, other;
  uint8_t bytes[65536];
  struct world w;
  int fd;

  (void) state;
  put_recipe ("lib/kept.mkvdup", 9000, 1);
  assert_int_equal (stat ("lib/kept.mkvdup", &kept), 0);
  /* Another of the same length. */
  for (uint64_t n = 2; n < 1000; n++) {
    CLEANUP_FREE uint8_t *first = content (9000, 1), *nth = content (9000, n);

    put_recipe ("other", 9000, n);
    assert_int_equal (stat ("other", &other), 0);
    if (other.st_size == kept.st_size && memcmp (first, nth, 9000) != 0)
      break;
  }
  world_open (&w, DISK_EROFS);
  s = reload (&w);
  assert_int_equal (title_keep (find (s, "kept.mkv"), &err), 0);
  fd = open ("other", O_RDONLY);
  assert_int_equal (kept.st_size, other.st_size);
  assert_int_equal (read (fd, bytes, sizeof bytes), other.st_size);
  close (fd);
  fd = open ("lib/kept.mkvdup", O_WRONLY);
  assert_int_equal (write (fd, bytes, (size_t) other.st_size), other.st_size);
  times[0] = kept.st_atim;
  times[1] = kept.st_mtim;
  assert_int_equal (futimens (fd, times), 0);
  close (fd);
  expect_unreadable (find (s, "kept.mkv"), "was written to");
  snapshot_unref (s);
  world_close (&w);
}

/* A folder cannot be read, for this reason. */
static const char *unreadable_folder = "lib/sub";
static int unreadable;

typedef int filter_fn (const struct dirent *e);
typedef int compare_fn (const struct dirent **a, const struct dirent **b);
int __real_scandir (const char *path, struct dirent ***list, filter_fn *filter,
                    compare_fn *compare);
int __wrap_scandir (const char *path, struct dirent ***list, filter_fn *filter,
                    compare_fn *compare);

int
__wrap_scandir (const char *path, struct dirent ***list, filter_fn *filter,
                compare_fn *compare)
{
  if (unreadable != 0 && strcmp (path, unreadable_folder) == 0) {
    errno = unreadable;
    return -1;
  }
  return __real_scandir (path, list, filter, compare);
}

DIR *__real_opendir (const char *path);
DIR *__wrap_opendir (const char *path);

DIR *
__wrap_opendir (const char *path)
{
  if (unreadable == 0 || strcmp (path, unreadable_folder) != 0)
    return __real_opendir (path);
  errno = unreadable;
  return NULL;
}

/* What could not be read for a reason that may pass is looked at again; and who is short of
 * descriptors takes nothing for gone.
 */
static void
test_unread (void **state)
{
  static const int shortages[] = { EMFILE, ENFILE, ENOMEM };
  struct error err = ERROR_INIT;
  struct snapshot *s;
  struct world w;

  (void) state;
  put_recipe ("lib/sub/A.mkvdup", 100, 1);
  world_open (&w, DISK_EROFS);
  s = reload (&w);
  assert_false (library_lacks_titles (w.library));
  for (size_t i = 0; i < sizeof shortages / sizeof *shortages; i++) {
    unreadable = shortages[i];
    assert_int_equal (library_reload (w.library, &err), -1);
    assert_int_equal (err.errnum, unreadable);
  }
  snapshot_unref (s);
  s = library_snapshot (w.library);
  expect_content (find (s, "sub/A.mkv"), 100, 1);
  snapshot_unref (s);
  /* Twice, as what is the same stays. */
  for (int i = 0; i < 2; i++) {
    unreadable = EIO;
    s = reload (&w);
    assert_int_equal (s->n, 0);
    assert_true (library_lacks_titles (w.library));
    snapshot_unref (s);
  }
  unreadable = EACCES; /* that this changes is seen */
  s = reload (&w);
  assert_int_equal (s->n, 0);
  assert_false (library_lacks_titles (w.library));
  snapshot_unref (s);
  unreadable = 0;
  s = reload (&w);
  expect_content (find (s, "sub/A.mkv"), 100, 1);
  assert_false (library_lacks_titles (w.library));
  snapshot_unref (s);
  /* The one that is named is not passed over. */
  unreadable = EACCES;
  unreadable_folder = "lib";
  assert_int_equal (library_reload (w.library, &err), -1);
  assert_string_equal (err.text, "lib: Permission denied");
  unreadable = 0;
  world_close (&w);
}

static void
test_failing_reload (void **state)
{
  struct snapshot *before, *after;
  struct error err = ERROR_INIT;
  struct world w;

  (void) state;
  put_recipe ("lib/A.mkvdup", 100, 1);
  world_open (&w, DISK_EROFS);
  before = reload (&w);
  assert_int_equal (rename ("lib", "away"), 0);
  assert_int_equal (library_reload (w.library, &err), -1);
  assert_string_equal (err.text, "lib: No such file or directory");
  after = library_snapshot (w.library);
  assert_ptr_equal (before, after);
  assert_int_equal (after->n, 1);
  snapshot_unref (after);
  assert_int_equal (rename ("away", "lib"), 0);
  after = reload (&w);
  assert_ptr_equal (before, after);
  expect_content (find (after, "A.mkv"), 100, 1);
  snapshot_unref (before);
  snapshot_unref (after);
  world_close (&w);
}

/* ---- Titles */

/* Open descriptors of files whose paths end so. */
static unsigned
count_open (const char *end)
{
  DIR *dir = opendir ("/proc/self/fd");
  struct dirent *e;
  unsigned n = 0;

  assert_non_null (dir);
  while ((e = readdir (dir))) {
    char path[300], to[4096];
    ssize_t len;

    snprintf (path, sizeof path, "/proc/self/fd/%s", e->d_name);
    len = readlink (path, to, sizeof to - 1);
    if (len < (ssize_t) strlen (end))
      continue;
    to[len] = '\0';
    n += strcmp (to + len - strlen (end), end) == 0;
  }
  closedir (dir);
  return n;
}

/* One recipe under many names. */
static struct snapshot *
reload_many (struct world *w, unsigned n)
{
  CLEANUP_BUFFER struct buffer yaml = BUFFER_INIT;
  char line[80];

  put_recipe ("lib/one", 5000, 5);
  buffer_append (&yaml, "virtual_files:\n", strlen ("virtual_files:\n"));
  for (unsigned i = 0; i < n; i++) {
    int len = snprintf (line, sizeof line,
                        "- {name: '%03u', dedup_file: one, source_dir: ../discs}\n", i);

    buffer_append (&yaml, line, (size_t) len);
  }
  put_file ("lib/l.yaml", yaml.data, yaml.len);
  world_open (w, DISK_EROFS);
  return reload (w);
}

/* So many are open, soon: they are closed by others. */
static void
expect_open (const char *what, unsigned n)
{
  for (int tries = 0; count_open (what) != n && tries < 60000; tries++)
    nanosleep (&(struct timespec){ 0, 1000000 }, NULL);
  assert_int_equal (count_open (what), n);
}

static void
test_idle (void **state)
{
  struct error err = ERROR_INIT;
  struct image *first, *last = NULL;
  struct snapshot *s;
  struct world w;

  (void) state;
  s = reload_many (&w, TITLES_IDLE + 20);
  first = title_open (s->titles[0], &err);
  assert_non_null (first);
  for (uint32_t i = 1; i < s->n; i++) {
    last = title_open (s->titles[i], &err);
    assert_non_null (last);
    assert_ptr_equal (title_open (s->titles[i], &err), last);
    title_close (s->titles[i]);
    title_close (s->titles[i]);
  }
  expect_open ("/lib/one", TITLES_IDLE + 1);
  /* The last is there still, and so is the one in use. */
  assert_ptr_equal (title_open (s->titles[s->n - 1], &err), last);
  expect_open ("/lib/one", TITLES_IDLE + 1);
  assert_ptr_equal (title_open (s->titles[0], &err), first);
  title_close (s->titles[0]);
  title_close (s->titles[0]);
  title_close (s->titles[s->n - 1]);
  expect_open ("/lib/one", TITLES_IDLE);
  /* The one that was used longest ago went first. */
  expect_content (s->titles[1], 5000, 5);
  snapshot_unref (s);
  library_free (w.library);
  w.library = NULL;
  expect_open ("/lib/one", 0);
  world_close (&w);
}

/* ---- While nothing more can be sent on an errand */

static sem_t gate;

static void
hang (struct errand *e)
{
  (void) e;
  sem_wait (&gate);
}

static void
free_errand (struct errand *e)
{
  free (e);
}

static void
send_all_away (void)
{
  struct error err = ERROR_INIT;

  for (unsigned i = 0; i < ERRANDS_MAX_LEFT; i++) {
    struct errand *e = calloc (1, sizeof *e);

    assert_non_null (e);
    e->run = hang;
    e->release = free_errand;
    assert_int_equal (errand_send (e, 0, NULL, &err), -1);
  }
}

static void
reload_with (struct world *w, uint64_t n)
{
  put_recipe ("lib/A.mkvdup", 100, n);
  snapshot_unref (reload (w));
}

/* What was replaced meanwhile is released when that can be done again. */
static void
test_release_later (void **state)
{
  static const char old[] = "/lib/A.mkvdup (deleted)";
  struct snapshot *s;
  struct world w;

  (void) state;
  assert_int_equal (sem_init (&gate, 0, 0), 0);
  world_open (&w, DISK_EROFS);
  reload_with (&w, 1);
  s = library_snapshot (w.library);
  expect_content (find (s, "A.mkv"), 100, 1);
  snapshot_unref (s);
  send_all_away ();
  reload_with (&w, 2);
  reload_with (&w, 3);
  assert_int_equal (count_open (old), 1);
  for (unsigned i = 0; i < ERRANDS_MAX_LEFT; i++)
    sem_post (&gate);
  assert_true (errands_end (60000));
  assert_int_equal (count_open (old), 1);
  reload_with (&w, 4);
  assert_int_equal (count_open (old), 0);
  /* And if it never can, with the library. */
  s = library_snapshot (w.library);
  expect_content (find (s, "A.mkv"), 100, 4);
  snapshot_unref (s);
  send_all_away ();
  reload_with (&w, 5);
  assert_int_equal (count_open (old), 1);
  world_close (&w);
  assert_int_equal (count_open (old), 0);
  for (unsigned i = 0; i < ERRANDS_MAX_LEFT; i++)
    sem_post (&gate);
  assert_true (errands_end (60000));
  sem_destroy (&gate);
}

static void
use_all (const struct snapshot *s)
{
  struct error err = ERROR_INIT;

  for (uint32_t i = 0; i < s->n; i++) {
    assert_non_null (title_open (s->titles[i], &err));
    title_close (s->titles[i]);
  }
}

/* Images that had to go are closed when that can be done again, or at the end. */
static void
test_close_later (void **state)
{
  struct snapshot *s;
  struct world w;

  (void) state;
  assert_int_equal (sem_init (&gate, 0, 0), 0);
  s = reload_many (&w, TITLES_IDLE + 20);
  send_all_away ();
  use_all (s);
  assert_int_equal (count_open ("/lib/one"), TITLES_IDLE + 20);
  for (unsigned i = 0; i < ERRANDS_MAX_LEFT; i++)
    sem_post (&gate);
  assert_true (errands_end (60000));
  expect_content (s->titles[0], 5000, 5);
  expect_open ("/lib/one", TITLES_IDLE);
  send_all_away ();
  use_all (s);
  snapshot_unref (s);
  world_close (&w);
  assert_int_equal (count_open ("/lib/one"), 0);
  for (unsigned i = 0; i < ERRANDS_MAX_LEFT; i++)
    sem_post (&gate);
  assert_true (errands_end (60000));
  sem_destroy (&gate);
}

/* No more than half of what may be open is kept open; the others are as if not kept. */
static void
test_few_kept (void **state)
{
  struct rlimit files, few;
  struct error err = ERROR_INIT;
  struct snapshot *s;
  unsigned readable = 0;
  struct world w;

  (void) state;
  assert_int_equal (getrlimit (RLIMIT_NOFILE, &files), 0);
  few = files;
  few.rlim_cur = 40;
  assert_int_equal (setrlimit (RLIMIT_NOFILE, &few), 0);
  s = reload_many (&w, 30);
  assert_int_equal (setrlimit (RLIMIT_NOFILE, &files), 0);
  assert_non_null (snapshot_disk (s, &err));
  assert_int_equal (count_open ("/lib/one"), 20);
  put_recipe ("lib/one", 5000, 6);
  for (uint32_t i = 0; i < s->n; i++)
    if (title_open (s->titles[i], &err)) {
      expect_content (s->titles[i], 5000, 5);
      title_close (s->titles[i]);
      readable++;
    }
  assert_int_equal (readable, 20);
  snapshot_unref (s);
  world_close (&w);
}

static void
test_mtime (void **state)
{
  static const struct {
    char text[40];
    int64_t seconds;
    uint32_t nsec;
  } cases[] = {
    { "1700000000.123456789", 1700000000, 123456789 },
    { "-5.000000001", -5, 1 },
    { "1700000000", 946684800, 500 }, /* as are all below: the recipe's */
    { "1700000000.1", 946684800, 500 },
    { "1700000000.1234567890", 946684800, 500 },
    { ".123456789", 946684800, 500 },
    { "1e9.123456789", 946684800, 500 },
    { "99999999999999999999.123456789", 946684800, 500 },
    { "1.-12345678", 946684800, 500 },
    { "", 946684800, 500 },
  };
  const struct timespec times[] = { { 946684800, 500 }, { 946684800, 500 } };
  struct world w;

  (void) state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct error err = ERROR_INIT;
    struct snapshot *s;
    struct title *t;
    char text[40];

    memcpy (text, cases[i].text, sizeof text);
    put_recipe_of ("lib/A.mkvdup", 100, 1, text);
    assert_int_equal (utimensat (AT_FDCWD, "lib/A.mkvdup", times, 0), 0);
    world_open (&w, DISK_EROFS);
    s = reload (&w);
    t = find (s, "A.mkv");
    assert_int_equal (title_keep (t, &err), 0);
    assert_int_equal (title_keep (t, &err), 0);
    assert_true (t->stat.mtime == cases[i].seconds);
    assert_int_equal (t->stat.mtime_nsec, cases[i].nsec);
    assert_int_equal (t->stat.mode, look.file_mode);
    snapshot_unref (s);
    world_close (&w);
  }
}

/* ---- The disk */

/* The whole of it: metadata of the tree that the titles make, and files where it says. */
static uint8_t *
naive_disk (const struct snapshot *s, enum disk_kind kind, const size_t *versions,
            uint64_t *size)
{
  const struct tree_stat folder = { .mode = look.folder_mode,
                                    .uid = look.uid,
                                    .gid = look.gid };
  CLEANUP_FREE struct tree_file *files = calloc (s->n, sizeof *files);
  struct error err = ERROR_INIT;
  struct tree *tree;
  struct fs *fs;
  uint8_t *disk;

  assert_non_null (files);
  for (uint32_t i = 0; i < s->n; i++)
    files[i] =
      (struct tree_file){ s->titles[i]->name, s->titles[i]->size, s->titles[i]->stat };
  tree = tree_new (files, s->n, &folder, &err);
  assert_non_null (tree);
  fs = kind == DISK_UDF ? fs_new_udf (tree, "mkvdup", &err)
                        : fs_new_erofs (tree, "mkvdup", &err);
  assert_non_null (fs);
  *size = fs->size;
  disk = calloc (1, fs->size);
  assert_non_null (disk);
  fs->read (fs, disk, fs->data_at, 0);
  if (fs->size > fs->data_end)
    fs->read (fs, disk + fs->data_end, fs->size - fs->data_end, fs->data_end);
  for (uint32_t i = 0; i < tree->n; i++)
    if (!tree_is_folder (&tree->nodes[i]))
      fill_content (disk + fs->file_at[i], tree->nodes[i].size,
                    versions[tree->nodes[i].file]);
  fs_free (fs);
  tree_free (tree);
  return disk;
}

/* What is told of a range: it is to be consecutive, and zeros where it says so. */
struct telling {
  const uint8_t *bytes;
  uint64_t next, end;
  uint64_t zeros;
};

static int
tell (void *opaque, uint64_t offset, uint64_t len, bool zero)
{
  struct telling *t = opaque;

  assert_true (offset == t->next && len > 0 && offset + len <= t->end);
  for (uint64_t i = offset; zero && i < offset + len; i++)
    assert_int_equal (t->bytes[i], 0);
  t->next = offset + len;
  t->zeros += zero ? len : 0;
  return 0;
}

/* Random ranges, most of them short, half of them at ends of blocks. */
static void
check_range (const struct disk *d, const uint8_t *bytes, uint64_t size, uint64_t *seed,
             uint8_t *got, uint64_t *zeros)
{
  uint64_t offset = rng_below (seed, size);
  uint64_t most = rng_below (seed, 8) ? 10000 : size, count;
  struct telling t = { .bytes = bytes };
  struct error err = ERROR_INIT;

  if (rng_below (seed, 2))
    offset -= offset % 2048;
  count = rng_between (seed, 1, most);
  if (count > size - offset)
    count = size - offset;
  if (disk_read (d, got, count, offset, &err) == -1)
    fail_msg ("%s", err.text);
  if (memcmp (got, bytes + offset, count) != 0)
    fail_msg ("%llu bytes from %llu on", (unsigned long long) count,
              (unsigned long long) offset);
  t.next = offset;
  t.end = offset + count;
  assert_int_equal (disk_extents (d, offset, count, tell, &t, &err), 0);
  assert_true (t.next > offset);
  *zeros += t.zeros;
  assert_int_equal (disk_prefetch (d, offset, count, &err), 0);
}

static void
test_disk_of (enum disk_kind kind)
{
  static const size_t sizes[] = { 1,    2047, 4096,  4097,    2500000, 8192, 100,
                                  2049, 1,    65536, 9000000, 1100000, 1,    6000 };
  size_t versions[sizeof sizes / sizeof sizes[0]];
  CLEANUP_FREE uint8_t *bytes = NULL;
  CLEANUP_FREE uint8_t *got = NULL;
  struct error err = ERROR_INIT;
  uint64_t size, seed = 9, zeros = 0;
  struct snapshot *s;
  struct disk *d;
  struct world w;

  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    char path[64];

    /* In the order of names. */
    snprintf (path, sizeof path, "lib/%c/%c%zu.mkvdup", (int) ('a' + i / 5),
              (int) ('a' + i), i);
    put_recipe (path, sizes[i], i);
    versions[i] = i;
  }
  world_open (&w, kind);
  s = reload (&w);
  assert_int_equal (s->n, sizeof sizes / sizeof sizes[0]);
  d = snapshot_disk (s, &err);
  if (!d)
    fail_msg ("%s", err.text);
  bytes = naive_disk (s, kind, versions, &size);
  assert_true (disk_size (d) == size);
  got = malloc (size);
  assert_non_null (got);
  assert_int_equal (disk_read (d, got, size, 0, &err), 0);
  assert_memory_equal (got, bytes, size);
  for (int i = 0; i < 300; i++)
    check_range (d, bytes, size, &seed, got, &zeros);
  assert_true (zeros > 0);
  assert_int_equal (disk_read (d, got, 0, size, &err), 0);
  assert_int_equal (disk_read (d, got, 2, size - 1, &err), -1);
  assert_int_equal (disk_read (d, got, 2, UINT64_MAX, &err), -1);
  assert_int_equal (disk_read (d, got, SIZE_MAX, 1, &err), -1);
  snapshot_unref (s);
  world_close (&w);
}

static void
test_erofs (void **state)
{
  (void) state;
  test_disk_of (DISK_EROFS);
}

static void
test_udf (void **state)
{
  (void) state;
  test_disk_of (DISK_UDF);
}

/* Titles whose recipe or source is wrong: others on the disk are undisturbed. */
static void
test_disk_errors (void **state)
{
  static const size_t versions[] = { 1, 3 };
  struct error err = ERROR_INIT;
  CLEANUP_FREE uint8_t *bytes = NULL;
  CLEANUP_FREE uint8_t *got = NULL;
  uint64_t size;
  struct snapshot *s;
  struct title *all[3];
  struct disk *d;
  struct world w;

  (void) state;
  put_recipe ("lib/a.mkvdup", 4096, 1);
  put_recipe ("lib/b.mkvdup", 4096, 2);
  put_recipe ("lib/c.mkvdup", 4096, 3);
  world_open (&w, DISK_EROFS);
  s = reload (&w);
  assert_int_equal (s->n, 3);
  /* Replaced before the disk was made: it is not there. */
  put_recipe ("lib/b.mkvdup", 4096, 4);
  d = snapshot_disk (s, &err);
  assert_non_null (d);
  memcpy (all, s->titles, sizeof all);
  s->titles[1] = all[2];
  s->n = 2;
  bytes = naive_disk (s, DISK_EROFS, versions, &size);
  s->titles[1] = all[1];
  s->n = 3;
  assert_true (disk_size (d) == size);
  got = malloc (size);
  assert_int_equal (disk_read (d, got, size, 0, &err), 0);
  assert_memory_equal (got, bytes, size);
  snapshot_unref (s);
  world_close (&w);
}

/* The disc is away: the disk is there, reads of files fail and come back. */
static void
test_disk_without_disc (void **state)
{
  struct error err = ERROR_INIT;
  const struct timespec nap = { 0, 50000000 };
  uint8_t bytes[512];
  struct snapshot *s;
  struct disk *d;
  uint64_t at;
  int r;
  struct world w;

  (void) state;
  put_recipe ("lib/a.mkvdup", 100000, 1);
  assert_int_equal (rename ("discs", "away"), 0);
  world_open (&w, DISK_EROFS);
  s = reload (&w);
  d = snapshot_disk (s, &err);
  assert_non_null (d);
  at = disk_size (d) - 50000;
  assert_int_equal (disk_read (d, bytes, sizeof bytes, 1024, &err), 0);
  r = disk_read (d, bytes, sizeof bytes, at, &err);
  assert_int_equal (r, -1);
  assert_non_null (strstr (err.text, "disc.iso"));
  assert_int_equal (rename ("away", "discs"), 0);
  /* It is looked for once a second; a minute is for busy machines. */
  for (int i = 0; i < 1200 && r == -1; i++) {
    r = disk_read (d, bytes, sizeof bytes, at, &err);
    nanosleep (&nap, NULL);
  }
  assert_int_equal (r, 0);
  snapshot_unref (s);
  world_close (&w);
}

/* ---- Threads */

#define RACE_SIZE 20000u
#define RACE_VERSIONS 4u
#define RACE_TITLES 3u

struct race {
  struct world w;
  uint8_t *contents[RACE_VERSIONS];
  atomic_bool stop;
  atomic_uint reads, refused;
};

static bool
is_version (const struct race *r, const uint8_t *data)
{
  for (unsigned v = 0; v < RACE_VERSIONS; v++)
    if (memcmp (data, r->contents[v], RACE_SIZE) == 0)
      return true;
  return false;
}

/* All of one version, or an error that says that it is another's turn. */
static void
race_title (struct race *r, struct title *title, uint8_t *data)
{
  struct error err = ERROR_INIT;
  struct image *image = title_open (title, &err);

  if (!image) {
    if (!strstr (err.text, "was replaced") && !strstr (err.text, "No such file"))
      abort ();
    r->refused++;
    return;
  }
  /* In two halves: what is open stays what it was. */
  if (image_read (image, data, RACE_SIZE / 2, 0, &err) == -1 ||
      image_read (image, data + RACE_SIZE / 2, RACE_SIZE / 2, RACE_SIZE / 2, &err) ==
        -1 ||
      !is_version (r, data))
    abort ();
  title_close (title);
  r->reads++;
}

static void *
race_reader (void *opaque)
{
  struct race *r = opaque;
  CLEANUP_FREE uint8_t *data = malloc (RACE_SIZE);
  uint64_t seed = (uintptr_t) &data;

  while (data && !r->stop) {
    struct snapshot *s = library_snapshot (r->w.library);
    struct error err = ERROR_INIT;
    struct disk *d = rng_below (&seed, 4) ? NULL : snapshot_disk (s, &err);

    if (d && disk_read (d, data, 512, disk_size (d) - 512, &err) == -1)
      abort ();
    for (int i = 0; i < 3 && s->n > 0; i++)
      race_title (r, s->titles[rng_below (&seed, s->n)], data);
    snapshot_unref (s);
  }
  return NULL;
}

static void
test_threads (void **state)
{
  struct race r = { .stop = false };
  pthread_t threads[4];

  (void) state;
  for (unsigned v = 0; v < RACE_VERSIONS; v++)
    r.contents[v] = content (RACE_SIZE, v);
  put_recipe ("lib/0.mkvdup", RACE_SIZE, 0);
  world_open (&r.w, DISK_EROFS);
  snapshot_unref (reload (&r.w));
  for (size_t i = 0; i < 4; i++)
    assert_int_equal (pthread_create (&threads[i], NULL, race_reader, &r), 0);
  for (unsigned i = 0; i < 60 || (r.reads < 100 && i < 6000); i++) {
    char path[32];

    snprintf (path, sizeof path, "lib/%u.mkvdup", i % RACE_TITLES);
    if (i % 7 == 6)
      unlink (path);
    else
      put_recipe (path, RACE_SIZE, i % RACE_VERSIONS);
    snapshot_unref (reload (&r.w));
  }
  r.stop = true;
  for (size_t i = 0; i < 4; i++)
    pthread_join (threads[i], NULL);
  assert_true (r.reads >= 100);
  world_close (&r.w);
  for (unsigned v = 0; v < RACE_VERSIONS; v++)
    free (r.contents[v]);
}

static int
setup (void **state)
{
  (void) state;
  put_disc ();
  return 0;
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (test_find, setup, scratch_empty),
    cmocka_unit_test_setup_teardown (test_clashes, setup, scratch_empty),
    cmocka_unit_test_setup_teardown (test_problems_once, setup, scratch_empty),
    cmocka_unit_test_setup_teardown (test_missing_folders, setup, scratch_empty),
    cmocka_unit_test_setup_teardown (test_lacks, setup, scratch_empty),
    cmocka_unit_test_setup_teardown (test_shared, setup, scratch_empty),
    cmocka_unit_test_setup_teardown (test_replaced, setup, scratch_empty),
    cmocka_unit_test_setup_teardown (test_kept_written_over, setup, scratch_empty),
    cmocka_unit_test_setup_teardown (test_failing_reload, setup, scratch_empty),
    cmocka_unit_test_setup_teardown (test_unread, setup, scratch_empty),
    cmocka_unit_test_setup_teardown (test_idle, setup, scratch_empty),
    cmocka_unit_test_setup_teardown (test_close_later, setup, scratch_empty),
    cmocka_unit_test_setup_teardown (test_release_later, setup, scratch_empty),
    cmocka_unit_test_setup_teardown (test_few_kept, setup, scratch_empty),
    cmocka_unit_test_setup_teardown (test_mtime, setup, scratch_empty),
    cmocka_unit_test_setup_teardown (test_erofs, setup, scratch_empty),
    cmocka_unit_test_setup_teardown (test_udf, setup, scratch_empty),
    cmocka_unit_test_setup_teardown (test_disk_errors, setup, scratch_empty),
    cmocka_unit_test_setup_teardown (test_disk_without_disc, setup, scratch_empty),
    cmocka_unit_test_setup_teardown (test_threads, setup, scratch_empty),
  };

  return cmocka_run_group_tests (tests, scratch_enter, scratch_leave);
}
