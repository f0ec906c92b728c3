/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lib/disc_library.c: what is put into a library of discs comes back, nothing of it is lost
 * when several change it at once, and what is damaged is not believed.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <xxhash.h>

#include "bytes.h"
#include "disc_library.h"
#include "rng.h"
#include "scratch.h"

#define MAX 40 /* hashes of a disc */

/* A disc of seeded hashes. */
struct made {
  struct disc_addition added;
  char path[64];
  uint64_t hashes[MAX];
};

static void
make (struct made *m, unsigned number, uint64_t seed)
{
  *m = (struct made){ .added.hashes = m->hashes };
  snprintf (m->path, sizeof m->path, "/discs/%u \xff.iso", number);
  m->added.disc = (struct library_disc){ .path = m->path,
                                         .identity = { (uint8_t) number, 1 },
                                         .bytes = seed * 1000,
                                         .n_hashes = (uint32_t) rng_below (&seed, MAX) };
  for (uint32_t i = 0; i < m->added.disc.n_hashes; i++)
    m->hashes[i] = (i ? m->hashes[i - 1] : 0) + 1 + rng_below (&seed, 1000);
  m->added.disc.limit = DISC_HASH_MAX;
  if (m->added.disc.n_hashes > 0)
    m->added.disc.limit = m->hashes[m->added.disc.n_hashes - 1];
}

/* Has the library the disc as it was made? */
static void
assert_has (const struct disc_library *l, const struct made *m)
{
  const struct library_disc *d = disc_library_find (l, m->path);

  assert_non_null (d);
  assert_true (d->bytes == m->added.disc.bytes && d->limit == m->added.disc.limit);
  assert_int_equal (d->n_hashes, m->added.disc.n_hashes);
  assert_memory_equal (d->identity, m->added.disc.identity, IDENTITY_SIZE);
  for (uint32_t i = 0; i < d->n_hashes; i++) {
    size_t n, here = 0;
    const uint64_t *e = disc_library_lookup (l, m->hashes[i], &n);

    for (size_t k = 0; k < n; k++) {
      assert_true (disc_entry_hash (e[k]) == m->hashes[i]);
      here += l->discs + disc_entry_disc (e[k]) == d;
    }
    assert_int_equal (here, 1);
  }
}

static void
put (const struct made *m)
{
  struct error err = ERROR_INIT;

  assert_int_equal (disc_library_update ("a/b/discs", &m->added, 1, NULL, NULL, &err), 0);
}

static void
get (struct disc_library *l)
{
  struct error err = ERROR_INIT;

  assert_int_equal (disc_library_read (l, "a/b/discs", &err), 0);
}

/* In no order, one by one, some of them twice: the last counts. */
static void
test_round_trip (void **state)
{
  CLEANUP_DISC_LIBRARY struct disc_library l = { 0 };
  static struct made made[30];

  (void) state;
  get (&l);
  assert_int_equal (l.n, 0);
  for (unsigned i = 0; i < 40; i++) {
    unsigned number = i * 7 % 30;

    make (&made[number], number, i);
    put (&made[number]);
  }
  get (&l);
  assert_int_equal (l.n, 30);
  for (unsigned i = 0; i < 30; i++)
    assert_has (&l, &made[i]);
  assert_null (disc_library_find (&l, "/discs/30 \xff.iso"));
}

/* However it came to be, it is written in one way. */
static void
test_one_way (void **state)
{
  CLEANUP_DISC_LIBRARY struct disc_library a = { 0 }, b = { 0 };
  CLEANUP_BUFFER struct buffer x = BUFFER_INIT, y = BUFFER_INIT;
  static struct made made[10];
  struct disc_addition all[20];
  struct error err = ERROR_INIT;

  (void) state;
  for (unsigned i = 0; i < 10; i++) {
    make (&made[i], i, i + 1);
    all[9 - i] = all[10 + i] = made[i].added;
    assert_int_equal (disc_library_change (&a, &made[i].added, 1, NULL, NULL, &err), 0);
  }
  assert_int_equal (disc_library_change (&b, all, 20, NULL, NULL, &err), 0);
  disc_library_format (&a, &x);
  disc_library_format (&b, &y);
  assert_int_equal (x.len, y.len);
  assert_memory_equal (x.data, y.data, x.len);
}

static bool
is_not (void *path, const struct library_disc *disc)
{
  return strcmp (disc->path, path) != 0;
}

static void
test_drop (void **state)
{
  CLEANUP_DISC_LIBRARY struct disc_library l = { 0 };
  struct error err = ERROR_INIT;
  static struct made made[3];

  (void) state;
  for (unsigned i = 0; i < 3; i++) {
    make (&made[i], i, 77 + i);
    put (&made[i]);
  }
  assert_int_equal (
    disc_library_update ("a/b/discs", NULL, 0, is_not, made[1].path, &err), 0);
  get (&l);
  assert_int_equal (l.n, 2);
  assert_has (&l, &made[0]);
  assert_has (&l, &made[2]);
}

