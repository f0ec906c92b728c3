/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plugin's parameters, as given on nbdkit's command line.  Set by one thread before
 * nbdkit forks, only read after that.
 */
#ifndef MKVDUP_PARAMETERS_H
#define MKVDUP_PARAMETERS_H

#include <stdbool.h>
#include <stddef.h>

struct parameters {
  char *file; /* the recipe */
  char **sources;
  size_t n_sources;
  unsigned pad;
  bool pad_with_void;
  size_t cache_size; /* bytes */
  bool direct;
  char *name; /* of the export */
};

extern struct parameters parameters;

/* nbdkit's .config: -1 if it is unknown or wrong, which has been reported. */
int parameters_set (const char *key, const char *value);

/* nbdkit's .config_complete: what was not given is taken from the sidecar, or follows. */
int parameters_complete (void);

void parameters_free (void);

#define PARAMETERS_HELP                                                              \
  "[file=]RECIPE       (required) The recipe (X.mkvdup) to serve.\n"                 \
  "source=PATH         Where its sources are: a directory, or the source itself;\n"  \
  "                    may be given several times.  Default: as RECIPE.yaml says.\n" \
  "pad=SIZE            Pad the image to a multiple of SIZE (default: 4096;\n"        \
  "                    1: serve its exact size).\n"                                  \
  "pad-with=zero|void  Pad with zeros (default) or a Matroska Void element.\n"       \
  "cache-size=SIZE     Memory for decoded parts of the recipe (default: 64M).\n"     \
  "direct=BOOL         Read the sources past the page cache (default: false)."

#endif /* MKVDUP_PARAMETERS_H */
