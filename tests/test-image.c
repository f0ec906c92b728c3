/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Images from random segments, compared with a second, slow and obvious reading of
 * segment.h (naive.c): every byte by itself.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "batch.h"
#include "fake-recipe.h"
#include "image_parts.h"
#include "merkle.h"
#include "naive.h"
#include "recoding.h"
#include "rounds.h"

#define SPAN_LOG2 18
#define SPAN (1u << SPAN_LOG2)
#define SEGMENTS 12
#define IMAGE_SIZE ((SEGMENTS - 1) * SPAN + 77777)

#define SOURCES 3
#define SOURCE_SIZE ((3u << 20) + 12345)
#define MAX_OPS 2000
#define STRIDES 6
#define MUCH 2 /* the segment with much material */

static const struct stride strides[STRIDES] = { { 184, 192 },   { 2010, 2048 },
                                                { 1, 3 },       { 65535, 65535 },
                                                { 700, 20000 }, { 5, 5 } };

struct model {
  struct segment seg;
  struct op ops[MAX_OPS];
  struct op material_ops[MAX_OPS]; /* go behind the others */
  uint32_t n_material_ops;
  struct transform transforms[20];
  struct recoding recodings[MAX_OPS];
  uint8_t literals[SPAN];
};

static char folder[] = "test-image.XXXXXX";
static uint8_t *contents[SOURCES];
static struct model models[SEGMENTS];
static uint8_t *image_bytes;
static uint8_t levels[MERKLE_BLOCK]; /* the digests of them */
static struct recipe recipe;
static struct recipe_state recipe_state;
static struct recipe_source ids[SOURCES];
static char names[SOURCES][10];
static struct segment_cache *cache;
static unsigned seed = 20;

static uint32_t
below (uint32_t n)
{
  return (uint32_t) rand_r (&seed) % n;
}

/* ---- Making them */

static void
write_source (int i, size_t size)
{
  int fd = open (names[i], O_CREAT | O_TRUNC | O_WRONLY, 0666);

  assert_int_equal (write (fd, contents[i], size), size);
  close (fd);
}

static void
make_sources (void)
{
  struct error err = ERROR_INIT;
  int fd;

  for (int i = 0; i < SOURCES; ++i) {
    contents[i] = malloc (SOURCE_SIZE);
    for (size_t j = 0; j < SOURCE_SIZE; ++j)
      contents[i][j] = (uint8_t) rand_r (&seed);
    sprintf (names[i], "source%d", i);
    write_source (i, SOURCE_SIZE);
    ids[i] = (struct recipe_source){ .path = names[i], .size = SOURCE_SIZE };
    fd = open (names[i], O_RDONLY);
    assert_int_equal (source_sample (fd, SOURCE_SIZE, &ids[i].sample, &err), 0);
    close (fd);
  }
}

/* Somewhere in the source, or where the last operation on it left off, or near there. */
static uint64_t
choose_from (uint64_t *cursor, uint32_t room)
{
  uint64_t from = *cursor + (below (3) == 0 ? below (40000) : below (2) * 12);

  if (below (30) == 0 || from + room > SOURCE_SIZE)
    from = below (SOURCE_SIZE - room + 1);
  *cursor = from + room;
  return from;
}

static uint32_t
make_strided (struct op *op, uint32_t len, uint64_t *cursor)
{
  uint32_t number = below (STRIDES);
  const struct stride *stride = &strides[number];
  uint32_t phase = below (stride->chunk);
  uint64_t room;

  /* Chunks far apart fill a source quickly. */
  while ((room = (uint64_t) (phase + len - 1) / stride->chunk * stride->period +
                 stride->chunk) > SOURCE_SIZE)
    len /= 2;
  op->kind = OP_STRIDED;
  op->arg = number << 16 | phase;
  op->from = choose_from (cursor, (uint32_t) room);
  return len;
}

/* ---- Recodings */

static uint8_t
byte_of (const struct model *m, const struct op *op, uint64_t i)
{
  const struct stride *s;
  uint64_t phase = op->arg & 0xffff;

  switch ((enum op_kind) op->kind) {
  case OP_LITERAL:
    return m->literals[op->from + i];
  case OP_FILL:
    return (uint8_t) op->arg;
  case OP_COPY:
    return contents[op->source][op->from + i];
  default:
    break;
  }
  s = &strides[op->arg >> 16];
  return contents[op->source]
                 [op->from + (phase + i) / s->chunk * s->period + (phase + i) % s->chunk];
}

