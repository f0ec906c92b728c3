/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lib/library_config.c, library_folder.c, library_yaml.c: which titles folders and YAML files
 * name, and what is said of those that are wrong.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "buffer.h"
#include "cleanup.h"
#include "globs.h"
#include "library_config.h"
#include "library_parts.h"
#include "recipe_format.h"
#include "scratch.h"

/* Sanitizers make frames several times as large. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define STACK (4u << 20)
#else
#define STACK (768u << 10)
#endif

static const struct library_look look = { 7, 8, 0444, 0555 };

/* What is told of one configuration. */
struct told {
  struct library_config config;
  struct buffer folders; /* as lines */
  struct error err;
  int result;
};

static void
release (struct told *t)
{
  if (t->result == 0)
    library_config_free (&t->config);
  free (t->folders.data);
}

#define CLEANUP_TOLD __attribute__ ((cleanup (release)))

static void
on_folder (void *opaque, const char *path)
{
  struct told *t = opaque;

  buffer_append (&t->folders, path, strlen (path));
  buffer_u8 (&t->folders, '\n');
}

static struct told
read_paths (const char *const *paths, size_t n)
{
  struct told t = { .folders = BUFFER_INIT };

  t.result = library_config_read (&t.config, paths, n, &look, on_folder, &t, &t.err);
  buffer_u8 (&t.folders, '\0');
  return t;
}

static struct told
read_path (const char *path)
{
  return read_paths (&path, 1);
}

/* Read "l.yaml" with this text. */
static struct told
read_text (const char *text)
{
  put_text ("l.yaml", text);
  return read_path ("l.yaml");
}

/* Titles as lines "NAME RECIPE SOURCE_DIR", problems as they are; in any order. */
static void
expect_lines (const char *kind, char **lines, size_t n, const char *const *want)
{
  size_t n_want = 0;

  for (; want[n_want]; n_want++) {
    size_t i = 0;

    while (i < n && strcmp (lines[i], want[n_want]) != 0)
      i++;
    if (i == n)
      fail_msg ("no %s \"%s\" among %zu, \"%s\"...", kind, want[n_want], n,
                n ? lines[0] : "");
  }
  if (n != n_want)
    fail_msg ("%zu and not %zu of %s: \"%s\" \"%s\"", n, n_want, kind, n ? lines[0] : "",
              n ? lines[n - 1] : "");
}

static void
expect_titles (struct told *t, const char *const *want)
{
  char *lines[64];
  size_t n = t->config.n;

  if (t->result != 0)
    fail_msg ("%s", t->err.text);
  assert_true (n <= sizeof lines / sizeof lines[0]);
  for (size_t i = 0; i < n; i++) {
    const struct title *title = &t->config.titles[i];

    assert_true (asprintf (&lines[i], "%s %s %s", title->name, title->recipe,
                           title->source_dir) > 0);
  }
  expect_lines ("title", lines, n, want);
  for (size_t i = 0; i < n; i++)
    free (lines[i]);
}

static void
expect_problems (struct told *t, const char *const *want)
{
  if (t->result != 0)
    fail_msg ("%s", t->err.text);
  expect_lines ("problem", t->config.problems, t->config.n_problems, want);
}

#define LINES(...) ((const char *const[]){ __VA_ARGS__, NULL })
static const char *const none[] = { NULL };

static void
expect_error (struct told *t, const char *text)
{
  assert_int_equal (t->result, -1);
  if (strcmp (t->err.text, text) != 0)
    fail_msg ("\"%s\" and not \"%s\"", t->err.text, text);
  assert_int_equal (t->config.n, 0);
  assert_null (t->config.titles);
  assert_null (t->config.problems);
}

/* ---- Folders */

static void
put_sidecar (const char *path, const char *name, const char *recipe)
{
  CLEANUP_FREE char *text = NULL;

  assert_true (
    asprintf (&text, "name: %s\ndedup_file: %s\nsource_dir: disc\n", name, recipe) > 0);
  put_text (path, text);
}

static void
test_folder (void **state)
{
  CLEANUP_TOLD struct told t = { 0 };

  (void) state;
  put_text ("lib/A.mkvdup", "");
  put_sidecar ("lib/A.mkvdup.yaml", "Other name.mkv", "A.mkvdup");
  put_text ("lib/sub/B.mkvdup", "");
  put_sidecar ("lib/sub/B.mkvdup.yaml", "B2.mkv", "B.mkvdup");
  put_text ("lib/sub/C.mkvdup", "");
  put_sidecar ("lib/sub/C.mkvdup.yaml", "Films/C.mkv", "C.mkvdup");
  put_text ("lib/sub/d e/D.mkvdup", "");
  put_text ("lib/.hidden/E.mkvdup", "");
  put_text ("lib/.F.mkvdup", "");
  put_text ("lib/G.mkv", "");
  put_text ("lib/mkvdup", "");
  put_text ("lib/.mkvdup", "");
  t = read_path ("lib");
  expect_titles (&t, LINES ("Other name.mkv lib/A.mkvdup lib/disc",
                            "sub/B2.mkv lib/sub/B.mkvdup lib/sub/disc",
                            "Films/C.mkv lib/sub/C.mkvdup lib/sub/disc",
                            "sub/d e/D.mkv lib/sub/d e/D.mkvdup lib/sub/d e/"));
  expect_problems (&t, none);
  assert_non_null (strstr ((char *) t.folders.data, "lib/sub/d e\n"));
}

