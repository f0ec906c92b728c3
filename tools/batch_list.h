/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a batch is to do: the MKVs that manifests, folders and operands name, each with its
 * recipe, and the disc it is of, as far as that is said.
 *
 * A manifest is the Go program's: YAML with `source_dir` and `files`, a list of mappings with
 * `mkv`, `output` and, if need be, `name`, `source_dir` and (ours) `priority`.  Relative paths
 * start from its folder.
 */
#ifndef MKVDUP_BATCH_LIST_H
#define MKVDUP_BATCH_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "file_id.h"

struct batch_entry {
  char *mkv;        /* owned, as all strings */
  char *recipe;     /* where it is to be */
  char *name;       /* of the image; NULL: the MKV's */
  char *source;     /* disc; NULL: not said */
  int64_t priority; /* the higher, the earlier; 0 if not said */
  uint64_t size;    /* of the MKV; 0 if it is not there */
};

struct batch_list {
  struct batch_entry *entries; /* owned */
  size_t n, cap;
};

#define CLEANUP_BATCH_LIST __attribute__ ((cleanup (batch_list_free)))

/* Add what `operand` names: all MKVs below a folder, those of a manifest (a file named .yaml or
 * .yml), or an MKV.  Recipes of folders and MKVs go beside them, or into `out` (NULL), under
 * the names they have below the folder.
 */
int batch_list_add (struct batch_list *list, const char *operand, const char *out,
                    struct error *err);

void batch_list_free (struct batch_list *list);

/* "Movie.mkvdup" of "Movie.mkv", malloced. */
char *recipe_name_of (const char *mkv);

#endif /* MKVDUP_BATCH_LIST_H */
