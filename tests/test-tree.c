/* SPDX-License-Identifier: BSD-3-Clause */
/* Trees of names: what may stand in one, and that each name is found where it says. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "rng.h"
#include "tree.h"

static const struct tree_stat folder = { .mode = 0555, .uid = 7, .gid = 8 };

/* ---- Names */

static void
test_good_names (void **state)
{
  char longest[TREE_MAX_NAME + 1];
  const char *const good[] = {
    "a",      "A.mkv",   "a/b/c",
    "...",    "a..b/.c", "\xc3\xa4/\xe6\xbc\xa2",
    "\\ : *", "a b",     "\xf0\x9f\x8e\xac",
    longest,
  };
  struct error err;

  (void) state;
  memset (longest, 'x', sizeof longest);
  for (size_t i = TREE_MAX_PART; i < sizeof longest; i += TREE_MAX_PART + 1)
    longest[i] = '/';
  longest[TREE_MAX_NAME] = '\0';
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
    assert_int_equal (tree_check_name (good[i], &err), 0);
}

static void
test_bad_names (void **state)
{
  char part[TREE_MAX_PART + 2], name[TREE_MAX_NAME + 2];
  const char *const bad[] = {
    "",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "a/..",
    "../a",
    "a/./b",
    "a\nb",
    "a\x7f",
    "\xff",
    "\xc3",
    "\xc0\xaf",
    "\xe0\x80\xaf",
    "\x80",
    "\xed\xa0\x80",
    "\xf4\x90\x80\x80",
    "\xf0\x80\x80\x80",
    "\xf5\x80\x80\x80",
    part,
    name,
  };

  (void) state;
  memset (part, 'x', sizeof part);
  part[TREE_MAX_PART + 1] = '\0';
  for (size_t i = 0; i <= TREE_MAX_NAME; i++)
    name[i] = i % 2 ? '/' : 'x';
  name[TREE_MAX_NAME] = 'x';
  name[TREE_MAX_NAME + 1] = '\0';
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct error err = ERROR_INIT;

    assert_int_equal (tree_check_name (bad[i], &err), -1);
    assert_true (err.text[0] != '\0');
  }
}

static void
test_names_agree (void **state)
{
  (void) state;
  assert_true (tree_names_agree ("a", "b"));
  assert_true (tree_names_agree ("a/b", "a/c"));
  assert_true (tree_names_agree ("a/b", "ab"));
  assert_true (tree_names_agree ("a", "ab"));
  assert_false (tree_names_agree ("a", "a"));
  assert_false (tree_names_agree ("a/b", "a"));
  assert_false (tree_names_agree ("a", "a/b"));
  assert_false (tree_names_agree ("a/b", "a/b/c/d"));
}

/* ---- Trees */

/* The node that `name` leads to. */
static uint32_t
look_up (const struct tree *tree, const char *name)
{
  uint32_t at = 0;

  for (;;) {
    const struct tree_node *dir = &tree->nodes[at];
    size_t len = strcspn (name, "/");
    uint32_t i = dir->first;

    while (i < dir->first + dir->n && (strncmp (tree->nodes[i].name, name, len) != 0 ||
                                       tree->nodes[i].name[len] != '\0'))
      i++;
    assert_true (i < dir->first + dir->n);
    assert_int_equal (tree->nodes[i].parent, at);
    if (name[len] == '\0')
      return i;
    assert_true (tree_is_folder (&tree->nodes[i]));
    name += len + 1;
    at = i;
  }
}

static void
check_order (const struct tree *tree)
{
  uint32_t next = 1;

  for (uint32_t i = 0; i < tree->n; i++) {
    const struct tree_node *node = &tree->nodes[i];

    if (!tree_is_folder (node)) {
      assert_int_equal (node->n, 0);
      continue;
    }
    assert_int_equal (node->first, next);
    next += node->n;
    for (uint32_t k = 1; k < node->n; k++)
      assert_true (strcmp (tree->nodes[node->first + k - 1].name,
                           tree->nodes[node->first + k].name) < 0);
  }
  assert_int_equal (next, tree->n);
}