/* Several processes at once, each with discs of its own: all of them are there in the end. */
static void
test_together (void **state)
{
  enum {
    PROCESSES = 4,
    DISCS = 8
  };
  CLEANUP_DISC_LIBRARY struct disc_library l = { 0 };
  struct made m;
  int status;

  (void) state;
  for (unsigned p = 0; p < PROCESSES; p++)
    if (fork () == 0) {
      struct error err = ERROR_INIT;
      int r = 0;

      for (unsigned i = 0; i < DISCS; i++) {
        make (&m, p * DISCS + i, p * DISCS + i);
        r |= disc_library_update ("a/b/discs", &m.added, 1, NULL, NULL, &err);
      }
      _exit (r != 0);
    }
  for (unsigned p = 0; p < PROCESSES; p++)
    assert_true (wait (&status) > 0 && status == 0);
  get (&l);
  assert_int_equal (l.n, PROCESSES * DISCS);
  for (unsigned i = 0; i < PROCESSES * DISCS; i++) {
    make (&m, i, i);
    assert_has (&l, &m);
  }
}

/* ---- what is not believed ---- */

static void
small_library (struct buffer *out)
{
  CLEANUP_DISC_LIBRARY struct disc_library l = { 0 };
  struct error err = ERROR_INIT;
  struct made m;

  for (unsigned i = 0; i < 3; i++) {
    make (&m, i, 5 + i);
    assert_int_equal (disc_library_change (&l, &m.added, 1, NULL, NULL, &err), 0);
  }
  disc_library_format (&l, out);
}

static void
refuse (const void *data, size_t len, const char *why)
{
  struct disc_library l;
  struct error err = ERROR_INIT;

  assert_int_equal (disc_library_parse (&l, data, len, &err), -1);
  assert_int_equal (l.n, 0);
  if (why)
    assert_string_equal (err.text, why);
}

/* Every bit counts, and so does the length. */
static void
test_damaged (void **state)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;

  (void) state;
  small_library (&b);
  for (size_t i = 0; i < b.len; i++) {
    b.data[i] ^= (uint8_t) (1 << i % 8);
    refuse (b.data, b.len, NULL);
    b.data[i] ^= (uint8_t) (1 << i % 8);
    refuse (b.data, i, NULL);
  }
  buffer_u8 (&b, 0);
  refuse (b.data, b.len, "is damaged: what it says is not believed");
  refuse ("", 0, "is no library of discs");
}

/* The checksums that go with the bytes. */
static void
seal (struct buffer *b)
{
  put_le64 (b->data + 32, XXH3_64bits (b->data + 48, b->len - 48));
  put_le64 (b->data + 40, XXH3_64bits (b->data, 40));
}

/* Nobody's mistake, but somebody's intent. */
static void
test_forged (void **state)
{
  static const struct {
    size_t at;
    uint64_t value;
  } forged[] = {
    { 12, 2 | 1ULL << 32 },                   /* fewer discs */
    { 12, UINT32_MAX },                       /* more than there is room for */
    { 16, UINT64_MAX / 8 },                   /* hashes */
    { 24, UINT64_MAX },                       /* bytes of names */
    { 48 + 24, DISC_HASH_MAX + 1 },           /* a limit */
    { 48 + 24, 0 },                           /* below its hashes */
    { 48 + 32, 1 },                           /* fewer hashes of a disc */
    { 48 + 32, DISC_LIBRARY_MAX_HASHES + 1 }, /* more than one may have */
    { 48 + 3 * 40, UINT64_MAX },              /* an entry out of order */
    { 48 + 3 * 40, 3 },                       /* of a disc that is none */
  };

  (void) state;
  for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
    CLEANUP_BUFFER struct buffer b = BUFFER_INIT;

    small_library (&b);
    put_le64 (b.data + forged[i].at, forged[i].value);
    seal (&b);
    refuse (b.data, b.len, "is damaged: what it says is not believed");
  }
}

static void
test_version (void **state)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;

  (void) state;
  small_library (&b);
  put_le32 (b.data + 8, 2);
  seal (&b);
  refuse (b.data, b.len, "is a library of discs of another version, 2");
}

/* What is somebody else's is not replaced. */
static void
test_not_replaced (void **state)
{
  struct error err = ERROR_INIT;
  char text[16] = "";
  struct made m;
  int fd;

  (void) state;
  put_text ("a/b/discs", "my discs");
  make (&m, 1, 1);
  assert_int_equal (disc_library_update ("a/b/discs", &m.added, 1, NULL, NULL, &err), -1);
  assert_string_equal (err.text, "a/b/discs: is no library of discs");
  fd = open ("a/b/discs", O_RDONLY);
  assert_int_equal (read (fd, text, sizeof text - 1), 8);
  close (fd);
  assert_string_equal (text, "my discs");
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_teardown (name, scratch_empty)
  const struct CMUnitTest tests[] = {
    TEST (test_round_trip), TEST (test_one_way),      TEST (test_drop),
    TEST (test_together),   TEST (test_damaged),      TEST (test_forged),
    TEST (test_version),    TEST (test_not_replaced),
  };

  return cmocka_run_group_tests (tests, scratch_enter, scratch_leave);
}
