/* SPDX-License-Identifier: BSD-3-Clause */
/* lib/check_state.c: what is remembered comes back, and what is damaged is not believed. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <xxhash.h>

#include "check_state.h"
#include "rng.h"
#include "scratch.h"

#define ID "000102030405060708090a0b0c0d0e0f"
#define HEAD "mkvdup check 1\nround 7 open\n"

static void
put (struct check_state *state, enum check_kind kind, const char *name, int64_t when)
{
  CLEANUP_FREE char *copy = strdup (name);
  struct check_record r = {
    .kind = kind, .name = copy, .good = true, .round = state->round, .when = when
  };
  struct error err = ERROR_INIT;

  for (size_t i = 0; i < sizeof r.identity; i++)
    r.identity[i] = (uint8_t) i;
  assert_int_equal (check_state_put (state, &r, &err), 0);
}

/* The text with the end that it has to have. */
static void
seal (struct buffer *out, const char *text)
{
  char end[32];

  snprintf (end, sizeof end, "end %016" PRIx64 "\n",
            (uint64_t) XXH3_64bits (text, strlen (text)));
  buffer_append (out, text, strlen (text));
  buffer_append (out, end, strlen (end));
}

/* The format, to the letter. */
static void
test_format (void **unused)
{
  struct check_state state = { .round = 7, .is_open = true };
  CLEANUP_BUFFER struct buffer out = BUFFER_INIT, want = BUFFER_INIT;

  (void) unused;
  put (&state, CHECK_SOURCE, "/discs/a\nb\\.iso", 6);
  put (&state, CHECK_TITLE, "b \xc3\xa9.mkv", 5);
  put (&state, CHECK_TITLE, "a", 4);
  check_state_find (&state, CHECK_TITLE, "a")->good = false;
  check_state_format (&state, &out);
  seal (&want, HEAD "title bad 7 4 " ID " a\n"
                    "title good 7 5 " ID " b \xc3\xa9.mkv\n"
                    "source good 7 6 " ID " /discs/a\\012b\\134.iso\n");
  assert_int_equal (out.len, want.len);
  assert_memory_equal (out.data, want.data, want.len);
  check_state_free (&state);
}

static void
test_round_trip (void **unused)
{
  struct check_state state = { 0 }, back = { 0 };
  struct error err = ERROR_INIT;
  uint64_t seed = 1;

  (void) unused;
  assert_int_equal (check_state_read (&back, "state", &err), 0);
  assert_int_equal (back.n, 0);
  check_state_begin (&state);
  for (int i = 0; i < 500; i++) {
    char name[64];

    snprintf (name, sizeof name, "%02x/\xff \r\t\\ %d", (unsigned) rng_below (&seed, 256),
              i);
    put (&state, i % 2 ? CHECK_TITLE : CHECK_SOURCE, name,
         (int64_t) (rng_next (&seed) >> 1));
  }
  assert_int_equal (check_state_write (&state, "state", &err), 0);
  assert_int_equal (check_state_read (&back, "state", &err), 0);
  assert_int_equal (back.n, 500);
  assert_true (back.round == 1 && back.is_open);
  for (size_t i = 0; i < back.n; i++) {
    const struct check_record *a = &state.records[i], *b = &back.records[i];

    assert_string_equal (a->name, b->name);
    assert_true (a->kind == b->kind && a->good == b->good && a->when == b->when &&
                 a->round == b->round);
    assert_memory_equal (a->identity, b->identity, sizeof a->identity);
    assert_ptr_equal (check_state_find (&back, b->kind, b->name), b);
  }
  check_state_free (&state);
  check_state_free (&back);
}

/* A title and a source of one name are two; what is put again replaces. */
static void
test_put (void **unused)
{
  struct check_state state = { 0 };

  (void) unused;
  assert_null (check_state_find (&state, CHECK_TITLE, "a"));
  put (&state, CHECK_TITLE, "a", 1);
  put (&state, CHECK_SOURCE, "a", 2);
  put (&state, CHECK_TITLE, "a", 3);
  assert_int_equal (state.n, 2);
  assert_int_equal (check_state_find (&state, CHECK_TITLE, "a")->when, 3);
  assert_int_equal (check_state_find (&state, CHECK_SOURCE, "a")->when, 2);
  assert_null (check_state_find (&state, CHECK_TITLE, "aa"));
  check_state_free (&state);
}