/* A copy to position `at`, at most `len` long; returns its length. */
static uint32_t
make_copy (struct op *op, uint32_t at, uint32_t len, uint64_t cursors[SOURCES])
{
  *op = (struct op){ .at = at, .source = below (10) < 8 ? 0 : below (SOURCES) };
  if (below (2) == 0)
    return make_strided (op, len, &cursors[op->source]);
  op->kind = OP_COPY;
  op->from = choose_from (&cursors[op->source], len);
  return len;
}

/* The operations of a recoding's material, some copies; its bytes. */
static uint8_t *
make_material (struct model *m, const struct recoding *r, uint64_t cursors[SOURCES])
{
  uint8_t *bytes = malloc (r->len);
  uint32_t n;

  for (uint32_t i = 0; i < r->len; i += n) {
    struct op *op = &m->material_ops[m->n_material_ops++];

    assert_true (m->n_material_ops <= MAX_OPS);
    n = 1 + below (r->len > 10000 ? 50000 : 2000);
    n = make_copy (op, r->at + i, n < r->len - i ? n : r->len - i, cursors);
    for (uint32_t k = 0; k < n; ++k)
      bytes[i + k] = byte_of (m, op, k);
  }
  return bytes;
}

/* One operation at `at`; returns its length: what is left of a recoding's result. */
static uint32_t
make_recoded (struct model *m, struct op *op, uint32_t most, uint64_t cursors[SOURCES])
{
  struct recoding *r = &m->recodings[m->seg.n_recodings];
  uint8_t *material, *result;
  size_t n;

  *r = (struct recoding){ .at = m->seg.len + m->seg.n_material,
                          .len = 720 + 720 * below (8), /* whole units of everything */
                          .kind =
                            FIRST_RECODING + below (TRANSFORM_KINDS - FIRST_RECODING) };
  /* So much that not all is gathered at once. */
  if (m == &models[MUCH] && r->kind != RECODING_DEFLATE)
    r->len = 999360;
  material = make_material (m, r, cursors);
  result = naive_recode (r->kind, material, r->len, &n);
  if (r->kind == RECODING_DEFLATE)
    r->check = recoding_check (result, n);
  free (material);
  free (result);
  *op = (struct op){ .at = op->at, .kind = OP_RECODED, .arg = m->seg.n_recodings };
  op->from = below (2) * below ((uint32_t) n);
  m->seg.n_recodings++;
  m->seg.n_material += r->len;
  n = 1 + below ((uint32_t) n - op->from);
  most = most < 8000 ? most : 8000;
  return n < most ? (uint32_t) n : most;
}

/* Put the material's operations behind the others. */
static void
append_material (struct model *m)
{
  assert_true (m->seg.n_ops + m->n_material_ops <= MAX_OPS);
  memcpy (m->ops + m->seg.n_ops, m->material_ops, m->n_material_ops * sizeof m->ops[0]);
  m->seg.n_ops += m->n_material_ops;
}

/* One operation at `at`; returns its length. */
static uint32_t
make_op (struct model *m, struct op *op, uint32_t at, uint64_t cursors[SOURCES])
{
  static const uint32_t most[] = { 10, 2000, 6000, 100000 };
  uint32_t len = 1 + below (most[below (100) == 0 ? 3 : below (3)]);

  len = len < m->seg.len - at ? len : m->seg.len - at;
  *op = (struct op){ .at = at };
  switch (below (7)) {
  case 0:
    op->kind = OP_LITERAL;
    op->from = below (SPAN - len + 1);
    break;
  case 1:
    op->kind = OP_FILL;
    op->arg = below (2) * 0x55;
    break;
  case 2:
    return make_recoded (m, op, m->seg.len - at, cursors);
  default:
    return make_copy (op, at, len, cursors);
  }
  return len;
}

/* What is recoded is not transformed as well. */
static bool
is_recoded (const struct model *m, uint32_t at, uint32_t len)
{
  for (uint32_t i = segment_find (&m->seg, at); m->ops[i].at < at + len; ++i)
    if (m->ops[i].kind == OP_RECODED)
      return true;
  return false;
}

