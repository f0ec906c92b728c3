/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What changes under an image that is open, and read lazily: its recipe is written over, by
 * whoever can hide that from the file's times; a disc is moved, damaged, and put right.
 *
 * The recipe and the disc are real, and the image is of a few segments, of which the cache holds
 * some.  All is settled: the clock is ahead.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "block-recipe.h"
#include "cache.h"
#include "cleanup.h"
#include "image.h"
#include "image_parts.h"
#include "recipe.h"
#include "scratch.h"
#include "source_search.h"
#include "whole_io.h"

#define SIZE ((size_t) 8 << 20)
#define SEGMENT ((size_t) 1 << 20)
#define LITERAL ((size_t) 40960) /* of each segment, where it is not the disc's */
#define BLOCK ((size_t) 4096)

int __real_clock_gettime (clockid_t id, struct timespec *t);
int __wrap_clock_gettime (clockid_t id, struct timespec *t);

static int later; /* seconds, of clocks that nobody sets */

int
__wrap_clock_gettime (clockid_t id, struct timespec *t)
{
  int r = __real_clock_gettime (id, t);

  t->tv_sec += id == CLOCK_REALTIME ? 1000 : later;
  return r;
}

static uint8_t disc[SIZE], film[SIZE], other[SIZE];

static void
put (const char *path, const uint8_t *data)
{
  CLEANUP_CLOSE int fd = open (path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644);
  struct error err = ERROR_INIT;

  assert_true (fd >= 0);
  assert_int_equal (write_all (fd, data, SIZE, 0, path, &err), 0);
}

static void
put_recipe (const char *path, const char *image)
{
  struct error err = ERROR_INIT;

  if (block_recipe_write (
        &(struct block_recipe){ .image = image, .source = "disc", .name = "disc" }, path,
        &err) == -1)
    fail_msg ("%s", err.text);
}

static void
randomize (uint8_t *bytes, size_t n)
{
  static unsigned seed = 1;

  for (size_t i = 0; i < n; i++)
    bytes[i] = (uint8_t) (rand_r (&seed) >> 7);
}

/* On tmpfs nothing of this is ever believed for longer than a read, and cannot go wrong.
 * Two films of one disc, which differ in what is on no disc, in their first segment. */
static int
group_setup (void **state)
{
  if (scratch_enter (state) != 0)
    return -1;
  randomize (disc, SIZE);
  memcpy (film, disc, SIZE);
  for (size_t at = LITERAL; at < SIZE; at += SEGMENT)
    randomize (film + at, BLOCK);
  memcpy (other, film, SIZE);
  randomize (other + LITERAL, BLOCK);
  put ("disc", disc);
  put ("film", film);
  put ("other", other);
  return 0;
}

static struct image *
open_image (const char *const *places, size_t n, struct segment_cache *cache)
{
  struct error err = ERROR_INIT;
  struct image *img = image_open ("film.mkvdup", places, n, cache, &err);

  if (!img || image_set_verify (img, IMAGE_VERIFY_LAZY, &err) == -1)
    fail_msg ("%s", err.text);
  return img;
}

/* Right, or an error, whose number is returned; and never wrong. */
static int
ask (struct image *img, size_t at)
{
  struct error err = ERROR_INIT;
  uint8_t got[BLOCK];

  if (image_read (img, got, sizeof got, at, &err) == -1)
    return err.errnum ? err.errnum : -1;
  assert_memory_equal (got, film + at, sizeof got);
  return 0;
}

/* ---- The recipe */

enum way {
  WRITES,     /* and leaves the digests alone */
  SETS_TIMES, /* back, too */
  STORES,     /* to pages that were mapped and written to before the image was opened */
};

struct writer {
  enum way way;
  int fd;
  uint8_t *map;
  size_t map_len;
  uint8_t *segments; /* of the other film, of the same length */
  size_t len;
  uint64_t at;
};

static void
begin (struct writer *w, enum way way)
{
  struct error err = ERROR_INIT;
  struct recipe *ours, *others;
  struct stat st;

  put_recipe ("film.mkvdup", "film");
  put_recipe ("other.mkvdup", "other");
  ours = recipe_open ("film.mkvdup", &err);
  others = recipe_open ("other.mkvdup", &err);
  assert_true (ours && others);
  assert_int_equal (ours->segments_len, others->segments_len);
  assert_int_equal (ours->segments_at, others->segments_at);
  *w = (struct writer){ .way = way,
                        .fd = open ("film.mkvdup", O_RDWR | O_CLOEXEC),
                        .len = ours->segments_len,
                        .at = ours->segments_at };
  w->segments = malloc (w->len);
  assert_int_equal (read_all (others->fd, w->segments, w->len, w->at, "other", &err), 0);
  recipe_close (ours);
  recipe_close (others);
  assert_int_equal (fstat (w->fd, &st), 0);
  w->map_len = (size_t) st.st_size;
  w->map = mmap (NULL, w->map_len, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd, 0);
  assert_true (w->map != MAP_FAILED);
  for (size_t i = 0; way == STORES && i < w->map_len; i += BLOCK)
    ((volatile uint8_t *) w->map)[i] = w->map[i];
}

