/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as the manifest of a batch: refused with a message, or entries that are whole. */
#include "config.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch_list.h"
#include "batch_names.h"
#include "tree.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static char path[] = "/tmp/mkvdup-fuzz.XXXXXX.yaml";
static int fd = -1;

static void
remove_file (void)
{
  unlink (path);
}

static void
require (int ok)
{
  if (!ok)
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  CLEANUP_BATCH_LIST struct batch_list list = { 0 };
  struct error err = ERROR_INIT;

  if (fd == -1) {
    fd = mkostemps (path, 5, O_CLOEXEC);
    require (fd >= 0);
    atexit (remove_file);
  }
  /* Not cut to nothing before: ext4 would write such a file to the disk whenever it is closed. */
  require (pwrite (fd, data, size, 0) == (ssize_t) size &&
           ftruncate (fd, (off_t) size) == 0);
  if (batch_list_add (&list, path, NULL, &err) == -1) {
    require (err.text[0] != '\0');
    return 0;
  }
  require (list.n > 0);
  for (size_t i = 0; i < list.n; i++) {
    const struct batch_entry *e = &list.entries[i];

    require (e->mkv[0] != '\0' && e->recipe[0] != '\0' && (!e->source || e->source[0]));
    require (!e->name || tree_check_name (e->name, &err) == 0);
  }
  batch_names_check (&list, &err);
  return 0;
}
