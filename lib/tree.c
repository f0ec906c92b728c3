/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Trees: see tree.h.
 *
 * Made level by level: what is in a folder is a run of the sorted list, so a folder is
 * remembered as its run, and its nodes are what the run's names have at its depth.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "tree.h"

/* ---- Names */

/* Bytes of the UTF-8 character at `p` (RFC 3629, section 4), 0 if it is none. */
static size_t
utf8_len (const unsigned char *p)
{
  size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

  if (len == 0 || p[0] > 0xf4)
    return 0;
  for (size_t i = 1; i < len; i++)
    if ((p[i] & 0xc0) != 0x80)
      return 0;
  /* Longer than need be, surrogates, and what is beyond Unicode. */
  if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
      (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
    return 0;
  return len;
}

static int
check_text (const char *name, struct error *err)
{
  const unsigned char *p = (const unsigned char *) name;

  while (*p) {
    size_t len = utf8_len (p);

    if (len == 0)
      return error_set (err, 0, "a name that is not UTF-8");
    if (*p < 0x20 || *p == 0x7f)
      return error_set (err, 0, "a name with control characters");
    p += len;
  }
  return 0;
}

int
tree_check_name (const char *name, struct error *err)
{
  const char *part = name;

  if (name[0] == '\0')
    return error_set (err, 0, "an empty name");
  if (name[0] == '/')
    return error_set (err, 0, "a name that begins with \"/\"");
  if (strlen (name) > TREE_MAX_NAME)
    return error_set (err, 0, "a name of more than %u bytes", TREE_MAX_NAME);
  for (;;) {
    size_t n = strcspn (part, "/");

    if (n == 0)
      return error_set (err, 0, "a name with an empty part");
    if ((n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
      return error_set (err, 0, "a name with \"%.*s\" in it", (int) n, part);
    if (n > TREE_MAX_PART)
      return error_set (err, 0, "a name with a part of more than %u bytes",
                        TREE_MAX_PART);
    if (part[n] == '\0')
      return check_text (name, err);
    part += n + 1;
  }
}

/* Where parts end sorts before all else, and "/" as such an end. */
static int
rank (char c)
{
  return c == '\0' ? 0 : c == '/' ? 1 : (unsigned char) c + 1;
}

int
tree_compare_names (const char *a, const char *b)
{
  while (*a && *a == *b) {
    a++;
    b++;
  }
  return rank (*a) - rank (*b);
}

bool
tree_names_agree (const char *name, const char *other)
{
  size_t i = 0;

  while (name[i] && name[i] == other[i])
    i++;
  return !((name[i] == '\0' && (other[i] == '\0' || other[i] == '/')) ||
           (other[i] == '\0' && name[i] == '/'));
}

/* ---- Trees */

/* What is needed to make one. */
struct making {
  struct tree *tree;
  const struct tree_file *files;
  uint32_t *run; /* by node: a folder's first file in the list; its run ends ... */
  uint32_t *end; /* ... here */
  size_t *depth; /* by node: bytes of the name before what is in the folder */
  char *name;    /* where the next name goes */
};

/* The length of the part that stands at `depth`. */
static size_t
part_len (const struct tree_file *file, size_t depth)
{
  return strcspn (file->name + depth, "/");
}

/* The end of the run of files that are in the same folder as file `i` is, `depth` + `len`
 * bytes into their names; or of the file alone.
 */
static uint32_t
run_end (const struct making *m, uint32_t i, uint32_t end, size_t depth, size_t len)
{
  const char *name = m->files[i].name;

  if (name[depth + len] == '\0')
    return i + 1;
  while (i < end && strncmp (m->files[i].name + depth, name + depth, len + 1) == 0)
    i++;
  return i;
}

/* How many nodes a list makes: its files, and a folder wherever a name differs from the one
 * before in a part that is not its last.
 */
static uint64_t
count_nodes (const struct tree_file *files, uint32_t n, size_t *name_bytes)
{
  uint64_t nodes = 1;

  *name_bytes = 1;
  for (uint32_t i = 0; i < n; i++) {
    const char *name = files[i].name, *before = i > 0 ? files[i - 1].name : "";
    size_t same = 0;

    while (name[same] && name[same] == before[same])
      same++;
    while (same > 0 && name[same - 1] != '/')
      same--;
    for (const char *slash = strchr (name + same, '/'); slash;
         slash = strchr (slash + 1, '/'))
      nodes++;
    nodes++;
    *name_bytes += strlen (name + same) + 1;
  }
  return nodes;
}

static void
add_node (struct making *m, uint32_t parent, uint32_t from, uint32_t end,
          const struct tree_stat *folder)
{
  struct tree_node *node = &m->tree->nodes[m->tree->n];
  const struct tree_file *file = &m->files[from];
  size_t depth = m->depth[parent], len = part_len (file, depth);
  bool is_file = file->name[depth + len] == '\0';

  memcpy (m->name, file->name + depth, len);
  m->name[len] = '\0';
  *node = (struct tree_node){ .name = m->name,
                              .parent = parent,
                              .file = is_file ? from : TREE_FOLDER,
                              .size = is_file ? file->size : 0,
                              .stat = is_file ? file->stat : *folder };
  node->stat.mode |= is_file ? S_IFREG : S_IFDIR;
  m->name += len + 1;
  m->run[m->tree->n] = from;
  m->end[m->tree->n] = end;
  m->depth[m->tree->n] = depth + len + 1;
  m->tree->n++;
}

static void
fill_folder (struct making *m, uint32_t number, const struct tree_stat *folder)
{
  uint32_t first = m->tree->n;

  for (uint32_t i = m->run[number]; i < m->end[number];) {
    size_t depth = m->depth[number];
    uint32_t end = run_end (m, i, m->end[number], depth, part_len (&m->files[i], depth));

    add_node (m, number, i, end, folder);
    i = end;
  }
  m->tree->nodes[number].first = first;
  m->tree->nodes[number].n = m->tree->n - first;
}

static bool
is_later (const struct tree_stat *a, const struct tree_stat *b)
{
  return a->mtime > b->mtime || (a->mtime == b->mtime && a->mtime_nsec > b->mtime_nsec);
}

/* From the last node to the first: all that is in a folder comes after it. */
static void
date_folders (struct tree *tree)
{
  for (uint32_t i = tree->n; i-- > 0;) {
    struct tree_node *node = &tree->nodes[i];

    for (uint32_t k = 0; k < node->n; k++) {
      const struct tree_stat *in = &tree->nodes[node->first + k].stat;

      if (k == 0 || is_later (in, &node->stat)) {
        node->stat.mtime = in->mtime;
        node->stat.mtime_nsec = in->mtime_nsec;
      }
    }
  }
}

static void
make (struct making *m, uint32_t n, const struct tree_stat *folder)
{
  struct tree *tree = m->tree;

  m->name[0] = '\0';
  tree->nodes[0] =
    (struct tree_node){ .name = m->name++, .file = TREE_FOLDER, .stat = *folder };
  tree->nodes[0].stat.mode |= S_IFDIR;
  m->end[0] = n;
  tree->n = 1;
  for (uint32_t i = 0; i < tree->n; i++)
    if (tree_is_folder (&tree->nodes[i]))
      fill_folder (m, i, folder);
  date_folders (tree);
}

struct tree *
tree_new (const struct tree_file *files, uint32_t n, const struct tree_stat *folder,
          struct error *err)
{
  struct tree *tree = calloc (1, sizeof *tree);
  CLEANUP_FREE uint32_t *run = NULL;
  CLEANUP_FREE uint32_t *end = NULL;
  CLEANUP_FREE size_t *depth = NULL;
  size_t name_bytes;
  uint64_t nodes = count_nodes (files, n, &name_bytes);

  if (tree && nodes < UINT32_MAX) {
    tree->nodes = calloc (nodes, sizeof *tree->nodes);
    tree->names = malloc (name_bytes);
    run = calloc (nodes, sizeof *run);
    end = calloc (nodes, sizeof *end);
    depth = calloc (nodes, sizeof *depth);
  }
  if (!tree || !tree->nodes || !tree->names || !run || !end || !depth) {
    tree_free (tree);
    error_set (err, ENOMEM, "a tree of %u files", n);
    return NULL;
  }
  make (&(struct making){ tree, files, run, end, depth, tree->names }, n, folder);
  return tree;
}

void
tree_free (struct tree *tree)
{
  if (!tree)
    return;
  free (tree->nodes);
  free (tree->names);
  free (tree);
}
