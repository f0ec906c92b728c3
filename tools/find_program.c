/* SPDX-License-Identifier: BSD-3-Clause */
/* Programs: see find_program.h. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "find_program.h"

static char *
program_in (const char *folder, const char *name)
{
  CLEANUP_FREE char *path = NULL;
  struct stat st;

  if (*folder == '\0' || asprintf (&path, "%s/%s", folder, name) == -1) {
    path = NULL;
    return NULL;
  }
  if (stat (path, &st) == -1 || !S_ISREG (st.st_mode) || access (path, X_OK) == -1)
    return NULL;
  return take_ptr (&path);
}

char *
find_program (const char *name)
{
  const char *path = getenv ("PATH");
  CLEANUP_FREE char *folders = NULL;
  char *rest, *folder, *found = NULL;

  if (asprintf (&folders, "%s:/usr/sbin:/sbin", path ? path : "") == -1) {
    folders = NULL;
    return NULL;
  }
  rest = folders;
  while (!found && (folder = strsep (&rest, ":")))
    found = program_in (folder, name);
  return found;
}