static void
test_no_files (void **state)
{
  struct error err;
  struct tree *tree = tree_new (NULL, 0, &folder, &err);

  (void) state;
  assert_non_null (tree);
  assert_int_equal (tree->n, 1);
  assert_true (tree_is_folder (&tree->nodes[0]));
  assert_int_equal (tree->nodes[0].n, 0);
  assert_int_equal (tree->nodes[0].stat.mode, S_IFDIR | 0555);
  tree_free (tree);
}

static void
test_small_tree (void **state)
{
  const struct tree_file files[] = {
    { "Films/1.mkv", 1, { .mode = 0444, .mtime = 10 } },
    { "Films/Old/2.mkv", 2, { .mode = 0400, .mtime = 30, .mtime_nsec = 5 } },
    { "Films.mkv", 3, { .mode = 0444, .uid = 1, .gid = 2, .mtime = 20 } },
  };
  struct error err;
  struct tree *tree = tree_new (files, 3, &folder, &err);
  const struct tree_node *node;

  (void) state;
  assert_non_null (tree);
  assert_int_equal (tree->n, 6);
  check_order (tree);
  node = &tree->nodes[look_up (tree, "Films.mkv")];
  assert_int_equal (node->file, 2);
  assert_int_equal (node->size, 3);
  assert_int_equal (node->stat.mode, S_IFREG | 0444);
  assert_int_equal (node->stat.uid, 1);
  assert_int_equal (node->stat.gid, 2);
  node = &tree->nodes[look_up (tree, "Films")];
  assert_int_equal (node->stat.uid, 7);
  assert_int_equal (node->stat.mtime, 30);
  assert_int_equal (node->stat.mtime_nsec, 5);
  assert_int_equal (tree->nodes[0].stat.mtime, 30);
  assert_int_equal (tree->nodes[look_up (tree, "Films/Old/2.mkv")].file, 1);
  tree_free (tree);
}

static int
by_name (const void *a, const void *b)
{
  return tree_compare_names (((const struct tree_file *) a)->name,
                             ((const struct tree_file *) b)->name);
}

/* Names of few letters, so that folders are shared and names are prefixes of others. */
static void
test_random_trees (void **state)
{
  enum {
    N = 300
  };
  uint64_t rng = 4711;

  (void) state;
  for (int round = 0; round < 50; round++) {
    struct tree_file files[N];
    uint32_t n = 0;
    struct error err;
    struct tree *tree;

    while (n < N) {
      char name[32];
      size_t len = 1 + rng_below (&rng, sizeof name - 2);
      bool agrees = true;

      for (size_t i = 0; i < len; i++)
        name[i] = "ab/.-"[rng_below (&rng, 5)];
      name[len] = '\0';
      for (uint32_t i = 0; i < n; i++)
        agrees = agrees && tree_names_agree (name, files[i].name);
      if (tree_check_name (name, &err) == 0 && agrees) {
        files[n] = (struct tree_file){ .name = strdup (name), .size = n };
        n++;
      }
    }
    qsort (files, n, sizeof files[0], by_name);
    tree = tree_new (files, n, &folder, &err);
    assert_non_null (tree);
    check_order (tree);
    for (uint32_t i = 0; i < n; i++) {
      const struct tree_node *node = &tree->nodes[look_up (tree, files[i].name)];

      assert_int_equal (node->file, i);
      assert_int_equal (node->size, files[i].size);
    }
    tree_free (tree);
    for (uint32_t i = 0; i < n; i++)
      free ((void *) (uintptr_t) files[i].name);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (test_good_names),  cmocka_unit_test (test_bad_names),
    cmocka_unit_test (test_names_agree), cmocka_unit_test (test_no_files),
    cmocka_unit_test (test_small_tree),  cmocka_unit_test (test_random_trees),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