static void
make_transforms (struct model *m)
{
  uint32_t at = below (5000), n = 0;

  while (n < 20) {
    enum transform_kind kind = 1 + below (FIRST_RECODING - 1);
    uint32_t len = (1 + below (below (3) ? 200 : 5000)) * transform_unit (kind);

    if (at + len > m->seg.len)
      break;
    if (!is_recoded (m, at, len))
      m->transforms[n++] = (struct transform){ .at = at, .len = len, .kind = kind };
    at += len + below (2) * below (20000);
  }
  m->seg.n_transforms = n;
}

static void
make_segment (struct model *m, uint32_t number)
{
  uint64_t cursors[SOURCES] = { 100000 * number, 0, 0 };
  uint32_t at = 0, n = 0;

  m->seg.len = number == SEGMENTS - 1 ? IMAGE_SIZE - number * SPAN : SPAN;
  for (; at < m->seg.len && n < MAX_OPS; ++n)
    at += make_op (m, &m->ops[n], at, cursors);
  /* What is left if there were that many. */
  if (at < m->seg.len)
    m->ops[n - 1] = (struct op){ .at = m->ops[n - 1].at, .kind = OP_FILL };
  for (size_t i = 0; i < SPAN; ++i)
    m->literals[i] = (uint8_t) rand_r (&seed);
  m->seg.n_ops = n;
  m->seg.ops = m->ops;
  m->seg.strides = strides;
  m->seg.n_strides = STRIDES;
  m->seg.transforms = m->transforms;
  m->seg.literals = m->literals;
  m->seg.n_literals = SPAN;
  m->seg.footprint = 40000;
  m->seg.recodings = m->recodings;
  append_material (m);
  if (number % 2 == 1)
    make_transforms (m);
}

/* ---- Giving them */

static uint32_t broken = UINT32_MAX; /* the segment that cannot be read */

static struct segment *
give_segment (const struct recipe *r, uint32_t number, struct error *err)
{
  (void) r;
  if (number == broken) {
    error_set (err, EIO, "a broken segment");
    return NULL;
  }
  return fake_segment (&models[number].seg);
}

/* Digests of what it is to be, as nobody can write over them. */
int __wrap_recipe_check_merkle (const struct recipe *r, struct error *err);
int __wrap_recipe_check_state (const struct recipe *r, struct error *err);
int __wrap_recipe_digests (const struct recipe *r, uint64_t first, size_t n,
                           uint8_t *digests, struct error *err);

int
__wrap_recipe_check_merkle (const struct recipe *r, struct error *err)
{
  (void) r;
  (void) err;
  return 0;
}

int
__wrap_recipe_check_state (const struct recipe *r, struct error *err)
{
  (void) r;
  (void) err;
  return 0;
}

int
__wrap_recipe_digests (const struct recipe *r, uint64_t first, size_t n, uint8_t *digests,
                       struct error *err)
{
  (void) err;
  assert_true ((first + n) * MERKLE_DIGEST <= r->merkle_len);
  memcpy (digests, levels + first * MERKLE_DIGEST, n * MERKLE_DIGEST);
  return 0;
}

static void
make_levels (void)
{
  struct error err = ERROR_INIT;

  recipe.merkle_len = merkle_stored_len (IMAGE_SIZE);
  assert_true (recipe.merkle_len <= sizeof levels);
  for (uint64_t i = 0; i < merkle_groups (IMAGE_SIZE); i++) {
    size_t at = i * MERKLE_GROUP, left = IMAGE_SIZE - at;

    assert_int_equal (merkle_group_digest (image_bytes + at,
                                           left < MERKLE_GROUP ? left : MERKLE_GROUP,
                                           IMAGE_SIZE, levels + i * MERKLE_DIGEST, &err),
                      0);
  }
  assert_int_equal (merkle_finish (levels, IMAGE_SIZE, &err), 0);
}

