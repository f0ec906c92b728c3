/* SPDX-License-Identifier: BSD-3-Clause */
/* What no output replaces: see output.h. */
#include "config.h"

#include <errno.h>

#include "atomic_file.h"
#include "file_id.h"
#include "output.h"
#include "recipe.h"
#include "sidecar.h"

int
output_check (const char *path, struct error *err)
{
  CLEANUP_SIDECAR struct sidecar sidecar = { .name = NULL };
  struct error why = ERROR_INIT;
  int kind = recipe_kind_of (path, err);

  if (kind == -1)
    return -1;
  if (kind != RECIPE_NONE)
    return error_set (err, 0, "%s: is a recipe: not replaced", path);
  if (sidecar_read (&sidecar, path, &why) == 0)
    return error_set (err, 0, "%s: is the sidecar of a recipe: not replaced", path);
  if (why.errnum == 0 || why.errnum == ENOENT)
    return 0;
  *err = why;
  return -1;
}

int
output_check_apart (const char *path, const struct options *options, struct error *err)
{
  for (size_t i = 0; i < options->n_args; i++)
    if (same_file (path, options->args[i]))
      return error_set (err, 0, "%s: is what the library is read from: not replaced",
                        path);
  return 0;
}

int
output_put (const char *path, const void *data, size_t len, bool force, struct error *err)
{
  if (output_check (path, err) == -1)
    return -1;
  return (force ? atomic_file_put : atomic_file_put_new) (path, data, len, err);
}
