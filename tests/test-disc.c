/* SPDX-License-Identifier: BSD-3-Clause */
/* indexer/disc.c: which files a source is made of, and what they are called. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "cleanup.h"
#include "disc.h"
#include "make-file.h"
#include "recipe.h"
#include "recipe_format.h"

static char dir[] = "/tmp/test-disc.XXXXXX";
static char *here; /* dir, resolved */

static int
enter (void **state)
{
  (void) state;
  if (!mkdtemp (dir) || chdir (dir) == -1)
    return -1;
  here = realpath (dir, NULL);
  return here ? 0 : -1;
}

static int
remove_one (const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
  (void) st, (void) kind;
  return ftw->level ? remove (path) : 0;
}

static int
empty (void **state)
{
  (void) state;
  return nftw (dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int
leave (void **state)
{
  (void) state;
  free (here);
  return chdir ("/") == 0 && rmdir (dir) == 0 ? 0 : -1;
}

static void
write_file (const char *path, const struct buffer *b)
{
  CLEANUP_CLOSE int fd = open (path, O_WRONLY | O_CREAT | O_EXCL, 0666);

  assert_true (fd >= 0);
  assert_int_equal (write (fd, b->data, b->len), (ssize_t) b->len);
}

/* A file that is a program stream, and one that is not. */
static void
make_vob (const char *path)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;

  for (int i = 0; i < 4; i++)
    put_video_pack (&b);
  write_file (path, &b);
}

static void
make_other (const char *path, size_t size)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;

  buffer_reserve (&b, 1);
  put_payload (&b, size);
  write_file (path, &b);
}

static void
make_dir (const char *path)
{
  assert_int_equal (mkdir (path, 0777), 0);
}

static void
make_disc (void)
{
  make_dir ("Film");
  make_dir ("Film/VIDEO_TS");
  make_vob ("Film/VIDEO_TS/VTS_01_2.VOB");
  make_vob ("Film/VIDEO_TS/VTS_01_1.VOB");
  make_vob ("Film/VIDEO_TS/vts_02_1.vob");
  make_other ("Film/VIDEO_TS/VTS_01_0.IFO", 12288);
  make_other ("Film/VIDEO_TS/small", 100);
  make_other ("Film/VIDEO_TS/empty", 0);
}

/* Find `sources` (a list that NULL ends) for a recipe of `mkv` (or NULL); the base has to
 * be here/`base`, the files those of `files`, separated by spaces. */
static void
check_found_for (const char *const *sources, const char *mkv, const char *base,
                 const char *files)
{
  struct error err = ERROR_INIT;
  char names[1024] = "", path[4096];
  struct disc disc;
  struct stat image;
  size_t n = 0;

  while (sources[n])
    n++;
  if (mkv)
    assert_int_equal (stat (mkv, &image), 0);
  if (disc_find (sources, n, mkv ? &image : NULL, &disc, &err) == -1)
    fail_msg ("%s", err.text);
  snprintf (path, sizeof path, "%s%s", here, base);
  assert_string_equal (disc.base, path);
  for (size_t i = 0; i < disc.n_files; i++) {
    const struct disc_file *f = &disc.files[i];
    struct stat st;

    assert_true (recipe_path_is_safe (f->relative));
    snprintf (path, sizeof path, "%s/%s", disc.base, f->relative);
    assert_string_equal (f->path, path);
    assert_int_equal (stat (path, &st), 0);
    assert_int_equal (f->size, st.st_size);
    snprintf (names + strlen (names), sizeof names - strlen (names), "%s%s%s",
              i ? " " : "", f->relative, f->demuxer ? "" : "?");
  }
  assert_string_equal (names, files);
  disc_free (&disc);
}

static void
check_found (const char *const *sources, const char *base, const char *files)
{
  check_found_for (sources, NULL, base, files);
}

#define SOURCES(...)    \
  (const char *const[]) \
  {                     \
    __VA_ARGS__, NULL   \
  }

static void
check_refused (const char *const *sources, const char *reason)
{
  struct error err = ERROR_INIT;
  struct disc disc;
  size_t n = 0;

  while (sources[n])
    n++;
  assert_int_equal (disc_find (sources, n, NULL, &disc, &err), -1);
  if (!strstr (err.text, reason))
    fail_msg ("\"%s\" instead of \"%s\"", err.text, reason);
  assert_null (disc.files);
  assert_null (disc.base);
}