static int
group_setup (void **state)
{
  (void) state;
  if (!mkdtemp (folder) || chdir (folder) == -1)
    return -1;
  make_sources ();
  image_bytes = malloc (IMAGE_SIZE);
  for (uint32_t i = 0; i < SEGMENTS; ++i) {
    make_segment (&models[i], i);
    naive_rebuild (&models[i].seg, (const uint8_t *const *) contents,
                   image_bytes + i * SPAN);
  }
  recipe = (struct recipe){ .path = (char *) "test.mkvdup",
                            .image_size = IMAGE_SIZE,
                            .span_log2 = SPAN_LOG2,
                            .n_segments = SEGMENTS,
                            .n_sources = SOURCES,
                            .sources = ids,
                            .zlib = "9.8.7",
                            .state = &recipe_state };
  fake_recipe = &recipe;
  fake_recipe_segment = give_segment;
  /* Room for a few segments: some of the reads below have to decode. */
  cache = segment_cache_new (200000);
  return 0;
}

static int
group_teardown (void **state)
{
  char command[64];

  (void) state;
  segment_cache_free (cache);
  for (int i = 0; i < SOURCES; ++i)
    free (contents[i]);
  free (image_bytes);
  snprintf (command, sizeof command, "rm -rf %s", folder);
  return chdir ("..") || system (command) || atomic_load (&fake_segments);
}

static struct image *
open_image (void)
{
  static const char *const places[] = { "." };
  struct error err = ERROR_INIT;
  struct image *img;

  make_levels ();
  img = image_open ("test.mkvdup", places, 1, cache, &err);
  assert_non_null (img);
  return img;
}

/* ---- Reading */

static void
expect_bytes (struct image *img, uint64_t at, size_t len)
{
  struct error err = ERROR_INIT;
  uint8_t *buf = malloc (len + 2);

  memset (buf, 0xa5, len + 2);
  if (image_read (img, buf + 1, len, at, &err) == -1)
    fail_msg ("%zu bytes at %llu: %s", len, (unsigned long long) at, err.text);
  if (memcmp (buf + 1, image_bytes + at, len) != 0) {
    size_t i = 0;

    while (buf[i + 1] == image_bytes[at + i])
      ++i;
    fail_msg ("byte %zu of %zu at %llu is wrong", i, len, (unsigned long long) at);
  }
  assert_int_equal (buf[0], 0xa5);
  assert_int_equal (buf[len + 1], 0xa5);
  free (buf);
}

/* A byte more and less at both ends. */
static void
expect_around (struct image *img, uint64_t at, uint64_t end)
{
  for (int a = -1; a <= 1; ++a) {
    for (int b = -1; b <= 1; ++b) {
      uint64_t from = at + (uint64_t) a, to = end + (uint64_t) b;

      if (from < to && to <= IMAGE_SIZE)
        expect_bytes (img, from, (size_t) (to - from));
    }
  }
}

static void
test_whole (void **state)
{
  struct image *img = open_image ();

  (void) state;
  assert_int_equal (image_size (img), IMAGE_SIZE);
  assert_true (models[MUCH].seg.n_material > MATERIAL_AT_ONCE);
  for (int round = 0; round < 2; ++round)
    expect_bytes (img, 0, IMAGE_SIZE);
  expect_bytes (img, 100, 0);
  image_close (img);
}

/* Many small recodings take memory, too, before they are made. */
static void
test_small_jobs (void **state)
{
  const struct recoding small = { .len = 1, .kind = RECODING_DEFLATE };
  struct walk w = { .jobs = NULL };
  uint8_t result;

  (void) state;
  for (int i = 0; i < 100; ++i)
    assert_non_null (image_recode_later (&w, &small, 0, 1, 0, &result));
  assert_true (w.job_bytes >= 100 * 4 * sizeof (void *));
  image_recode_drop (&w);
  assert_int_equal (w.job_bytes, 0);
}

static void
test_borders (void **state)
{
  struct image *img = open_image ();

  (void) state;
  for (uint64_t s = 0; s < SEGMENTS; ++s) {
    const struct model *m = &models[s];

    expect_around (img, s * SPAN, s * SPAN + m->seg.len);
    expect_around (img, s * SPAN, s * SPAN + 1);
    for (uint32_t i = 0; i < m->seg.n_ops; i += 7)
      expect_around (img, s * SPAN + m->ops[i].at,
                     s * SPAN + segment_op_end (&m->seg, i));
    for (uint32_t t = 0; t < m->seg.n_transforms; ++t) {
      uint64_t at = s * SPAN + m->transforms[t].at;

      expect_around (img, at, at + m->transforms[t].len);
      expect_around (img, at, at + 5);
      for (uint64_t i = 0; i < 13; ++i)
        for (size_t len = 1; len < 9 && at + i + len < IMAGE_SIZE; ++len)
          expect_bytes (img, at + i, len);
    }
  }
  image_close (img);
}

