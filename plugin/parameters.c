/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plugin's parameters: see parameters.h.
 *
 * Paths are made absolute as they come: nbdkit goes to another directory when it forks.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "cache.h"
#include "cleanup.h"
#include "padding.h"
#include "parameters.h"
#include "report.h"
#include "sidecar.h"

struct parameters parameters = { .pad = 4096, .cache_size = SEGMENT_CACHE_DEFAULT };

static int
set_source (const char *value)
{
  char **sources =
    realloc (parameters.sources, (parameters.n_sources + 1) * sizeof *sources);

  if (!sources) {
    nbdkit_error ("source: %m");
    return -1;
  }
  parameters.sources = sources;
  sources[parameters.n_sources] = nbdkit_absolute_path (value);
  if (!sources[parameters.n_sources])
    return -1;
  ++parameters.n_sources;
  return 0;
}

static int
set_pad (const char *value)
{
  unsigned size;

  if (nbdkit_parse_unsigned ("pad", value, &size) == -1)
    return -1;
  if (size < 1 || size > PADDING_MAX_BLOCK || (size & (size - 1)) != 0) {
    nbdkit_error ("pad=%s: not a power of two from 1 to %u", value, PADDING_MAX_BLOCK);
    return -1;
  }
  parameters.pad = size;
  return 0;
}

static int
set_pad_with (const char *value)
{
  parameters.pad_with_void = strcmp (value, "void") == 0;
  if (!parameters.pad_with_void && strcmp (value, "zero") != 0) {
    nbdkit_error ("pad-with=%s: neither \"zero\" nor \"void\"", value);
    return -1;
  }
  return 0;
}

static int
set_cache_size (const char *value)
{
  int64_t size = nbdkit_parse_size (value);

  if (size == -1)
    return -1;
  parameters.cache_size = (size_t) size;
  return 0;
}

static int
set_direct (const char *value)
{
  int direct = nbdkit_parse_bool (value);

  parameters.direct = direct == 1;
  return direct == -1 ? -1 : 0;
}

static int
set_file (const char *value)
{
  if (parameters.file) {
    nbdkit_error ("only one recipe can be served: %s, or %s?", parameters.file, value);
    return -1;
  }
  parameters.file = nbdkit_absolute_path (value);
  return parameters.file ? 0 : -1;
}

int
parameters_set (const char *key, const char *value)
{
  static const struct {
    const char *key;
    int (*set) (const char *value);
  } keys[] = {
    { "file", set_file },
    { "source", set_source },
    { "pad", set_pad },
    { "pad-with", set_pad_with },
    { "cache-size", set_cache_size },
    { "direct", set_direct },
  };

  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; ++i) {
    if (strcmp (key, keys[i].key) == 0)
      return keys[i].set (value);
  }
  nbdkit_error ("unknown parameter '%s'", key);
  return -1;
}

/* "/some/where/Movie.mkvdup" is called "Movie". */
static char *
name_of_file (const char *file)
{
  const char *slash = strrchr (file, '/');
  const char *base = slash ? slash + 1 : file;
  size_t len = strlen (base), end = strlen (".mkvdup");

  if (len > end && strcmp (base + len - end, ".mkvdup") == 0)
    len -= end;
  return strndup (base, len);
}

/* The sidecar knows a name and, unless that was configured, where the sources are.
 * It may be missing, but not broken.
 */
static int
use_sidecar (void)
{
  CLEANUP_FREE char *path = sidecar_path (parameters.file);
  CLEANUP_SIDECAR struct sidecar sidecar = { 0 };
  struct error err = ERROR_INIT;

  if (!path) {
    nbdkit_error ("%m");
    return -1;
  }
  if (access (path, F_OK) == -1 && errno == ENOENT)
    return 0;
  if (sidecar_read (&sidecar, path, &err) == -1)
    return report (&err);
  parameters.name = take_ptr (&sidecar.name);
  return parameters.n_sources == 0 ? set_source (sidecar.source_dir) : 0;
}

int
parameters_complete (void)
{
  if (!parameters.file) {
    nbdkit_error ("no recipe: nbdkit mkvdup RECIPE [source=PATH ...]");
    return -1;
  }
  if (use_sidecar () == -1)
    return -1;
  if (!parameters.name)
    parameters.name = name_of_file (parameters.file);
  if (!parameters.name) {
    nbdkit_error ("%m");
    return -1;
  }
  return 0;
}

void
parameters_free (void)
{
  for (size_t i = 0; i < parameters.n_sources; ++i)
    free (parameters.sources[i]);
  free (parameters.sources);
  free (parameters.file);
  free (parameters.name);
}