static void
test_rounds (void **unused)
{
  struct check_state state = { 0 };

  (void) unused;
  check_state_begin (&state);
  assert_true (state.round == 1 && state.is_open);
  check_state_begin (&state); /* an open one is gone on with */
  assert_true (state.round == 1 && state.is_open);
  put (&state, CHECK_TITLE, "gone", 1);
  put (&state, CHECK_TITLE, "there", 1);
  check_state_find (&state, CHECK_TITLE, "there")->is_wanted = true;
  check_state_end (&state);
  assert_false (state.is_open);
  assert_int_equal (state.n, 1);
  assert_string_equal (state.records[0].name, "there");
  check_state_begin (&state);
  assert_true (state.round == 2);
  check_state_free (&state);
}

/* Is it believed? */
static bool
parses (const char *text, size_t len)
{
  struct check_state state;
  struct error err = ERROR_INIT;
  int r = check_state_parse (&state, text, len, &err);

  assert_true (r == 0 || (err.text[0] != '\0' && state.n == 0));
  check_state_free (&state);
  return r == 0;
}

static void
test_malformed (void **unused)
{
  static const char *const wrong[] = {
    "",
    "mkvdup check 2\nround 7 open\n",
    "mkvdup sources 1\n",
    "mkvdup check 1\n",
    "mkvdup check 1\nround 7\n",
    "mkvdup check 1\nround 07 open\n",
    "mkvdup check 1\nround  open\n",
    "mkvdup check 1\nround 18446744073709551616 open\n",
    "mkvdup check 1\nround 7 open",
    HEAD "\n",
    HEAD "disc good 7 5 " ID " a\n",
    HEAD "title fair 7 5 " ID " a\n",
    HEAD "title good 8 5 " ID " a\n", /* a round that is to come */
    HEAD "title good 9 5 " ID " a\n",
    HEAD "title good 7 05 " ID " a\n",
    HEAD "title good 7 -5 " ID " a\n",
    HEAD "title good 7 9223372036854775808 " ID " a\n",
    HEAD "title good 7 5 000102030405060708090A0B0C0D0E0F a\n",
    HEAD "title good 7 5 " ID "00 a\n",
    HEAD "title good 7 5 " ID " \n",
    HEAD "title good 7 5 " ID " a", /* ends in the checksum's line */
    HEAD "title good 7 5 " ID " a\tb\n",
    HEAD "title good 7 5 " ID " a\\b\n",
    HEAD "title good 7 5 " ID " \\141\n", /* "a", which is written as it is */
    HEAD "title good 7 5 " ID " \\000\n",
    HEAD "title good 7 5 " ID " \\400\n",
    HEAD "title good 7 5 " ID " \\01",
    HEAD "title good 7 5 " ID " b\ntitle good 7 5 " ID " a\n",
    HEAD "title good 7 5 " ID " a\ntitle good 7 5 " ID " a\n",
    HEAD "source good 7 5 " ID " a\ntitle good 7 5 " ID " b\n",
  };

  (void) unused;
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    CLEANUP_BUFFER struct buffer text = BUFFER_INIT;

    seal (&text, wrong[i]);
    if (parses ((const char *) text.data, text.len))
      fail_msg ("believed: %s", wrong[i]);
  }
}

/* Every bit matters, and every length. */
static void
test_damaged (void **unused)
{
  CLEANUP_BUFFER struct buffer text = BUFFER_INIT;
  char *bytes;

  (void) unused;
  seal (&text,
        HEAD "title good 7 5 " ID " a\nsource bad 6 9223372036854775807 " ID " /b\n");
  bytes = (char *) text.data;
  assert_true (parses (bytes, text.len));
  for (size_t i = 0; i < text.len; i++) {
    assert_false (parses (bytes, i));
    for (int bit = 0; bit < 8; bit++) {
      bytes[i] = (char) (bytes[i] ^ 1 << bit);
      assert_false (parses (bytes, text.len));
      bytes[i] = (char) (bytes[i] ^ 1 << bit);
    }
  }
}

/* ---- Two at a time */

/* Title "a" as one check finds it that began with `known`. */
static int
update (const struct check_state *known, bool good, int64_t when)
{
  char name[] = "a";
  struct check_record r = {
    .kind = CHECK_TITLE, .name = name, .good = good, .round = known->round, .when = when
  };
  struct error err = ERROR_INIT;

  return check_state_update (known, &r, "both", &err);
}