static void
read_randomly (struct image *img, unsigned *thread_seed, unsigned times)
{
  static const unsigned most[] = { 100, 5000, 70000, 600000 };

  for (unsigned n = rounds (times); n > 0; --n) {
    uint64_t at = (unsigned) rand_r (thread_seed) % IMAGE_SIZE;
    size_t len = (unsigned) rand_r (thread_seed) % most[rand_r (thread_seed) % 4];

    expect_bytes (img, at, len < IMAGE_SIZE - at ? len : IMAGE_SIZE - at);
  }
}

static void
test_random (void **state)
{
  struct image *img = open_image ();

  (void) state;
  read_randomly (img, &seed, 1000);
  batch_force_pread (true);
  read_randomly (img, &seed, 300);
  batch_force_pread (false);
  image_close (img);
}

/* Past the page cache, where the file system can: a block is more than was asked for, and
 * the source's last one is cut short.
 */
static void
test_direct (void **state)
{
  struct image *img = open_image ();
  struct error err = ERROR_INIT;

  (void) state;
  image_read_directly (img);
  if (image_open_sources (img, &err) == -1) {
    assert_non_null (strstr (err.text, "reading past the page cache"));
    image_close (img);
    skip ();
  }
  expect_bytes (img, 0, IMAGE_SIZE);
  read_randomly (img, &seed, 300);
  batch_force_pread (true);
  read_randomly (img, &seed, 100);
  batch_force_pread (false);
  image_close (img);
}

static void *
reader (void *img)
{
  unsigned thread_seed = (unsigned) (uintptr_t) &thread_seed >> 4;

  read_randomly (img, &thread_seed, 100);
  return NULL;
}

static void
test_threads (void **state)
{
  struct image *img = open_image ();
  pthread_t threads[6];

  (void) state;
  for (int i = 0; i < 6; ++i)
    assert_int_equal (pthread_create (&threads[i], NULL, reader, img), 0);
  for (int i = 0; i < 6; ++i)
    pthread_join (threads[i], NULL);
  image_close (img);
}

static void
expect_failure (struct image *img, uint64_t at, size_t len, const char *text)
{
  struct error err = ERROR_INIT;
  uint8_t *buf = malloc (len);

  assert_int_equal (image_read (img, buf, len, at, &err), -1);
  if (!strstr (err.text, text))
    fail_msg ("\"%s\" does not say \"%s\"", err.text, text);
  free (buf);
}

static void
test_beyond_end (void **state)
{
  struct image *img = open_image ();

  (void) state;
  expect_failure (img, IMAGE_SIZE - 10, 11, "beyond the image's end");
  expect_failure (img, UINT64_MAX - 5, 10, "beyond the image's end");
  image_close (img);
}

/* Longer than an outcome holds. */
static void
wait_for_next_look (void)
{
  usleep (1100000);
}

/* ---- Recodings that give something else */

#define HAS_DEFLATED 4 /* a segment of which some is deflated */

/* The first operation that deflates there. */
static struct op *
find_deflated (void)
{
  struct model *m = &models[HAS_DEFLATED];
  struct op *op = m->ops;

  while (op->kind != OP_RECODED || m->recodings[op->arg].kind != RECODING_DEFLATE)
    ++op;
  return op;
}

static void
expect_other_zlib (struct image *img, uint64_t at, size_t len, uint64_t named)
{
  char text[100];

  snprintf (text, sizeof text, "test.mkvdup: the image's bytes from %llu on deflate",
            (unsigned long long) named);
  expect_failure (img, at, len, text);
  expect_failure (img, at, len, "otherwise than with zlib 9.8.7");
  snprintf (text, sizeof text, "this is %s", recoding_zlib ());
  expect_failure (img, at, len, text);
}

