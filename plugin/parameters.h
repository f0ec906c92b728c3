/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plugin's parameters, as given on nbdkit's command line.  Set by one thread before
 * nbdkit forks, only read after that.
 */
#ifndef MKVDUP_PARAMETERS_H
#define MKVDUP_PARAMETERS_H

#include <stdbool.h>
#include <stddef.h>

#include "disk.h"
#include "image.h"
#include "library_config.h"

/* Paths, in the order given. */
struct parameter_list {
  char **items; /* owned */
  size_t n;
};

struct parameters {
  char *file;                    /* the recipe, or ... */
  struct parameter_list library; /* ... folders and YAML files */
  struct parameter_list sources;
  char *source_index; /* NULL: none */
  char *disk;         /* the name of its export; NULL: there is none */
  enum disk_kind disk_kind;
  struct library_look look;
  unsigned poll; /* seconds; 0: never */
  unsigned pad;
  bool pad_with_void;
  size_t cache_size; /* bytes */
  bool direct;
  enum image_verify verify;
  bool salvage;        /* what cannot be proven as some of it is lost is served */
  bool verity;         /* there are hash devices */
  unsigned timeout;    /* seconds; 0: none */
  char *hook;          /* the program, a path; NULL: none, unless YAML files have one */
  char *name;          /* of the export of `file` */
  uint64_t image_size; /* of that, as its sidecar says; 0: it does not */
};

extern struct parameters parameters;

/* nbdkit's .config: -1 if it is unknown or wrong, which has been reported. */
int parameters_set (const char *key, const char *value);

/* nbdkit's .config_complete: what was not given is taken from the sidecar, or follows. */
int parameters_complete (void);

void parameters_free (void);

#define PARAMETERS_HELP                                                                  \
  "[file=]RECIPE       The recipe (X.mkvdup) to serve; or\n"                             \
  "library=PATH        all recipes below a folder, or those that a YAML file names;\n"   \
  "                    may be given several times.\n"                                    \
  "source=PATH         Where sources are: a directory, or the source itself; may be\n"   \
  "                    given several times.  Default: as RECIPE.yaml says.\n"            \
  "source-index=FILE   Remember there where sources were found.\n"                       \
  "disk=NAME           Export of a file system with all of a library's images\n"         \
  "                    (default: disk; empty: none).\n"                                  \
  "fs=erofs|udf        Kind of that file system (default: erofs).\n"                     \
  "uid=N               Owner of its files and directories (default: 0).\n"               \
  "gid=N               Group of them (default: 0).\n"                                    \
  "file-mode=MODE      Permissions of its files, octal (default: 0444).\n"               \
  "dir-mode=MODE       Permissions of its directories (default: 0555).\n"                \
  "poll=SECONDS        How often to look at directories that cannot be watched\n"        \
  "                    (default: 30; 0: never).\n"                                       \
  "pad=SIZE            Pad images to a multiple of SIZE (default: 4096;\n"               \
  "                    1: serve the exact size).\n"                                      \
  "pad-with=zero|void  Pad with zeros (default) or a Matroska Void element.\n"           \
  "cache-size=SIZE     Memory for decoded parts of recipes (default: 64M).\n"            \
  "direct=BOOL         Read the sources past the page cache (default: false).\n"         \
  "verify=off|lazy|full\n"                                                               \
  "                    Compare what is read with the recipe's digests: never, once\n"    \
  "                    and after changes (default), or each time.\n"                     \
  "salvage=BOOL        With verify=lazy, send what can be read of 512 KiB that cannot\n" \
  "                    be read whole (default: false).\n"                                \
  "verity=BOOL         Of each image X export X.verity, dm-verity's hash device\n"       \
  "                    (default: false).\n"                                              \
  "timeout=SECONDS     Fail what does not answer for so long (default: 30;\n"            \
  "                    0: wait for ever).\n"                                             \
  "on-error-command=PROGRAM\n"                                                           \
  "                    Run when something is wrong."

#endif /* MKVDUP_PARAMETERS_H */
