/* SPDX-License-Identifier: BSD-3-Clause */
/* What serves: nbdkit, and the plugin in it. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "cleanup.h"
#include "diagnosis.h"
#include "find_program.h"
#include "recipe_format.h"

/* From 1.33.10 on a client that vanishes does not abort the server (plugin.c). */
static bool
is_mended (const unsigned version[3])
{
  if (version[0] != 1)
    return version[0] > 1;
  return version[1] != 33 ? version[1] > 33 : version[2] >= 10;
}

/* The floor is Debian 12's. */
static bool
is_new_enough (const unsigned version[3])
{
  return version[0] > 1 || (version[0] == 1 && version[1] >= 32);
}

/* "nbdkit 1.32.5 (nbdkit-1.32.5-1)" */
static bool
parse_version (const char *text, unsigned version[3])
{
  char *end;

  if (strncmp (text, "nbdkit ", 7) != 0)
    return false;
  text += 7;
  for (unsigned i = 0; i < 3; i++) {
    unsigned long n = strtoul (text, &end, 10);

    if (end == text || n > 100000 || (i < 2 && *end != '.'))
      return false;
    version[i] = (unsigned) n;
    text = end + 1;
  }
  return true;
}

static void
tell_version (struct diagnosis *d, const char *path, const char *text)
{
  unsigned v[3];
  int len = (int) strcspn (text, "\n");

  if (!parse_version (text, v))
    diagnosis_tell (d, FINDING_PROBLEM, "nbdkit", "reinstall nbdkit",
                    "%s says no version: %.*s", path, len, text);
  else if (!is_new_enough (v))
    diagnosis_tell (d, FINDING_PROBLEM, "nbdkit", "install 1.32 or later",
                    "%u.%u.%u, %s: too old", v[0], v[1], v[2], path);
  else if (!is_mended (v))
    diagnosis_tell (d, FINDING_WARNING, "nbdkit",
                    "1.34 or later serves a connection with many threads",
                    "%u.%u.%u, %s: it aborts if a client vanishes while several threads "
                    "reply to it, so that the plugin uses one a connection",
                    v[0], v[1], v[2], path);
  else
    diagnosis_tell (d, FINDING_OK, "nbdkit", NULL, "%u.%u.%u, %s", v[0], v[1], v[2],
                    path);
}

/* The value of KEY in lines of "KEY=VALUE": its length, 0 if it is not there. */
static size_t
value_of (const char *text, const char *key, const char **value)
{
  size_t len = strlen (key);

  for (const char *line = text; line; line = strchr (line, '\n')) {
    line += *line == '\n';
    if (strncmp (line, key, len) == 0 && line[len] == '=') {
      *value = line + len + 1;
      return strcspn (*value, "\n");
    }
    if (!*line)
      break;
  }
  return 0;
}

static bool
value_is (const char *text, const char *key, const char *wanted)
{
  const char *value;
  size_t len = value_of (text, key, &value);

  return len == strlen (wanted) && len > 0 && memcmp (value, wanted, len) == 0;
}

static void
tell_plugin (struct diagnosis *d, const char *text)
{
  const char *version = "?", *threads = "?";
  int version_len = (int) value_of (text, "mkvdup_version", &version);
  int threads_len = (int) value_of (text, "thread_model", &threads);

  if (!value_is (text, "mkvdup_version", PACKAGE_VERSION))
    diagnosis_tell (d, FINDING_WARNING, "plugin", "install both from one build",
                    "version %.*s, but this is mkvdup %s", version_len, version,
                    PACKAGE_VERSION);
  else
    diagnosis_tell (d, FINDING_OK, "plugin", NULL, "version %.*s, %.*s", version_len,
                    version, threads_len, threads);
}

static void
ask_plugin (struct diagnosis *d, const char *nbdkit)
{
  const char *const argv[] = { nbdkit, "--dump-plugin", "mkvdup", NULL };
  char text[16384];

  if (capture (argv, text, sizeof text) == 0) {
    tell_plugin (d, text);
    return;
  }
  diagnosis_tell (d, FINDING_PROBLEM, "plugin",
                  "install nbdkit-mkvdup-plugin.so where `nbdkit --dump-config` says "
                  "plugindir is",
                  "nbdkit does not load it: %.*s", (int) strcspn (text, "\n"), text);
}

void
doctor_server (struct diagnosis *d)
{
  CLEANUP_FREE char *nbdkit = find_program ("nbdkit");
  const char *const argv[] = { nbdkit, "--version", NULL };
  char text[1024];

  if (!nbdkit) {
    diagnosis_tell (d, FINDING_PROBLEM, "nbdkit", "install nbdkit, to serve images",
                    "not found");
    return;
  }
  if (capture (argv, text, sizeof text) != 0) {
    diagnosis_tell (d, FINDING_PROBLEM, "nbdkit", "reinstall nbdkit",
                    "%s does not run: %s", nbdkit, text);
    return;
  }
  tell_version (d, nbdkit, text);
  ask_plugin (d, nbdkit);
}