/* A result that is not what it was is not served, not a byte of it. */
static void
test_other_zlib (void **state)
{
  const struct op *op = find_deflated ();
  uint64_t at = HAS_DEFLATED * SPAN + op[0].at, end = HAS_DEFLATED * SPAN + op[1].at;
  struct recoding *r = &models[HAS_DEFLATED].recodings[op->arg];
  struct error err = ERROR_INIT;
  uint8_t byte = image_bytes[at] ^ 1;
  struct image *img;

  (void) state;
  r->check ^= 1u << 31;
  img = open_image ();
  expect_other_zlib (img, at, 1, at);
  expect_other_zlib (img, end - 1, 1, end - 1);
  expect_other_zlib (img, 0, IMAGE_SIZE, at);
  assert_int_equal (image_read (img, &byte, 1, at, &err), -1);
  assert_int_equal (byte, image_bytes[at] ^ 1);
  assert_int_equal (err.errnum, EBADMSG);
  /* All others are. */
  expect_bytes (img, 0, at);
  expect_bytes (img, end, IMAGE_SIZE - end);
  image_close (img);
  r->check ^= 1u << 31;
}

/* Nor one that is too short. */
static void
test_too_short (void **state)
{
  struct op *op = find_deflated ();
  uint64_t at = HAS_DEFLATED * SPAN + op->at, from = op->from;
  const struct recoding *r = &models[HAS_DEFLATED].recodings[op->arg];
  struct image *img;

  (void) state;
  op->from = recoding_bound (RECODING_DEFLATE, r->len) - 1;
  img = open_image ();
  expect_other_zlib (img, at, 1, at);
  image_close (img);
  op->from = from;
}

/* All bits of a source that its sample does not have, which are the first and last of 16 blocks
 * and those between.
 */
static void
spoil_source (int i)
{
  uint8_t *bytes = malloc (SOURCE_SIZE);
  int fd = open (names[i], O_WRONLY);

  for (size_t j = 0; j < SOURCE_SIZE; ++j)
    bytes[j] = (uint8_t) ~contents[i][j];
  for (size_t k = 0, n = SOURCE_SIZE / 4096 + 1; k < 16; ++k) {
    size_t at = k * (n - 1) / 15 * 4096;

    memcpy (bytes + at, contents[i] + at,
            at + 4096 < SOURCE_SIZE ? 4096 : SOURCE_SIZE - at);
  }
  assert_int_equal (write (fd, bytes, SOURCE_SIZE), SOURCE_SIZE);
  close (fd);
  free (bytes);
}

/* Wrong material is as wrong as what is copied: the right file takes its place. */
static void
test_wrong_material (void **state)
{
  const struct op *op = find_deflated ();
  uint64_t at = HAS_DEFLATED * SPAN + op->at;
  struct error err = ERROR_INIT;
  struct image *img = open_image ();
  uint8_t byte;

  (void) state;
  for (int i = 0; i < SOURCES; ++i)
    spoil_source (i);
  assert_int_equal (image_set_verify (img, IMAGE_VERIFY_LAZY, &err), 0);
  expect_failure (img, at, 1, "on deflate");
  for (int i = 0; i < SOURCES; ++i) {
    assert_int_equal (unlink (names[i]), 0);
    write_source (i, SOURCE_SIZE);
  }
  wait_for_next_look ();
  /* A read copes with two that have changed, and here are three. */
  if (image_read (img, &byte, 1, at, &err) == -1)
    assert_int_equal (err.errnum, ESTALE);
  expect_bytes (img, at, 1);
  expect_bytes (img, 0, IMAGE_SIZE);
  image_close (img);
}

/* ---- Sources that fail */

static void
test_missing (void **state)
{
  struct image *img = open_image ();
  struct error err = ERROR_INIT;

  (void) state;
  assert_int_equal (rename ("source0", "away"), 0);
  expect_failure (img, 0, IMAGE_SIZE,
                  "source source0 was not found: ./source0: No such file");
  assert_int_equal (image_open_sources (img, &err), -1);
  assert_int_equal (rename ("away", "source0"), 0);
  wait_for_next_look ();
  assert_int_equal (image_open_sources (img, &err), 0);
  expect_bytes (img, 0, IMAGE_SIZE);
  image_close (img);
}