/* Names do not depend on how the folder is written. */
static void
test_folder_forms (void **state)
{
  static const char *const forms[] = { "lib/", "lib//", "./lib", "lib/." };

  (void) state;
  put_text ("lib/a/X.mkvdup", "");
  put_sidecar ("lib/b/Y.mkvdup.yaml", "Y.mkv", "Y.mkvdup");
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
    CLEANUP_TOLD struct told t = read_path (forms[i]);
    bool swapped;

    assert_int_equal (t.result, 0);
    assert_int_equal (t.config.n, 2);
    swapped = strcmp (t.config.titles[0].name, "b/Y.mkv") != 0;
    assert_string_equal (t.config.titles[swapped].name, "b/Y.mkv");
    assert_string_equal (t.config.titles[!swapped].name, "a/X.mkv");
  }
}

static void
test_folder_yaml (void **state)
{
  CLEANUP_TOLD struct told t = { 0 };

  (void) state;
  put_text ("lib/A.mkvdup", "");
  put_text ("lib/B.mkvdup", "");
  put_text ("lib/C.mkvdup", "");
  put_link ("../C.mkvdup", "lib/sub/same.mkvdup");
  /* Others' YAML, whatever it says. */
  put_text ("lib/compose.yaml", "name: x\nuid: root\nsource_dir: [1]\n");
  /* Only what a sidecar names is in its folder. */
  put_text ("lib/more/w.yaml", "name: Plain\ndedup_file: gone\nsource_dir: /\n");
  put_text ("lib/z.yml", "virtual_files:\n"
                         "- {name: Named, dedup_file: B.mkvdup, source_dir: d}\n"
                         "includes: [more/*.conf]\n");
  put_sidecar ("lib/more/x.conf", "Included", "../C.mkvdup");
  put_text ("lib/more/y.yaml.bak", "includes: 1");
  t = read_path ("lib");
  expect_titles (&t, LINES ("A.mkv lib/A.mkvdup lib/", "Named lib/B.mkvdup lib/d",
                            "Included lib/more/../C.mkvdup lib/more/disc",
                            "Plain lib/more/gone /"));
  expect_problems (&t, none);
}

/* What is wrong in a folder is told, and hinders nothing else. */
static void
test_folder_problems (void **state)
{
  CLEANUP_TOLD struct told t = { 0 };

  (void) state;
  put_text ("lib/A.mkvdup", "");
  put_text ("lib/\xff.mkvdup", "");
  put_text ("lib/bad.yaml", "includes: [\n");
  put_text ("lib/list.yaml", "- a\n");
  put_text ("lib/docs.yaml", "includes: []\n---\na: b\n");
  put_text ("lib/empty.yaml", "");
  put_sidecar ("lib/X.mkvdup.yaml", "../up.mkv", "X.mkvdup");
  put_link ("gone", "lib/link.yaml");
  assert_int_equal (mkfifo ("lib/pipe.yaml", 0666), 0);
  assert_int_equal (mkdir ("lib/folder.yaml", 0777), 0);
  put_text ("lib/lost+found/B.mkvdup", "");
  t = read_path ("lib");
  expect_titles (&t, LINES ("A.mkv lib/A.mkvdup lib/"));
  expect_problems (
    &t, LINES ("lib/\xff.mkvdup: a name that is not UTF-8",
               "lib/bad.yaml:2: did not find expected node content",
               "lib/list.yaml:1: not a mapping", "lib/docs.yaml: more than one document",
               "lib/empty.yaml: empty", "lib/X.mkvdup.yaml:1: a name with \"..\" in it",
               "lib/link.yaml: No such file or directory",
               "lib/pipe.yaml: not a regular file"));
}

/* ---- YAML files */

static void
test_title (void **state)
{
  CLEANUP_TOLD struct told t = { 0 };
  const struct title *title;

  (void) state;
  t = read_text ("name: Films/1917\ndedup_file: r/M.mkvdup\nsource_dir: /abs dir\n"
                 "more: [1, {name: x}]\n? [a, b]\n: c\n");
  expect_titles (&t, LINES ("Films/1917 r/M.mkvdup /abs dir"));
  title = &t.config.titles[0];
  assert_int_equal (title->stat.mode, 0444);
  assert_int_equal (title->stat.uid, 7);
  assert_int_equal (title->stat.gid, 8);
  assert_string_equal ((char *) t.folders.data, ".\nr/\n");
}