static void
write_over (const struct writer *w)
{
  struct error err = ERROR_INIT;
  struct stat st;

  assert_int_equal (fstat (w->fd, &st), 0);
  if (w->way == STORES)
    memcpy (w->map + w->at, w->segments, w->len);
  else
    assert_int_equal (write_all (w->fd, w->segments, w->len, w->at, "film", &err), 0);
  if (w->way == SETS_TIMES)
    assert_int_equal (futimens (w->fd, (struct timespec[]){ st.st_atim, st.st_mtim }), 0);
}

static void
end (struct writer *w)
{
  munmap (w->map, w->map_len);
  close (w->fd);
  free (w->segments);
}

/* Of the first segment, as others take its room. */
static void
forget_segments (struct image *img)
{
  for (size_t at = SEGMENT; at < SIZE; at += SEGMENT)
    ask (img, at);
}

/* What is proven was made of a segment in memory.  After that was given up, and read again, it is
 * proven anew, by whoever asks.
 */
static void
test_written_over (void **state)
{
  static const char *const places[] = { "." };
  const uint64_t small = 3 * 6000; /* two of the segments */

  (void) state;
  for (enum way way = WRITES; way <= STORES; way++) {
    struct segment_cache *cache = segment_cache_new (small);
    struct segment_cache_stats stats;
    struct image *img;
    struct writer w;

    begin (&w, way);
    usleep (50000); /* a tick of the file system's clock */
    img = open_image (places, 1, cache);
    for (int i = 0; i < 3; i++)
      assert_int_equal (ask (img, LITERAL), 0);
    write_over (&w);
    /* Another segment shows that something was written; the first is proven once more, by what is in
     * memory of it.
     */
    if (way != STORES)
      ask (img, 5 * SEGMENT);
    ask (img, LITERAL);
    ask (img, LITERAL);
    forget_segments (img);
    segment_cache_get_stats (cache, &stats);
    assert_true (stats.evictions > 0);
    for (int i = 0; i < 3; i++)
      if (ask (img, LITERAL) != EBADMSG)
        fail_msg ("way %d: right", (int) way);
    /* When it is right again it is served. */
    w.way = WRITES;
    put_recipe ("again.mkvdup", "film");
    {
      CLEANUP_CLOSE int fd = open ("again.mkvdup", O_RDONLY | O_CLOEXEC);
      struct error err = ERROR_INIT;

      assert_int_equal (read_all (fd, w.segments, w.len, w.at, "again", &err), 0);
    }
    write_over (&w);
    forget_segments (img);
    assert_int_equal (ask (img, LITERAL), 0);
    image_close (img);
    segment_cache_free (cache);
    end (&w);
  }
}

/* ---- A disc */

static void
damage (const char *path)
{
  CLEANUP_CLOSE int fd = open (path, O_RDWR | O_CLOEXEC);

  assert_int_equal (pwrite (fd, "damage", 6, 3 * SEGMENT + 100000), 6);
}

/* The file that has wrong bytes is not taken anew in its own place, each time they are asked for:
 * what else was proven of it would be forgotten.  In memory (tmpfs) nothing is proven for long.
 */
static void
expect_kept_proof (struct image *img)
{
  bool is_proven;

  assert_int_equal (ask (img, 0), 0);
  is_proven = image_vouches (img, 0, MERKLE_GROUP);
  if (!is_proven)
    print_message ("NOT TRIED: what stays proven: a file system in memory\n");
  usleep (1200000); /* it is looked for once a second */
  assert_int_equal (ask (img, 3 * SEGMENT), EBADMSG);
  assert_true (image_vouches (img, 0, MERKLE_GROUP) == is_proven);
}

/* Right within some seconds: where it was looked for in vain, it is not at once again. */
static void
expect_right_soon (struct image *img)
{
  int r = -1;

  for (int i = 0; i < 60 && r != 0; i++) {
    r = ask (img, 3 * SEGMENT);
    if (r != 0)
      usleep (100000);
  }
  assert_int_equal (r, 0);
}

/* A disc with wrong bytes is set aside, below the folders that are searched; somebody reads, and
 * then the right one comes, by another name: it is taken, and so it is by who starts later, and by
 * who had opened the wrong one, and knows nothing of the first.
 */