static void
test_truncated (void **state)
{
  struct image *img = open_image ();

  (void) state;
  expect_bytes (img, 0, IMAGE_SIZE);
  wait_for_next_look ();
  assert_int_equal (truncate ("source0", 50000), 0);
  expect_failure (img, 0, IMAGE_SIZE, "./source0: ");
  expect_failure (img, 0, IMAGE_SIZE, "is 50000 bytes long and not 3158073");
  /* A new file of that name is found although the old one stays open. */
  assert_int_equal (unlink ("source0"), 0);
  write_source (0, SOURCE_SIZE);
  wait_for_next_look ();
  expect_bytes (img, 0, IMAGE_SIZE);
  image_close (img);
}

static void
test_changed (void **state)
{
  struct image *img = open_image ();
  int fd = open ("source0", O_WRONLY);

  (void) state;
  expect_bytes (img, 0, IMAGE_SIZE);
  wait_for_next_look ();
  /* Touched, and still the same: nobody notices. */
  assert_int_equal (pwrite (fd, contents[0], 100, 0), 100);
  expect_bytes (img, 0, IMAGE_SIZE);
  wait_for_next_look ();
  assert_int_equal (pwrite (fd, contents[1], 100, 0), 100);
  expect_failure (img, 0, IMAGE_SIZE, "./source0: was written to");
  expect_failure (img, 0, IMAGE_SIZE, "has the right size but other content");
  assert_int_equal (pwrite (fd, contents[0], 100, 0), 100);
  wait_for_next_look ();
  expect_bytes (img, 0, IMAGE_SIZE);
  close (fd);
  image_close (img);
}

/* ---- Advice */

struct told {
  uint64_t next, zeros;
  int calls, stop_after;
};

static int
check_extent (void *opaque, uint64_t offset, uint64_t len, bool zero)
{
  struct told *told = opaque;

  assert_true (len > 0);
  assert_int_equal (offset, told->next);
  told->next += len;
  if (zero) {
    for (uint64_t i = offset; i < offset + len; ++i)
      assert_int_equal (image_bytes[i], 0);
    told->zeros += len;
  }
  return ++told->calls == told->stop_after ? 17 : 0;
}

static void
test_extents (void **state)
{
  struct image *img = open_image ();
  struct error err = ERROR_INIT;
  struct told told = { 0 };

  (void) state;
  while (told.next < IMAGE_SIZE) {
    uint64_t before = told.next;

    assert_int_equal (
      image_extents (img, before, IMAGE_SIZE - before, check_extent, &told, &err), 0);
    assert_true (told.next > before && told.next - before <= 4 * SPAN);
  }
  assert_true (told.zeros > 0);

  for (int i = 0; i < 500; ++i) {
    uint64_t at = below (IMAGE_SIZE), len = 1 + below ((uint32_t) (IMAGE_SIZE - at));

    told = (struct told){ .next = at };
    assert_int_equal (image_extents (img, at, len, check_extent, &told, &err), 0);
    assert_true (told.calls > 0 && told.next <= at + len);
    told = (struct told){ .next = at, .stop_after = 1 };
    assert_int_equal (image_extents (img, at, len, check_extent, &told, &err), 17);
    assert_int_equal (told.calls, 1);
  }
  image_close (img);
}

int __real_clock_gettime (clockid_t clock, struct timespec *t);
int __wrap_clock_gettime (clockid_t clock, struct timespec *t);

/* Nobody has written to the sources for long. */
int
__wrap_clock_gettime (clockid_t clock, struct timespec *t)
{
  int r = __real_clock_gettime (clock, t);

  if (clock == CLOCK_REALTIME)
    t->tv_sec += 400;
  return r;
}

static uint64_t
zeros_told (struct image *img)
{
  struct told told = { 0 };
  struct error err = ERROR_INIT;

  while (told.next < IMAGE_SIZE)
    assert_int_equal (
      image_extents (img, told.next, IMAGE_SIZE - told.next, check_extent, &told, &err),
      0);
  return told.zeros;
}