static void
test_virtual_files (void **state)
{
  CLEANUP_TOLD struct told t = { 0 };

  (void) state;
  put_text ("y/l.yaml", "&d dedup_file: &r M.mkvdup\nname: top\nsource_dir: s\n"
                        "virtual_files:\n"
                        "- {name: a, dedup_file: a.mkvdup, source_dir: s}\n"
                        "- name: b\n  source_dir: '..'\n  dedup_file: *r\n"
                        "- &c {name: c, dedup_file: /c, source_dir: /}\n"
                        "- *c\n");
  t = read_path ("y/l.yaml");
  expect_titles (&t, LINES ("top y/M.mkvdup y/s", "a y/a.mkvdup y/s", "b y/M.mkvdup y/..",
                            "c /c /", "c /c /"));
  expect_problems (&t, none);
}

static void
test_includes (void **state)
{
  CLEANUP_TOLD struct told t = { 0 };
  CLEANUP_FREE char *text = NULL;

  (void) state;
  put_sidecar ("y [x]/a/1.yaml", "a1", "m");
  put_sidecar ("y [x]/a/b/2.yaml", "ab2", "m");
  put_sidecar ("y [x]/a/b/3.yml", "ab3", "m");
  put_sidecar ("z/4.yaml", "z4", "m");
  put_sidecar ("y [x]/no/5.yaml", "no5", "m");
  assert_true (asprintf (&text,
                         "includes: ['a/**/*.yaml', '../z/?.yaml', '%s/z/*', gone/*]",
                         scratch) > 0);
  put_text ("y [x]/l.yaml", text);
  t = read_path ("y [x]/l.yaml");
  expect_titles (&t, LINES ("a1 y [x]/a/m y [x]/a/disc", "ab2 y [x]/a/b/m y [x]/a/b/disc",
                            "z4 y [x]/../z/m y [x]/../z/disc"));
  expect_problems (&t, none);
  /* Where files may come. */
  assert_non_null (strstr ((char *) t.folders.data, "y [x]/a/b\n"));
  assert_non_null (strstr ((char *) t.folders.data, "y [x]/\n"));
}

/* A file is read once, whatever includes it. */
static void
test_include_cycles (void **state)
{
  CLEANUP_TOLD struct told t = { 0 };
  CLEANUP_FREE char *absolute = NULL;
  const char *paths[3] = { "l.yaml", "l.yaml" };

  (void) state;
  assert_true (asprintf (&absolute, "%s/l.yaml", scratch) > 0);
  paths[2] = absolute;
  put_text ("l.yaml", "name: l\ndedup_file: m\nsource_dir: s\n"
                      "includes: [l.yaml, '*.yaml', '**/*.yaml']\n");
  put_text ("d/m.yaml", "name: m\ndedup_file: m\nsource_dir: s\n"
                        "includes: ['../l.yam?', '../link.yam?']\n");
  put_link ("d/m.yaml", "link.yaml");
  t = read_paths (paths, 1);
  assert_int_equal (t.result, 0);
  assert_int_equal (t.config.n, 2);
  expect_problems (&t, none);
  release (&t);
  /* Named twice: the second time it names nothing new. */
  t = read_paths (paths, 3);
  if (t.result != 0)
    fail_msg ("%s", t.err.text);
  assert_int_equal (t.config.n, 2);
}

static void
test_include_problems (void **state)
{
  static const char no_file[] =
    "l.yaml: includes \"l.yaml/x\": there is no such file (a pattern may match none)";
  CLEANUP_TOLD struct told t = { 0 };

  (void) state;
  put_text ("bad.conf", "name: a\nname: b\ndedup_file: x\n");
  assert_int_equal (mkfifo ("pipe.conf", 0666), 0);
  t = read_text ("includes: [bad.conf, ~, [x], '', pipe.conf, l.yaml/x]\n");
  expect_titles (&t, none);
  expect_problems (&t, LINES (no_file, "bad.conf:2: \"name\" is given twice",
                              "l.yaml:1: \"includes\" is not a string",
                              "l.yaml:1: \"includes\" is empty",
                              "pipe.conf: not a regular file"));
}

static void
test_include_depth (void **state)
{
  CLEANUP_TOLD struct told t = { 0 };

  (void) state;
  for (int i = 0; i < 20; i++) {
    char path[32], text[128];

    snprintf (path, sizeof path, "%d.yaml", i);
    snprintf (text, sizeof text,
              "name: t%d\ndedup_file: m\nsource_dir: s\nincludes: [%d.yaml]\n", i, i + 1);
    put_text (path, text);
  }
  t = read_path ("0.yaml");
  assert_int_equal (t.result, 0);
  assert_int_equal (t.config.n, 17);
  expect_problems (&t, LINES ("17.yaml: included more than 16 deep"));
}

static void *
read_chain (void *opaque)
{
  *(struct told *) opaque = read_path ("0.yaml");
  return NULL;
}

/* Read files that include each other, each by `part` so often, with as much stack as there
 * has to be.
 */