static void
test_set_aside (void **state)
{
  static const char *const places[] = { "discs" };
  struct segment_cache *cache = segment_cache_new (SEGMENT_CACHE_DEFAULT);
  struct source_search *search = source_search_new (places, 1, "index");
  struct source_finder finder = { source_search_open, search };
  struct image *img, *second;

  (void) state;
  put_recipe ("film.mkvdup", "film");
  mkdir ("discs", 0755);
  mkdir ("discs/new", 0755);
  put ("discs/disc", disc);
  img = open_image (places, 1, cache);
  image_set_finder (img, &finder);
  assert_int_equal (ask (img, 3 * SEGMENT), 0);
  damage ("discs/disc");
  assert_int_equal (ask (img, 3 * SEGMENT), EBADMSG);
  assert_int_equal (rename ("discs/disc", "discs/disc.bad"), 0);
  usleep (1200000); /* it is looked for once a second */
  assert_int_equal (ask (img, 3 * SEGMENT), EBADMSG);
  second = open_image (places, 1, cache);
  image_set_finder (second, &finder);
  assert_int_equal (ask (second, 0), 0);
  assert_int_equal (ask (second, 3 * SEGMENT), EBADMSG);
  assert_string_equal (image_source_path (second, 0), "discs/disc.bad");
  put ("right", disc);
  assert_int_equal (rename ("right", "discs/new/disc"), 0);
  expect_right_soon (img);
  assert_string_equal (image_source_path (img, 0), "discs/new/disc");
  later += 10;
  expect_right_soon (second);
  assert_string_equal (image_source_path (second, 0), "discs/new/disc");
  image_close (second);
  /* What it is called then is where it is found then. */
  for (int i = 0; i < 2; i++) {
    damage ("discs/new/disc");
    assert_int_equal (ask (img, 3 * SEGMENT), EBADMSG);
    assert_int_equal (unlink ("discs/new/disc"), 0);
    put ("discs/disc", disc);
    expect_right_soon (img);
    assert_string_equal (image_source_path (img, 0), "discs/disc");
    damage ("discs/disc");
    assert_int_equal (ask (img, 3 * SEGMENT), EBADMSG);
    assert_int_equal (rename ("discs/disc", "discs/disc.bad"), 0);
    put ("discs/new/disc", disc);
    expect_right_soon (img);
    assert_string_equal (image_source_path (img, 0), "discs/new/disc");
  }
  image_close (img);
  source_search_free (search);
  search = finder.opaque = source_search_new (places, 1, "index");
  img = open_image (places, 1, cache);
  image_set_finder (img, &finder);
  assert_int_equal (ask (img, 3 * SEGMENT), 0);
  image_close (img);
  source_search_free (search);
  segment_cache_free (cache);
}

/* A good copy at another place is taken while the wrong one lies where it was; not so of one that
 * has the same fault.
 */
static void
test_copy (void **state)
{
  static const char *const places[] = { "p1", "p2" };
  struct segment_cache *cache = segment_cache_new (SEGMENT_CACHE_DEFAULT);
  struct image *img;

  (void) state;
  put_recipe ("film.mkvdup", "film");
  mkdir ("p1", 0755);
  mkdir ("p2", 0755);
  put ("p1/disc", disc);
  img = open_image (places, 2, cache);
  assert_int_equal (ask (img, 3 * SEGMENT), 0);
  damage ("p1/disc");
  assert_int_equal (ask (img, 3 * SEGMENT), EBADMSG);
  put ("p2/disc", disc);
  damage ("p2/disc");
  for (int i = 0; i < 3; i++) {
    later += 10;
    assert_int_equal (ask (img, 3 * SEGMENT), EBADMSG);
    assert_int_equal (ask (img, 0), 0);
  }
  put ("right", disc);
  assert_int_equal (rename ("right", "p2/disc"), 0);
  later += 10;
  expect_right_soon (img);
  assert_string_equal (image_source_path (img, 0), "p2/disc");
  assert_int_equal (ask (img, 0), 0);
  image_close (img);
  segment_cache_free (cache);
}

/* Wrong bytes that the sample does not show, then the right disc at its place again: wherever that
 * is by then.
 */
static void
test_moved (void **state)
{
  static const char *const places[] = { "p1", "p2" };

  (void) state;
  put_recipe ("film.mkvdup", "film");
  for (int is_moved = 0; is_moved < 2; is_moved++) {
    struct segment_cache *cache = segment_cache_new (SEGMENT_CACHE_DEFAULT);
    const char *at = is_moved ? "p2/disc" : "p1/disc";
    struct image *img;

    mkdir ("p1", 0755);
    mkdir ("p2", 0755);
    put ("p1/disc", disc);
    img = open_image (places, 2, cache);
    assert_int_equal (ask (img, 3 * SEGMENT), 0);
    if (is_moved)
      assert_int_equal (rename ("p1/disc", at), 0);
    assert_int_equal (ask (img, 3 * SEGMENT), 0);
    damage (at);
    assert_int_equal (ask (img, 3 * SEGMENT), EBADMSG);
    expect_kept_proof (img);
    put ("right", disc);
    assert_int_equal (rename ("right", at), 0);
    expect_right_soon (img);
    image_close (img);
    segment_cache_free (cache);
    unlink (at);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_written_over),
    cmocka_unit_test (test_moved),
    cmocka_unit_test (test_set_aside),
    cmocka_unit_test (test_copy),
  };

  return cmocka_run_group_tests (tests, group_setup, scratch_leave);
}
