/* SPDX-License-Identifier: BSD-3-Clause */
/* File systems by their magic numbers: see shared_fs.h. */
#include "config.h"

#include <linux/magic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "shared_fs.h"

/* Not all of them in <linux/magic.h> of Debian 12. */
#define FUSE_MAGIC 0x65735546
#define CEPH_MAGIC 0x00c36400
#define VBOXSF_MAGIC 0x786f4256

static bool
is_shared (const struct statfs *fs)
{
  static const uint32_t shared[] = {
    NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC,
    V9FS_MAGIC,      AFS_SUPER_MAGIC, AFS_FS_MAGIC,     CODA_SUPER_MAGIC,
    FUSE_MAGIC,      CEPH_MAGIC,      VBOXSF_MAGIC,
  };

  for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++)
    if ((uint32_t) fs->f_type == shared[i])
      return true;
  return false;
}

bool
is_shared_path (const char *path)
{
  struct statfs fs;

  return statfs (path, &fs) == -1 || is_shared (&fs);
}

bool
is_shared_fd (int fd)
{
  struct statfs fs;

  return fstatfs (fd, &fs) == -1 || is_shared (&fs);
}

bool
is_memory_fd (int fd)
{
  struct statfs fs;
  struct stat st;

  /* What a device's node lies on says nothing of the device. */
  if (fstat (fd, &st) == 0 && !S_ISREG (st.st_mode))
    return false;
  return fstatfs (fd, &fs) == -1 || fs.f_type == TMPFS_MAGIC ||
         fs.f_type == RAMFS_MAGIC || fs.f_type == HUGETLBFS_MAGIC ||
         fs.f_type == OVERLAYFS_SUPER_MAGIC;
}