static void
expect_chain (const char *part, unsigned times)
{
  CLEANUP_TOLD struct told t = { 0 };
  CLEANUP_FREE char *parts = calloc (times, strlen (part) + 1);
  pthread_attr_t small;
  pthread_t thread;

  assert_non_null (parts);
  for (unsigned i = 0; i < times; i++)
    strcat (parts, part);
  for (int i = 0; i < 18; i++) {
    CLEANUP_FREE char *path = NULL, *text = NULL;

    assert_true (asprintf (&path, "%d.yaml", i) > 0);
    assert_true (asprintf (&text, "includes: ['%s/%s%d.yaml']\n", scratch, parts, i + 1) >
                 0);
    put_text (path, text);
  }
  assert_int_equal (pthread_attr_init (&small), 0);
  assert_int_equal (pthread_attr_setstacksize (&small, STACK), 0);
  assert_int_equal (pthread_create (&thread, &small, read_chain, &t), 0);
  assert_int_equal (pthread_join (thread, NULL), 0);
  pthread_attr_destroy (&small);
  assert_int_equal (t.result, 0);
  assert_int_equal (t.config.n_problems, 1);
  assert_non_null (strstr (t.config.problems[0], "17.yaml: included more than 16 deep"));
}

/* What somebody writes into a file does not end the server. */
static void
test_include_stack (void **state)
{
  (void) state;
  expect_chain ("./", GLOBS_MAX_PARTS - 3); /* "/tmp/SCRATCH/.../N.yaml" */
  expect_chain ("**/", GLOBS_MAX_DEPTH);
}

/* What ends the includes of all files, once; what was found stays, and folders are read on. */
static void
expect_enough (const char *file, unsigned folders, unsigned bytes)
{
  CLEANUP_TOLD struct told t = read_path ("lib");
  CLEANUP_FREE char *problem = NULL;

  assert_true (asprintf (&problem,
                         "lib/%s: \"includes\" of more than 1000 patterns, or that look "
                         "at more than %u folders or read more than %u bytes: the rest "
                         "is left out",
                         file, folders, bytes) > 0);
  expect_titles (&t, LINES ("early lib/m lib/disc", "z/Z lib/z/m lib/z/disc"));
  expect_problems (&t, LINES (problem));
}

static void
test_include_limits (void **state)
{
  CLEANUP_BUFFER struct buffer patterns = BUFFER_INIT;

  (void) state;
  put_sidecar ("lib/early", "early", "m");
  put_sidecar ("lib/late", "late", "m");
  put_sidecar ("lib/z/Z.mkvdup.yaml", "Z", "m");
  put_text ("lib/a.yaml", "includes: [early]\n");
  put_text ("lib/c.yaml", "includes: [late]\n");
  /* Patterns of two files together. */
  buffer_append (&patterns, "includes:\n", 10);
  for (int i = 0; i < 500; i++)
    buffer_append (&patterns, "- /?\n", 5);
  put_file ("lib/b1.yaml", patterns.data, patterns.len);
  put_file ("lib/b2.yaml", patterns.data, patterns.len);
  expect_enough ("b2.yaml", 1000000, 1 << 30);
  /* Folders that they look at. */
  put_text ("lib/b1.yaml", "includes: ['**/gone']\n");
  put_text ("lib/b2.yaml", "includes: []\n");
  for (char path[] = "lib/d/A/x"; path[6] <= 'Z'; path[6]++)
    put_text (path, "");
  library_limit_includes (50, 1 << 30);
  expect_enough ("b1.yaml", 50, 1 << 30);
  /* Bytes that they include, of files that are none of a library. */
  put_text ("lib/b1.yaml", "includes: ['d/*/*', late]\n");
  for (char path[] = "lib/d/A/x"; path[6] <= 'Z'; path[6]++)
    put_text (path, "unknown: a file of YAML that names no title\n");
  library_limit_includes (1000000, 1000);
  expect_enough ("b1.yaml", 1000000, 1000);
  library_limit_includes (1000000, 1 << 30);
}

#define T "dedup_file: m\nsource_dir: s\n"
#define V(name) "virtual_files:\n- dedup_file: m\n  source_dir: s\n  name: " name "\n"

/* What is wrong with titles, and where: others are undisturbed. */
static void
test_wrong_titles (void **state)
{
  static const struct {
    const char *text, *problem;
  } wrong[] = {
    { T, "l.yaml:1: a title without \"name\"" },
    { "x: y\n\nname: x\ndedup_file: m\n", "l.yaml:3: a title without \"source_dir\"" },
    { V ("''"), "l.yaml:4: \"name\" is empty" },
    { V ("~"), "l.yaml:4: \"name\" is not a string" },
    { V ("[x]"), "l.yaml:4: \"name\" is not a string" },
    { V ("/abs"), "l.yaml:2: a name that begins with \"/\"" },
    { V ("a/../b"), "l.yaml:2: a name with \"..\" in it" },
    { V ("./a"), "l.yaml:2: a name with \".\" in it" },
    { V ("a//b"), "l.yaml:2: a name with an empty part" },
    { V ("a/"), "l.yaml:2: a name with an empty part" },
    { V ("\"a\\nb\""), "l.yaml:2: a name with control characters" },
    { V ("\"a\\0b\""), "l.yaml:4: \"name\" is cut by a NUL" },
    { V ("a\n  name: b"), "l.yaml:5: \"name\" is given twice" },
    { V ("a\n  file_mode: 8"),
      "l.yaml:5: \"file_mode\" is not a number from 0 to 7777, octal" },
    { "virtual_files: [x]\n", "l.yaml:1: a virtual file that is not a mapping" },
    { "virtual_files: [{}]\n", "l.yaml:1: a title without \"name\"" },
    { "virtual_files: &a [*a]\n", "l.yaml:1: a virtual file that is not a mapping" },
  };

  (void) state;
  put_sidecar ("good", "good", "m");
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    CLEANUP_FREE char *text = NULL;
    CLEANUP_TOLD struct told t = { 0 };

    assert_true (asprintf (&text, "%sincludes: [good]\n", wrong[i].text) > 0);
    t = read_text (text);
    expect_titles (&t, LINES ("good m disc"));
    expect_problems (&t, LINES (wrong[i].problem));
  }
}

