/* SPDX-License-Identifier: BSD-3-Clause */
/* What no output replaces: see output.h. */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>

#include "atomic_file.h"
#include "output.h"
#include "recipe.h"
#include "sidecar.h"

/* It is none, as `why` says; or could it not be told? */
static int
check_told (const struct error *why, struct error *err)
{
  if (why->errnum == 0 || why->errnum == ENOENT)
    return 0;
  *err = *why;
  return -1;
}

/* By its header: behind that it may be damaged, and still be what somebody wants to save. */
int
output_check (const char *path, struct error *err)
{
  CLEANUP_SIDECAR struct sidecar sidecar = { .name = NULL };
  struct error why = ERROR_INIT;
  uint64_t size;
  struct stat st;

  if (recipe_peek (path, &size, &st, &why) == 0)
    return error_set (err, 0, "%s: is a recipe: not replaced", path);
  if (check_told (&why, err) == -1)
    return -1;
  if (sidecar_read (&sidecar, path, &why) == 0)
    return error_set (err, 0, "%s: is the sidecar of a recipe: not replaced", path);
  return check_told (&why, err);
}

int
output_put (const char *path, const void *data, size_t len, bool force, struct error *err)
{
  if (output_check (path, err) == -1)
    return -1;
  return (force ? atomic_file_put : atomic_file_put_new) (path, data, len, err);
}
