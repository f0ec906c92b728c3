/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A tree of folders and files made from a list of names such as "Films/A.mkv": what a
 * synthesised file system (fs.h) shows.
 *
 * Invariants: node 0 is the root; a node comes after its folder; what is in a folder
 * stands together, in the order of its names' bytes.
 *
 * Thread safety: immutable once made.
 */
#ifndef MKVDUP_TREE_H
#define MKVDUP_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define TREE_MAX_PART 255u  /* bytes of one part of a name: Linux's NAME_MAX */
#define TREE_MAX_NAME 4095u /* bytes of a whole name: PATH_MAX less its end */

/* Who may do what with a file, and when it was changed. */
struct tree_stat {
  uint32_t mode; /* permissions: 0 to 07777 */
  uint32_t uid, gid;
  int64_t mtime;       /* seconds since 1970 */
  uint32_t mtime_nsec; /* 0 to 999,999,999 */
};

/* A file, as it is listed. */
struct tree_file {
  const char *name; /* good by tree_check_name; copied */
  uint64_t size;    /* bytes */
  struct tree_stat stat;
};

struct tree_node {
  const char *name; /* one part; "" for the root; owned by the tree */
  uint32_t parent;  /* the root is its own */
  uint32_t first;   /* a folder's nodes are [first, first + n) */
  uint32_t n;
  uint32_t file;         /* index in the list of files; TREE_FOLDER */
  uint64_t size;         /* of a file; 0 */
  struct tree_stat stat; /* a folder's mtime is the latest of what is in it */
};

#define TREE_FOLDER UINT32_MAX

struct tree {
  struct tree_node *nodes;
  uint32_t n;
  char *names; /* of all nodes */
};

static inline bool
tree_is_folder (const struct tree_node *node)
{
  return node->file == TREE_FOLDER;
}

/*
 * May `name` stand in a tree?  Its parts are divided by single "/", are none of "", "."
 * and "..", and have TREE_MAX_PART bytes at most; it is UTF-8 without control characters.
 * -1 with `err` set says what is wrong, without repeating the name.
 */
int tree_check_name (const char *name, struct error *err);

/* In the order of a tree: by parts, so that "A/x" comes before "A.mkv".  As strcmp. */
int tree_compare_names (const char *a, const char *b);

/*
 * Is `name` one that a file can have beside a file named `other`: neither the same, nor
 * one of them a folder of the other?
 */
bool tree_names_agree (const char *name, const char *other);

/*
 * Make a tree of `n` files, at most UINT32_MAX / 4, sorted by tree_compare_names, any two of which agree.
 * Folders get the mode, owner and group of `folder`, and its mtime where they hold nothing.
 * NULL with `err` set when out of memory.
 */
struct tree *tree_new (const struct tree_file *files, uint32_t n,
                       const struct tree_stat *folder, struct error *err);
void tree_free (struct tree *tree);

#endif /* MKVDUP_TREE_H */