/* What makes a file as a whole wrong. */
static void
test_wrong_files (void **state)
{
  static const struct {
    const char *text, *error;
  } wrong[] = {
    { "", "l.yaml: empty" },
    { "- a\n", "l.yaml:1: not a mapping" },
    { "a: b\n", "l.yaml: names no titles" },
    { "{}", "l.yaml: names no titles" },
    { "name: a\nsource_dir: b\n", "l.yaml: names no titles" },
    { "includes: []\n---\nincludes: []\n", "l.yaml: more than one document" },
    { "includes: *gone\n", "l.yaml:1: found undefined alias" },
    { "includes: []\na: \"b\n", "l.yaml:3: found unexpected end of stream" },
    { "name: \xff\n", "l.yaml:1: invalid leading UTF-8 octet" },
    { "includes: []\n\nincludes: []\n", "l.yaml:3: \"includes\" is given twice" },
    { "virtual_files:\nvirtual_files: []\n",
      "l.yaml:2: \"virtual_files\" is given twice" },
    { "includes: []\nuid: -1\n",
      "l.yaml:2: \"uid\" is not a number from 0 to 4294967294" },
    { "includes: []\nuid: 4294967295\n",
      "l.yaml:2: \"uid\" is not a number from 0 to 4294967294" },
    { "includes: []\ngid: root\n",
      "l.yaml:2: \"gid\" is not a number from 0 to 4294967294" },
    { "includes: []\nfile_mode: 0o\n",
      "l.yaml:2: \"file_mode\" is not a number from 0 to 7777, octal" },
    { "includes: []\ndir_mode: 10000\n",
      "l.yaml:2: \"dir_mode\" is not a number from 0 to 7777, octal" },
    { "includes: []\ndir_mode: 0x1\n",
      "l.yaml:2: \"dir_mode\" is not a number from 0 to 7777, octal" },
    { "includes: []\ndir_mode: '0o-1'\n",
      "l.yaml:2: \"dir_mode\" is not a number from 0 to 7777, octal" },
    { "includes: []\nuid: 99999999999999999999\n",
      "l.yaml:2: \"uid\" is not a number from 0 to 4294967294" },
    { "virtual_files: x\n", "l.yaml:1: \"virtual_files\" is not a list" },
    { "a: b\nvirtual_files: {}\n", "l.yaml:2: \"virtual_files\" is not a list" },
    { "virtual_files: ''\n", "l.yaml:1: \"virtual_files\" is not a list" },
    { "name: a\ndedup_file: b\nsource_dir: c\nincludes: x\n",
      "l.yaml:4: \"includes\" is not a list" },
    { RECIPE_MAGIC,
      "l.yaml: is a recipe; a library is a folder of them, or a YAML file, as "
      "the recipe's sidecar" },
  };

  (void) state;
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    CLEANUP_TOLD struct told t = read_text (wrong[i].text);

    expect_error (&t, wrong[i].error);
  }
}

/* Of one that is included the lists that are none are left out. */
static void
test_wrong_lists (void **state)
{
  CLEANUP_TOLD struct told t = { 0 };

  (void) state;
  put_text ("other.yaml", "virtual_files: {}\nincludes: x\n");
  t = read_text ("name: a\ndedup_file: m\nsource_dir: s\nincludes: [other.yaml]\n");
  assert_int_equal (t.config.n, 1);
  expect_problems (&t, LINES ("other.yaml:1: \"virtual_files\" is not a list",
                              "other.yaml:2: \"includes\" is not a list"));
}

static void
test_null_lists (void **state)
{
  static const char *const texts[] = { "includes:\n",
                                       "includes: ~\nvirtual_files: null\n",
                                       "virtual_files: []\n" };

  (void) state;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    CLEANUP_TOLD struct told t = read_text (texts[i]);

    expect_titles (&t, none);
    expect_problems (&t, none);
  }
}

/* ---- Looks */

static const struct title *
title_called (const struct told *t, const char *name)
{
  for (size_t i = 0; i < t->config.n; i++)
    if (strcmp (t->config.titles[i].name, name) == 0)
      return &t->config.titles[i];
  fail_msg ("no title \"%s\"", name);
  return NULL;
}

static void
expect_look (const struct told *t, const char *name, uint32_t uid, uint32_t gid,
             uint32_t mode)
{
  const struct title *title = title_called (t, name);

  assert_int_equal (title->stat.uid, uid);
  assert_int_equal (title->stat.gid, gid);
  assert_int_equal (title->stat.mode, mode);
}