static void
test_directory (void **state)
{
  (void) state;
  make_disc ();
  check_found (SOURCES ("Film"), "/Film",
               "VIDEO_TS/VTS_01_1.VOB VIDEO_TS/VTS_01_2.VOB VIDEO_TS/vts_02_1.vob");
  check_found (SOURCES ("Film/VIDEO_TS/"), "/Film/VIDEO_TS",
               "VTS_01_1.VOB VTS_01_2.VOB vts_02_1.vob");
}

static void
test_files (void **state)
{
  (void) state;
  make_vob ("disc.iso");
  make_other ("notes", 10);
  check_found (SOURCES ("disc.iso"), "", "disc.iso");
  check_found (SOURCES ("./disc.iso", "notes"), "", "disc.iso notes?");
}

static void
test_several (void **state)
{
  (void) state;
  make_disc ();
  make_dir ("More");
  make_vob ("More/disc.iso");
  make_dir ("Films");
  make_vob ("Films/b");
  check_found (SOURCES ("More/disc.iso", "Film/VIDEO_TS/vts_02_1.vob"), "",
               "Film/VIDEO_TS/vts_02_1.vob More/disc.iso");
  check_found (SOURCES ("Film/VIDEO_TS", "Films"), "",
               "Film/VIDEO_TS/VTS_01_1.VOB Film/VIDEO_TS/VTS_01_2.VOB "
               "Film/VIDEO_TS/vts_02_1.vob Films/b");
  check_found (SOURCES ("Film", "Film/VIDEO_TS"), "/Film",
               "VIDEO_TS/VTS_01_1.VOB VIDEO_TS/VTS_01_2.VOB VIDEO_TS/vts_02_1.vob");
}

/* Named twice, or named and found. */
static void
test_duplicates (void **state)
{
  (void) state;
  make_dir ("d");
  make_vob ("d/a");
  make_vob ("d/b");
  check_found (SOURCES ("d/a", "d/../d/a"), "/d", "a");
  check_found (SOURCES ("d/b", "d", "d/b"), "/d", "a b");
}

static void
test_links (void **state)
{
  (void) state;
  make_dir ("d");
  make_dir ("d/sub");
  make_vob ("d/sub/a");
  make_vob ("outside");
  assert_int_equal (symlink ("sub/a", "d/inside"), 0);
  assert_int_equal (symlink ("../outside", "d/outside"), 0);
  assert_int_equal (symlink ("nowhere", "d/broken"), 0);
  assert_int_equal (symlink ("..", "d/sub/up"), 0);
  assert_int_equal (symlink ("self", "d/self"), 0);
  assert_int_equal (symlink ("d", "link"), 0);
  check_found (SOURCES ("d"), "/d", "sub/a");
  check_found (SOURCES ("link"), "/d", "sub/a");
  check_found (SOURCES ("d/outside"), "", "outside");
  check_found (SOURCES ("d", "outside"), "", "d/sub/a outside");
}

/* A link alone is enough to find a file that is below the base. */
static void
test_link_to_sibling (void **state)
{
  (void) state;
  make_dir ("a");
  make_dir ("b");
  make_dir ("c");
  make_vob ("a/x");
  make_vob ("c/z");
  assert_int_equal (symlink ("../c/z", "b/z"), 0);
  check_found (SOURCES ("a", "b"), "", "a/x c/z");
}

static void
test_nothing_but_files (void **state)
{
  (void) state;
  make_dir ("d");
  make_vob ("d/a");
  assert_int_equal (mkfifo ("d/fifo", 0666), 0);
  check_found (SOURCES ("d"), "/d", "a");
  check_refused (SOURCES ("d/fifo"), "d/fifo: neither");
}

/* As deep as discs are, and not without end. */
static void
test_depth (void **state)
{
  (void) state;
  make_dir ("d");
  make_vob ("d/top");
  for (int depth = 1; depth <= 40; depth++) {
    make_dir ("d/d");
    if (depth == 6)
      make_vob ("d/d/here");
    if (depth == 40)
      make_vob ("d/d/deep");
    assert_int_equal (chdir ("d"), 0);
  }
  assert_int_equal (chdir (dir), 0);
  check_found (SOURCES ("d"), "/d", "d/d/d/d/d/d/here top");
}

static void
test_refused (void **state)
{
  (void) state;
  make_vob ("a");
  make_dir ("d");
  make_other ("d/x", 10000);
  make_other ("empty", 0);
  check_refused (SOURCES ("a", "gone"), "gone: No such file");
  check_refused (SOURCES ("d"), "d: no file");
  check_refused (SOURCES ("a", "d"), "d: no file");
  check_refused (SOURCES ("empty"), "empty: the file is empty");
  check_refused (SOURCES ("a/b"), "a/b: Not a directory");
  check_refused (SOURCES (""), "");
}