/* What the recipe says are zeros is told as such only where its digests say so, too. */
static void
test_extents_proven (void **state)
{
  const uint32_t first = 4; /* of two segments that are a group */
  struct segment kept[2] = { models[first].seg, models[first + 1].seg };
  static const struct op fill = { .kind = OP_FILL };
  uint8_t *bytes = image_bytes + first * SPAN;
  uint8_t *before = malloc (MERKLE_GROUP);
  struct error err = ERROR_INIT;
  struct image *img = open_image ();
  uint64_t all = zeros_told (img);

  (void) state;
  assert_int_equal (image_set_verify (img, IMAGE_VERIFY_LAZY, &err), 0);
  assert_int_equal (zeros_told (img), 0);
  for (int i = 0; i < 2; ++i)
    expect_bytes (img, 0, IMAGE_SIZE);
  assert_int_equal (zeros_told (img), all);
  image_close (img);

  memcpy (before, bytes, MERKLE_GROUP);
  memset (bytes, 0, MERKLE_GROUP);
  for (int i = 0; i < 2; ++i)
    models[first + i].seg = (struct segment){ .len = SPAN, .n_ops = 1, .ops = &fill };
  img = open_image ();
  assert_int_equal (image_set_verify (img, IMAGE_VERIFY_FULL, &err), 0);
  assert_int_equal (zeros_told (img), MERKLE_GROUP);
  image_close (img);
  memcpy (bytes, before, MERKLE_GROUP);
  for (int i = 0; i < 2; ++i)
    models[first + i].seg = kept[i];
  free (before);
}

/* What is known of others is told, and nothing of it. */
static void
test_extents_broken (void **state)
{
  struct image *img = open_image ();
  struct error err = ERROR_INIT;
  struct told told = { 0 };

  (void) state;
  broken = 2;
  assert_int_equal (image_extents (img, 0, IMAGE_SIZE, check_extent, &told, &err), 0);
  assert_int_equal (told.next, 2 * SPAN);
  told = (struct told){ .next = 2 * SPAN + 5 };
  assert_int_equal (
    image_extents (img, told.next, IMAGE_SIZE - told.next, check_extent, &told, &err), 0);
  assert_int_equal (told.next, 3 * SPAN);
  assert_int_equal (told.zeros, 0);
  assert_int_equal (image_extents (img, 0, IMAGE_SIZE + 1, check_extent, &told, &err),
                    -1);
  broken = UINT32_MAX;
  image_close (img);
}

static void
test_prefetch (void **state)
{
  struct image *img = open_image ();
  struct error err = ERROR_INIT;

  (void) state;
  for (int i = 0; i < 200; ++i) {
    uint64_t at = below (IMAGE_SIZE);

    assert_int_equal (
      image_prefetch (img, at, below ((uint32_t) (IMAGE_SIZE - at)), &err), 0);
  }
  image_close (img);
}

/* What is recoded needs its material: a source that cannot be found shows. */
static void
test_prefetch_material (void **state)
{
  static const char *const places[] = { "nowhere" };
  uint64_t at = HAS_DEFLATED * SPAN + find_deflated ()->at;
  struct error err = ERROR_INIT;
  struct image *img = image_open ("test.mkvdup", places, 1, cache, &err);

  (void) state;
  assert_non_null (img);
  assert_int_equal (image_prefetch (img, at, 1, &err), -1);
  assert_non_null (strstr (err.text, "was not found"));
  image_close (img);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_whole),
    cmocka_unit_test (test_small_jobs),
    cmocka_unit_test (test_borders),
    cmocka_unit_test (test_random),
    cmocka_unit_test (test_direct),
    cmocka_unit_test (test_threads),
    cmocka_unit_test (test_beyond_end),
    cmocka_unit_test (test_missing),
    cmocka_unit_test (test_truncated),
    cmocka_unit_test (test_changed),
    cmocka_unit_test (test_extents),
    cmocka_unit_test (test_prefetch),
    cmocka_unit_test (test_prefetch_material),
    cmocka_unit_test (test_other_zlib),
    cmocka_unit_test (test_too_short),
    cmocka_unit_test (test_wrong_material),
    cmocka_unit_test (test_extents_broken),
    cmocka_unit_test (test_extents_proven),
  };

  cmocka_set_test_filter (tests_with_threads ());
  return cmocka_run_group_tests (tests, group_setup, group_teardown);
}