/* A file's own hold for its titles and what it includes, a title's for the title. */
static void
test_looks (void **state)
{
  CLEANUP_TOLD struct told t = { 0 };
  const char *const paths[] = { "l.yaml", "other.yaml" };

  (void) state;
  put_text ("l.yaml",
            "virtual_files:\n"
            "- {name: a, dedup_file: m, source_dir: s}\n"
            "- {name: b, dedup_file: m, source_dir: s, uid: 3, file_mode: 0o4600}\n"
            "includes: [inner]\nuid: 1\ngid: 0\nfile_mode: 0640\ndir_mode: 750\n");
  put_text ("inner",
            "name: c\ndedup_file: m\nsource_dir: s\ngid: 5\ndir_mode: 700\n"
            "virtual_files: [{name: d, dedup_file: m, source_dir: s, gid: 6}]\n");
  t = read_paths (paths, 1);
  assert_int_equal (t.result, 0);
  expect_look (&t, "a", 1, 0, 0640);
  expect_look (&t, "b", 3, 0, 04600);
  expect_look (&t, "c", 1, 5, 0640);
  expect_look (&t, "d", 1, 6, 0640);
  /* Folders look as what the user named says, and not as what that includes. */
  assert_int_equal (t.config.look.folder_mode, 0750);
  assert_int_equal (t.config.look.uid, 1);
  assert_int_equal (t.config.look.gid, 0);
  release (&t);
  put_sidecar ("other.yaml", "e", "m");
  t = read_paths (paths, 2);
  assert_int_equal (t.result, 0);
  expect_look (&t, "e", 7, 8, 0444);
}

/* A folder's titles look as the library's do. */
static void
test_folder_looks (void **state)
{
  CLEANUP_TOLD struct told t = { 0 };

  (void) state;
  put_text ("lib/A.mkvdup", "");
  put_text ("lib/B.mkvdup.yaml", "name: B\ndedup_file: m\nsource_dir: s\nuid: 9\n");
  t = read_path ("lib");
  expect_look (&t, "A.mkv", 7, 8, 0444);
  expect_look (&t, "B", 9, 8, 0444);
  assert_memory_equal (&t.config.look, &look, sizeof look);
}

/* ---- What the user names */

static void
test_named (void **state)
{
  CLEANUP_TOLD struct told gone = { 0 }, fifo = { 0 }, two = { 0 }, file = { 0 };
  const char *const paths[] = { "lib", "gone.yaml" };

  (void) state;
  put_text ("lib/A.mkvdup", "");
  assert_int_equal (mkfifo ("pipe.yaml", 0666), 0);
  gone = read_path ("gone.yaml");
  expect_error (&gone, "gone.yaml: No such file or directory");
  fifo = read_path ("pipe.yaml");
  expect_error (&fifo, "pipe.yaml: not a regular file");
  two = read_paths (paths, 2);
  expect_error (&two, "gone.yaml: No such file or directory");
  file = read_path ("/dev/null");
  expect_error (&file, "/dev/null: not a regular file");
}

static void
test_large_file (void **state)
{
  CLEANUP_TOLD struct told t = { 0 };

  (void) state;
  put_text ("l.yaml", "includes: []\n");
  assert_int_equal (truncate ("l.yaml", (off_t) LIBRARY_MAX_YAML + 1), 0);
  t = read_path ("l.yaml");
  expect_error (&t, "l.yaml: too large: more than 33554432 bytes");
}

/* `n` times `what` behind `front`, in a library's file. */
static struct told
read_repeated (const char *front, const char *what, size_t n)
{
  CLEANUP_BUFFER struct buffer text = BUFFER_INIT;

  buffer_append (&text, front, strlen (front));
  while (n-- > 0)
    buffer_append (&text, what, strlen (what));
  put_file ("l.yaml", text.data, text.len);
  return read_path ("l.yaml");
}

/* What costs libyaml the square of it, or much memory, is refused before it does. */
static void
test_counts (void **state)
{
  CLEANUP_TOLD struct told good = { 0 };
  const struct {
    const char *front, *what;
    size_t n;
    const char *line;
  } bad[] = {
    { "includes: ", "[", 65, "1" },
    { "includes: ", "{a: ", 8000000, "1" },
    { "includes:\n", "- ", 100, "2" },
    { "includes:\n", "- &a x\n", 65, "66" },
    { "", "%TAG !a! x\n", 17, "17" },
    { "includes:\n", "-\n", 4194304, "" },
    { "a: &x no\nincludes:\n", "- *x\n", 10001, "10003" },
  };

  (void) state;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    CLEANUP_TOLD struct told t = read_repeated (bad[i].front, bad[i].what, bad[i].n);
    CLEANUP_FREE char *want = NULL;

    assert_true (asprintf (&want, "l.yaml:%s", bad[i].line) > 0);
    assert_int_equal (t.result, -1);
    assert_memory_equal (t.err.text, want, strlen (want));
    assert_non_null (strstr (t.err.text,
                             ": more than 64 levels, 64 anchors, "
                             "10000 aliases, 16 directives or 4194304 tokens"));
  }
  {
    CLEANUP_TOLD struct told t = read_repeated ("%TAG !a! ", "x", 65);

    assert_string_equal (t.err.text, "l.yaml:1: a prefix of more than 64 bytes");
  }
  good = read_repeated ("a: &x no\nincludes:\n", "- *x\n", 1000);
  assert_int_equal (good.result, 0);
}