/* A file that begins with `head`, and goes on as a program stream. */
static void
make_with_stream (const char *path, const void *head, size_t len)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;

  buffer_append (&b, head, len);
  for (int i = 0; i < 4; i++)
    put_video_pack (&b);
  write_file (path, &b);
}

/* Whatever is called a disc, in one folder, and what lies beside it. */
static void
test_mixed (void **state)
{
  (void) state;
  make_disc ();
  make_vob ("Film/Film.ISO");
  make_vob ("Film/film.Img");
  make_vob ("Film/clip.mpg");
  make_vob ("Film/TRAILER.VOB");
  make_vob ("Film/no-extension");
  make_other ("Film/cover.jpg", 30000);
  make_other ("Film/Film.mkvdup.yaml", 5000);
  /* An attachment, and what was found nowhere, may be pieces of a program stream. */
  make_with_stream ("Film/Film.mkv", "\x1A\x45\xDF\xA3\x9F", 5);
  make_with_stream ("Film/Film.mkvdup", RECIPE_MAGIC, RECIPE_MAGIC_SIZE);
  make_with_stream ("Film/raw.vcd", "\x1A\x45\xDF\0", 4);
  check_found (SOURCES ("Film"), "/Film",
               "Film.ISO TRAILER.VOB VIDEO_TS/VTS_01_1.VOB VIDEO_TS/VTS_01_2.VOB "
               "VIDEO_TS/vts_02_1.vob clip.mpg film.Img no-extension raw.vcd");
  /* The user's own word is taken. */
  check_found (SOURCES ("Film/Film.mkv", "Film/clip.mpg"), "/Film", "Film.mkv clip.mpg");
}

/* What a recipe is made of is no source of it, under none of its names. */
static void
test_not_itself (void **state)
{
  struct error err = ERROR_INIT;
  struct stat st;
  struct disc disc;

  (void) state;
  make_dir ("d");
  make_vob ("d/a");
  make_vob ("d/rip.mpg");
  assert_int_equal (link ("d/rip.mpg", "d/b"), 0);
  assert_int_equal (symlink ("rip.mpg", "d/c"), 0);
  check_found (SOURCES ("d"), "/d", "a b rip.mpg");
  check_found_for (SOURCES ("d"), "d/rip.mpg", "/d", "a");
  check_found_for (SOURCES ("d"), "d/c", "/d", "a");
  assert_int_equal (stat ("d/rip.mpg", &st), 0);
  assert_int_equal (disc_find (SOURCES ("d/b"), 1, &st, &disc, &err), -1);
  assert_non_null (strstr (err.text, "nothing in it but the file"));
  assert_null (disc.files);
}

/* Skipped silently, a file could be the disc. */
static void
test_unreadable (void **state)
{
  bool root = geteuid () == 0;

  (void) state;
  make_dir ("d");
  make_vob ("d/a");
  make_vob ("d/closed");
  make_dir ("d/folder");
  assert_int_equal (chmod (dir, 0777), 0);
  assert_int_equal (chmod ("d/closed", 0), 0);
  if (root)
    assert_int_equal (seteuid (65534), 0);
  check_refused (SOURCES ("d"), "d/closed: Permission denied");
  check_refused (SOURCES ("d/closed"), "d/closed: Permission denied");
  check_found (SOURCES ("d/a"), "/d", "a");
  if (root)
    assert_int_equal (seteuid (0), 0);
  assert_int_equal (chmod ("d/closed", 0666), 0);
  assert_int_equal (chmod ("d/folder", 0), 0);
  if (root)
    assert_int_equal (seteuid (65534), 0);
  check_refused (SOURCES ("d"), "d/folder: Permission denied");
  if (root)
    assert_int_equal (seteuid (0), 0);
  assert_int_equal (chmod ("d/folder", 0777), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown (f, NULL, empty)

int
main (void)
{
  const struct CMUnitTest tests[] = {
    TEST (test_directory),
    TEST (test_files),
    TEST (test_several),
    TEST (test_duplicates),
    TEST (test_links),
    TEST (test_link_to_sibling),
    TEST (test_nothing_but_files),
    TEST (test_depth),
    TEST (test_refused),
    TEST (test_mixed),
    TEST (test_not_itself),
    TEST (test_unreadable),
  };

  return cmocka_run_group_tests (tests, enter, leave);
}
