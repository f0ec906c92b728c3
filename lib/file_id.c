/* SPDX-License-Identifier: BSD-3-Clause */
/* Is a file that is open still the one of its name: see file_id.h. */
#include "config.h"

#include <errno.h>

#include "file_id.h"

int
file_id_look (int fd, const char *path, bool by_name, struct file_id *id,
              struct error *err)
{
  struct stat st, named;

  if (fstat (fd, &st) == -1 || (by_name && stat (path, &named) == -1))
    return error_set (err, errno, "%s", path);
  if (by_name && (named.st_dev != st.st_dev || named.st_ino != st.st_ino))
    return error_set (err, 0, "%s: is another file now than the one that was read", path);
  *id = file_id_of (&st);
  return 0;
}