/* What an alias stands for is small. */
static void
test_item_sizes (void **state)
{
  static const char title[] = "virtual_files:\n- name: x\n  dedup_file: m\n";
  CLEANUP_FREE char *pairs = NULL, *value = NULL;

  (void) state;
  assert_true (asprintf (&pairs, "%s  source_dir: s\n", title) > 0);
  assert_true (asprintf (&value, "%s  source_dir: /", title) > 0);
  {
    CLEANUP_TOLD struct told t = read_repeated (pairs, "  uid: 1\n", 61);
    CLEANUP_TOLD struct told large = read_repeated (pairs, "  uid: 1\n", 62);

    expect_problems (&t, none);
    expect_problems (&large, LINES ("l.yaml:2: a virtual file of more than 64 pairs"));
  }
  {
    CLEANUP_TOLD struct told t = read_repeated (value, "a", 4094);
    CLEANUP_TOLD struct told large = read_repeated (value, "a", 4095);

    expect_problems (&t, none);
    assert_int_equal (t.config.n, 1);
    expect_problems (&large,
                     LINES ("l.yaml:4: \"source_dir\" is longer than 4095 bytes"));
  }
}

static void
test_many_problems (void **state)
{
  CLEANUP_BUFFER struct buffer text = BUFFER_INIT;
  CLEANUP_TOLD struct told t = { 0 };

  (void) state;
  buffer_append (&text, "virtual_files:\n", 15);
  for (unsigned i = 0; i < LIBRARY_MAX_PROBLEMS + 5; i++)
    buffer_append (&text, "- x\n", 4);
  put_file ("l.yaml", text.data, text.len);
  t = read_path ("l.yaml");
  assert_int_equal (t.result, 0);
  assert_int_equal (t.config.n_problems, LIBRARY_MAX_PROBLEMS);
}

/* One way to name a recipe is by a folder: then what named it is to come first. */
static void
test_recipe_once (void **state)
{
  CLEANUP_TOLD struct told t = { 0 };
  const char *const paths[] = { "l.yaml", "lib", "lib" };

  (void) state;
  put_text ("lib/A.mkvdup", "");
  put_sidecar ("l.yaml", "named", "lib/A.mkvdup");
  t = read_paths (paths, 3);
  expect_titles (&t, LINES ("named lib/A.mkvdup disc"));
}

/* ---- on_error_command */

static void
expect_hook (struct told *t, const char *const *command, int64_t timeout_ms,
             int64_t batch_ms, int64_t repeat_ms)
{
  char *const *got = t->config.hook.command;

  if (t->result != 0)
    fail_msg ("%s", t->err.text);
  assert_non_null (got);
  for (; *command; command++, got++) {
    assert_non_null (*got);
    assert_string_equal (*got, *command);
  }
  assert_null (*got);
  assert_true (t->config.hook.timeout_ms == timeout_ms);
  assert_true (t->config.hook.batch_ms == batch_ms);
  assert_true (t->config.hook.repeat_ms == repeat_ms);
}

static void
test_hook (void **state)
{
  (void) state;
  {
    CLEANUP_TOLD struct told t =
      read_text ("includes: []\non_error_command: [tell, -x, '', \"a b\\n%event%\"]\n");
    expect_hook (&t, LINES ("tell", "-x", "", "a b\n%event%"), 30000, 5000, 3600000);
  }
  {
    CLEANUP_TOLD struct told t = { 0 };
    put_text ("y/l.yaml", "on_error_command:\n  command: [bin/tell]\n  timeout: 1m30s\n"
                          "  batch_interval: 0s\n  repeat_interval: 24h\n  more: 1\n"
                          "includes: []\n");
    t = read_path ("y/l.yaml");
    expect_hook (&t, LINES ("y/bin/tell"), 90000, 0, 86400000);
  }
  {
    CLEANUP_TOLD struct told t = read_text ("includes: []\non_error_command:\n");
    expect_titles (&t, none);
    assert_null (t.config.hook.command);
  }
}

/* Only a file that is named may have one, and of these the first. */
static void
test_whose_hook (void **state)
{
  static const char *const paths[] = { "1.yaml", "2.yaml", "lib" };
  static const char hook[] = "on_error_command: [evil]\nincludes: []\n";
  CLEANUP_TOLD struct told t = { 0 };

  (void) state;
  put_text ("1.yaml",
            "includes: [sub/*]\nvirtual_files:\n"
            "- {name: a, dedup_file: a, source_dir: s, on_error_command: [evil]}\n"
            "on_error_command: [first]\n");
  put_text ("2.yaml", "includes: []\non_error_command: [second]\n");
  put_text ("sub/x.yaml", hook);
  put_text ("lib/y.yaml", hook);
  put_sidecar ("lib/A.mkvdup.yaml", "A.mkv\non_error_command: [evil]", "A.mkvdup");
  t = read_paths (paths, 3);
  expect_hook (&t, LINES ("first"), 30000, 5000, 3600000);
#define ONLY                                                                           \
  "\"on_error_command\" counts only in a file that library= names, and not where one " \
  "is "                                                                                \
  "included or found"
  expect_problems (
    &t, LINES ("sub/x.yaml:1: " ONLY, "lib/y.yaml:1: " ONLY, "lib/A.mkvdup.yaml:2: " ONLY,
               "2.yaml: another file has an \"on_error_command\" already"));
#undef ONLY
}