/* What the file says of "a". */
static void
assert_both (bool good, int64_t when)
{
  CLEANUP_CHECK_STATE struct check_state state = { 0 };
  struct error err = ERROR_INIT;
  const struct check_record *r;

  assert_int_equal (check_state_read (&state, "both", &err), 0);
  r = check_state_find (&state, CHECK_TITLE, "a");
  assert_true (r && r->good == good && r->when == when);
}

/* Whether there was no file, or what was known is good or bad: what came meanwhile gives way to
 * what is bad only.
 */
static void
test_update (void **unused)
{
  (void) unused;
  for (int begun = 0; begun < 3; begun++)
    for (int theirs = 0; theirs < 2; theirs++)
      for (int ours = 0; ours < 2; ours++) {
        CLEANUP_CHECK_STATE struct check_state known = { .round = 1, .is_open = true };
        struct error err = ERROR_INIT;

        unlink ("both");
        if (begun > 0) {
          put (&known, CHECK_TITLE, "a", 1);
          known.records[0].good = begun == 1;
          assert_int_equal (check_state_write (&known, "both", &err), 0);
        }
        assert_int_equal (update (&known, theirs, 2), 0);
        assert_both (theirs, 2);
        assert_int_equal (update (&known, ours, 3), 0);
        assert_both (ours && theirs, ours ? 2 : 3);
      }
}

/* What is gone is forgotten, but not what came meanwhile; and a later round stays open. */
static void
test_update_ends (void **unused)
{
  CLEANUP_CHECK_STATE struct check_state known = { .round = 1 }, back = { 0 };
  struct error err = ERROR_INIT;

  (void) unused;
  for (const char *name = "abc"; *name; name++)
    put (&known, CHECK_TITLE, (char[]){ *name, '\0' }, 1);
  assert_int_equal (check_state_write (&known, "both", &err), 0);
  check_state_begin (&known);
  check_state_find (&known, CHECK_TITLE, "b")->is_wanted = true;
  assert_int_equal (update (&known, true, 2), 0);
  assert_int_equal (check_state_update (&known, NULL, "both", &err), 0);
  assert_int_equal (check_state_read (&back, "both", &err), 0);
  assert_true (back.round == 2 && !back.is_open && back.n == 2);
  assert_null (check_state_find (&back, CHECK_TITLE, "c"));
  check_state_begin (&back);
  assert_int_equal (check_state_write (&back, "both", &err), 0);
  assert_int_equal (check_state_update (&known, NULL, "both", &err), 0);
  check_state_free (&back);
  assert_int_equal (check_state_read (&back, "both", &err), 0);
  assert_true (back.round == 3 && back.is_open && back.n == 2);
}

/* Something else has come there: it stays. */
static void
test_update_other (void **unused)
{
  static const char *const others[] = { "", "something else\n", "mkvdup check 2\n" };
  const struct check_state known = { .round = 1, .is_open = true };

  (void) unused;
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    struct stat before, after;

    put_text ("both", others[i]);
    assert_int_equal (stat ("both", &before), 0);
    assert_int_equal (update (&known, false, 2), -1);
    assert_int_equal (stat ("both", &after), 0);
    assert_true (before.st_ino == after.st_ino && before.st_size == after.st_size);
  }
}

static void
test_no_file (void **unused)
{
  struct check_state state;
  struct error err = ERROR_INIT;

  (void) unused;
  put_text ("file", "");
  assert_int_equal (check_state_read (&state, "file", &err), -1);
  assert_non_null (strstr (err.text, "file: is no state"));
  assert_int_equal (check_state_read (&state, "file/state", &err), -1);
  assert_int_equal (err.errnum, ENOTDIR);
  assert_int_equal (check_state_read (&state, "/", &err), -1);
  assert_int_equal (mkfifo ("pipe", 0666), 0);
  assert_int_equal (check_state_read (&state, "pipe", &err), -1);
  put_text ("huge", HEAD);
  assert_int_equal (truncate ("huge", (off_t) CHECK_STATE_MAX_FILE + 1), 0);
  assert_int_equal (check_state_read (&state, "huge", &err), -1);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_format),      cmocka_unit_test (test_round_trip),
    cmocka_unit_test (test_put),         cmocka_unit_test (test_rounds),
    cmocka_unit_test (test_malformed),   cmocka_unit_test (test_damaged),
    cmocka_unit_test (test_no_file),     cmocka_unit_test (test_update),
    cmocka_unit_test (test_update_ends), cmocka_unit_test (test_update_other),
  };

  return cmocka_run_group_tests (tests, scratch_enter, scratch_leave);
}
