/* SPDX-License-Identifier: BSD-3-Clause */
/* What it runs on: the kernel, its limits, the libraries in use. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <xxhash.h>
#include <yaml.h>
#include <zlib.h>
#include <zstd.h>

#include "batch.h"
#include "cleanup.h"
#include "diagnosis.h"
#include "find_program.h"
#include "titles.h"

/* The first line of a small file, or "". */
static const char *
first_line (const char *path, char line[128])
{
  FILE *f = fopen (path, "re");

  if (!f || !fgets (line, 128, f))
    line[0] = '\0';
  if (f)
    fclose (f);
  line[strcspn (line, "\n")] = '\0';
  return line;
}

/* Is there a line in `path` with this text? */
static bool
has_line (const char *path, const char *text)
{
  CLEANUP_FCLOSE FILE *f = fopen (path, "re");
  char line[1024];

  while (f && fgets (line, sizeof line, f))
    if (strstr (line, text))
      return true;
  return false;
}

/* ---- io_uring */

static void
tell_io_uring (struct diagnosis *d)
{
  char line[128];
  const char *disabled = first_line ("/proc/sys/kernel/io_uring_disabled", line);

  if (batch_has_io_uring ())
    diagnosis_tell (d, FINDING_OK, "io_uring", NULL, "may be used");
  else if (*disabled != '\0' && *disabled != '0')
    diagnosis_tell (d, FINDING_WARNING, "io_uring",
                    "sysctl kernel.io_uring_disabled=0, if you may; without it discs are "
                    "read one piece after the other",
                    "kernel.io_uring_disabled is %s", disabled);
  else if (has_line ("/proc/self/status", "Seccomp:\t2"))
    diagnosis_tell (
      d, FINDING_WARNING, "io_uring",
      "allow io_uring_setup, _enter and _register in the container's seccomp "
      "profile; without it discs are read one piece after the other",
      "refused, as a seccomp filter is likely to do");
  else
    diagnosis_tell (d, FINDING_WARNING, "io_uring",
                    "without it discs are read one piece after the other",
                    "refused by the kernel");
}

/* ---- nbd */

/* Does this kernel have the module, loaded or not? */
static bool
has_nbd_module (bool *is_loaded)
{
  static const char *const lists[] = { "modules.dep", "modules.builtin" };
  struct utsname system;
  struct stat st;

  *is_loaded = stat ("/sys/module/nbd", &st) == 0 || has_line ("/proc/devices", " nbd\n");
  if (*is_loaded || uname (&system) == -1)
    return *is_loaded;
  for (unsigned i = 0; i < 2; i++) {
    CLEANUP_FREE char *path = NULL;

    if (asprintf (&path, "/lib/modules/%s/%s", system.release, lists[i]) == -1) {
      path = NULL;
      return false;
    }
    if (has_line (path, "/nbd.ko"))
      return true;
  }
  return false;
}

static void
tell_nbd (struct diagnosis *d)
{
  CLEANUP_FREE char *client = find_program ("nbd-client");
  bool is_loaded;

  if (!has_nbd_module (&is_loaded))
    diagnosis_tell (d, FINDING_WARNING, "kernel nbd",
                    "only a machine that mounts images as /dev/nbdN needs it",
                    "this kernel has no nbd module");
  else if (!is_loaded)
    diagnosis_tell (d, FINDING_WARNING, "kernel nbd",
                    "modprobe nbd, to use /dev/nbdN here", "not loaded");
  else if (access ("/dev/nbd0", F_OK) == -1)
    diagnosis_tell (d, FINDING_WARNING, "kernel nbd",
                    "in a container, pass the devices in; only to use them here",
                    "loaded, but there is no /dev/nbd0");
  else
    diagnosis_tell (d, FINDING_OK, "kernel nbd", NULL, "loaded, with devices");
  if (client)
    diagnosis_tell (d, FINDING_OK, "nbd-client", NULL, "%s", client);
  else
    diagnosis_tell (d, FINDING_WARNING, "nbd-client",
                    "install nbd-client, to use /dev/nbdN here", "not found");
}

/* ---- Limits */

/* Idle images are kept open, each with a source at least. */
#define FEW_FILES (4 * (rlim_t) TITLES_IDLE)

static void
tell_files (struct diagnosis *d)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) == -1)
    return;
  if (limit.rlim_cur < FEW_FILES)
    diagnosis_tell (d, FINDING_WARNING, "open files",
                    "raise it: ulimit -n 65536, or LimitNOFILE= of the unit",
                    "%" PRIu64 " at most", (uint64_t) limit.rlim_cur);
  else
    diagnosis_tell (d, FINDING_OK, "open files", NULL, "%" PRIu64 " at most",
                    (uint64_t) limit.rlim_cur);
}

/* What the kernel reads ahead by default. */
#define DEFAULT_READ_AHEAD 128u

/* A partition has no queue of its own, but its disk's. */
static bool
read_queue (unsigned major, unsigned minor, const char *name, char line[128])
{
  char path[128];

  snprintf (path, sizeof path, "/sys/dev/block/%u:%u/queue/%s", major, minor, name);
  if (*first_line (path, line))
    return true;
  snprintf (path, sizeof path, "/sys/dev/block/%u:%u/../queue/%s", major, minor, name);
  return *first_line (path, line) != '\0';
}

void
doctor_device (struct diagnosis *d, unsigned major, unsigned minor)
{
  char kib[128], turns[128];

  if (!read_queue (major, minor, "read_ahead_kb", kib))
    return; /* a file system of several devices, or of none */
  if (!read_queue (major, minor, "rotational", turns))
    turns[0] = '\0';
  if (strtoul (kib, NULL, 10) < DEFAULT_READ_AHEAD)
    diagnosis_tell (
      d, FINDING_WARNING, "read-ahead",
      "blockdev --setra 256 or more (in units of 512 bytes), for whoever reads a "
      "film from begin to end",
      "device %u:%u, with sources: read_ahead_kb is %s", major, minor, kib);
  else
    diagnosis_tell (d, FINDING_OK, "read-ahead", NULL,
                    "device %u:%u, with sources: read_ahead_kb is %s%s", major, minor,
                    kib, turns[0] == '1' ? ", a disk that turns" : "");
}

/* ---- Libraries */

static void
tell_libraries (struct diagnosis *d)
{
  diagnosis_tell (d, FINDING_OK, "libraries", NULL,
                  "zstd %s, zlib %s, libyaml %s, xxHash %u.%u.%u, %s",
                  ZSTD_versionString (), zlibVersion (), yaml_get_version_string (),
                  XXH_versionNumber () / 10000, XXH_versionNumber () / 100 % 100,
                  XXH_versionNumber () % 100, OpenSSL_version (OPENSSL_VERSION));
}

void
doctor_system (struct diagnosis *d)
{
  struct utsname system;

  if (uname (&system) == 0)
    diagnosis_tell (d, FINDING_OK, "system", NULL, "%s %s, %s", system.sysname,
                    system.release, system.machine);
  tell_io_uring (d);
  tell_nbd (d);
  tell_files (d);
  tell_libraries (d);
}
