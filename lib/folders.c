/* SPDX-License-Identifier: BSD-3-Clause */
/* Making folders: see folders.h. */
#include "config.h"

#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "folders.h"

void
folders_make (const char *file)
{
  CLEANUP_FREE char *path = strdup (file);

  for (char *slash = path && *path ? strchr (path + 1, '/') : NULL; slash;
       slash = strchr (slash + 1, '/')) {
    *slash = '\0';
    mkdir (path, 0777);
    *slash = '/';
  }
}