static void
test_wrong_hooks (void **state)
{
#define NO_LIST "the command is not a list of a program and its arguments"
#define NO_TIME "is not a time of a day at most, as \"30s\" or \"1m30s\""
  static const struct {
    const char *value, *error;
  } cases[] = {
    { "echo x", NO_LIST ": no shell is there to run a string" },
    { "{command: echo x}", NO_LIST ": no shell is there to run a string" },
    { "[]", NO_LIST },
    { "{command: {a: b}}", NO_LIST },
    { "{timeout: 5s}", "\"on_error_command\" without a \"command\"" },
    { "{command: [a], command: [b]}", "\"command\" is given twice" },
    { "[a, [b]]", "\"command\" is not a string" },
    { "[a, ~]", "\"command\" is not a string" },
    { "['']", "\"command\" is empty" },
    { "[\"a\\0b\"]", "\"command\" is cut by a NUL" },
    { "{command: [a], timeout: 0s}", "\"timeout\" " NO_TIME },
    { "{command: [a], timeout: 5}", "\"timeout\" " NO_TIME },
    { "{command: [a], timeout: -5s}", "\"timeout\" " NO_TIME },
    { "{command: [a], timeout: s}", "\"timeout\" " NO_TIME },
    { "{command: [a], timeout: 5s5}", "\"timeout\" " NO_TIME },
    { "{command: [a], timeout: 24h1ms}", "\"timeout\" " NO_TIME },
    { "{command: [a], batch_interval: 99999999999999999999ms}",
      "\"batch_interval\" " NO_TIME },
    { "{command: [a], repeat_interval: [1s]}", "\"repeat_interval\" is not a string" },
    { "[a, '%event%%event%%event%', '%files%%files%%files%', '%source%%source%%source%']",
      "a command with more than 8 placeholders" },
  };

  (void) state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    CLEANUP_FREE char *text = NULL, *error = NULL;
    CLEANUP_TOLD struct told t = { 0 };

    assert_true (
      asprintf (&text, "includes: []\non_error_command: %s\n", cases[i].value) > 0);
    t = read_text (text);
    assert_int_equal (t.result, -1);
    assert_true (asprintf (&error, "l.yaml:2: %s", cases[i].error) > 0);
    expect_error (&t, error);
  }
#undef NO_LIST
#undef NO_TIME
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_teardown (test_folder, scratch_empty),
    cmocka_unit_test_teardown (test_folder_forms, scratch_empty),
    cmocka_unit_test_teardown (test_folder_yaml, scratch_empty),
    cmocka_unit_test_teardown (test_folder_problems, scratch_empty),
    cmocka_unit_test_teardown (test_title, scratch_empty),
    cmocka_unit_test_teardown (test_virtual_files, scratch_empty),
    cmocka_unit_test_teardown (test_includes, scratch_empty),
    cmocka_unit_test_teardown (test_include_cycles, scratch_empty),
    cmocka_unit_test_teardown (test_include_problems, scratch_empty),
    cmocka_unit_test_teardown (test_include_depth, scratch_empty),
    cmocka_unit_test_teardown (test_include_stack, scratch_empty),
    cmocka_unit_test_teardown (test_include_limits, scratch_empty),
    cmocka_unit_test_teardown (test_wrong_titles, scratch_empty),
    cmocka_unit_test_teardown (test_wrong_files, scratch_empty),
    cmocka_unit_test_teardown (test_wrong_lists, scratch_empty),
    cmocka_unit_test_teardown (test_null_lists, scratch_empty),
    cmocka_unit_test_teardown (test_looks, scratch_empty),
    cmocka_unit_test_teardown (test_folder_looks, scratch_empty),
    cmocka_unit_test_teardown (test_named, scratch_empty),
    cmocka_unit_test_teardown (test_large_file, scratch_empty),
    cmocka_unit_test_teardown (test_counts, scratch_empty),
    cmocka_unit_test_teardown (test_item_sizes, scratch_empty),
    cmocka_unit_test_teardown (test_many_problems, scratch_empty),
    cmocka_unit_test_teardown (test_recipe_once, scratch_empty),
    cmocka_unit_test_teardown (test_hook, scratch_empty),
    cmocka_unit_test_teardown (test_whose_hook, scratch_empty),
    cmocka_unit_test_teardown (test_wrong_hooks, scratch_empty),
  };

  return cmocka_run_group_tests (tests, scratch_enter, scratch_leave);
}
