/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plugin's parameters: see parameters.h.
 *
 * Paths are made absolute as they come: nbdkit goes to another directory when it forks.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "cache.h"
#include "cleanup.h"
#include "library.h"
#include "padding.h"
#include "parameters.h"
#include "path.h"
#include "report.h"
#include "sidecar.h"

struct parameters parameters = {
  .pad = 4096,
  .cache_size = SEGMENT_CACHE_DEFAULT,
  .look = { .file_mode = 0444, .folder_mode = 0555 },
  .poll = 30,
  .verify = IMAGE_VERIFY_LAZY,
  .timeout = 30,
};

/* Nobody waits longer for a film. */
#define MAX_TIMEOUT 3600u

/* Where sources were found, below the user's cache folder. */
#define DEFAULT_INDEX "mkvdup/sources"

/* ---- One at a time */

static int
add_path (struct parameter_list *list, const char *key, const char *value)
{
  char **items = realloc (list->items, (list->n + 1) * sizeof *items);

  if (items)
    list->items = items;
  if (value[0] == '\0') {
    report_now ("%s=: no path", key);
    return -1;
  }
  if (!items) {
    report_now ("%s: %m", key);
    return -1;
  }
  items[list->n] = nbdkit_absolute_path (value);
  if (!items[list->n])
    return -1;
  ++list->n;
  return 0;
}

static int
set_source (const char *value)
{
  return add_path (&parameters.sources, "source", value);
}

static int
set_library (const char *value)
{
  return add_path (&parameters.library, "library", value);
}

static int
set_source_index (const char *value)
{
  free (parameters.source_index);
  parameters.source_index = value[0] ? nbdkit_absolute_path (value) : strdup ("");
  return parameters.source_index ? 0 : -1;
}

static int
set_disk (const char *value)
{
  free (parameters.disk);
  parameters.disk = strdup (value);
  return parameters.disk ? 0 : -1;
}

static int
set_fs (const char *value)
{
  if (strcmp (value, "erofs") == 0)
    parameters.disk_kind = DISK_EROFS;
  else if (strcmp (value, "udf") == 0)
    parameters.disk_kind = DISK_UDF;
  else {
    report_now ("fs=%s: neither \"erofs\" nor \"udf\"", value);
    return -1;
  }
  return 0;
}

/* The largest number means "nobody" to system calls. */
static int
set_id (const char *key, const char *value, uint32_t *id)
{
  if (nbdkit_parse_uint32_t (key, value, id) == -1)
    return -1;
  if (*id != UINT32_MAX)
    return 0;
  report_now ("%s=%s: no owner", key, value);
  return -1;
}

static int
set_uid (const char *value)
{
  return set_id ("uid", value, &parameters.look.uid);
}

static int
set_gid (const char *value)
{
  return set_id ("gid", value, &parameters.look.gid);
}

static int
set_mode (const char *key, const char *value, uint32_t *mode)
{
  char *end;
  unsigned long number = strtoul (value, &end, 8);

  if (value[0] < '0' || value[0] > '7' || *end != '\0' || number > 07777) {
    report_now ("%s=%s: not an octal number from 0 to 7777", key, value);
    return -1;
  }
  *mode = (uint32_t) number;
  return 0;
}

static int
set_file_mode (const char *value)
{
  return set_mode ("file-mode", value, &parameters.look.file_mode);
}

static int
set_dir_mode (const char *value)
{
  return set_mode ("dir-mode", value, &parameters.look.folder_mode);
}

static int
set_poll (const char *value)
{
  return nbdkit_parse_unsigned ("poll", value, &parameters.poll);
}

/* nbdkit_parse_size does not say of which parameter it speaks. */
static int
parse_size (const char *key, const char *value, uint64_t *size)
{
  static const char units[] = "BKMGTPE"; /* as nbdkit has them, and S: sectors */
  char *end;
  unsigned long long number = strtoull (value, &end, 10);
  int letter = toupper ((unsigned char) *end);
  const char *unit = *end ? strchr (letter == 'S' ? "S" : units, letter) : NULL;
  unsigned shift = !unit ? 0 : letter == 'S' ? 9 : 10 * (unsigned) (unit - units);

  if (isdigit ((unsigned char) value[0]) && (*end == '\0' || (unit && end[1] == '\0')) &&
      number <= (uint64_t) INT64_MAX >> shift) {
    *size = (uint64_t) number << shift;
    return 0;
  }
  report_now ("%s=%s: is no size in bytes, as 65536 or 64K", key, value);
  return -1;
}

static int
set_pad (const char *value)
{
  uint64_t size;

  if (parse_size ("pad", value, &size) == -1)
    return -1;
  if (size < 1 || size > PADDING_MAX_BLOCK || (size & (size - 1)) != 0) {
    report_now ("pad=%s: not a power of two from 1 to %u", value, PADDING_MAX_BLOCK);
    return -1;
  }
  parameters.pad = (unsigned) size;
  return 0;
}

static int
set_pad_with (const char *value)
{
  parameters.pad_with_void = strcmp (value, "void") == 0;
  if (!parameters.pad_with_void && strcmp (value, "zero") != 0) {
    report_now ("pad-with=%s: neither \"zero\" nor \"void\"", value);
    return -1;
  }
  return 0;
}

static int
set_cache_size (const char *value)
{
  uint64_t size;

  if (parse_size ("cache-size", value, &size) == -1)
    return -1;
  parameters.cache_size = (size_t) size;
  return 0;
}

static int
set_bool (bool *parameter, const char *value)
{
  int r = nbdkit_parse_bool (value);

  *parameter = r == 1;
  return r == -1 ? -1 : 0;
}

static int
set_direct (const char *value)
{
  return set_bool (&parameters.direct, value);
}

static int
set_verify (const char *value)
{
  static const char *const modes[] = {
    [IMAGE_VERIFY_OFF] = "off",
    [IMAGE_VERIFY_LAZY] = "lazy",
    [IMAGE_VERIFY_FULL] = "full",
  };

  for (unsigned i = 0; i < sizeof modes / sizeof modes[0]; i++)
    if (strcmp (value, modes[i]) == 0) {
      parameters.verify = (enum image_verify) i;
      return 0;
    }
  report_now ("verify=%s: none of \"off\", \"lazy\" and \"full\"", value);
  return -1;
}

static int
set_hook (const char *value)
{
  free (parameters.hook);
  parameters.hook = nbdkit_absolute_path (value);
  return parameters.hook ? 0 : -1;
}

static int
set_salvage (const char *value)
{
  return set_bool (&parameters.salvage, value);
}

static int
set_verity (const char *value)
{
  return set_bool (&parameters.verity, value);
}

static int
set_timeout (const char *value)
{
  if (nbdkit_parse_unsigned ("timeout", value, &parameters.timeout) == -1)
    return -1;
  if (parameters.timeout > MAX_TIMEOUT) {
    report_now ("timeout=%s: more than %u seconds", value, MAX_TIMEOUT);
    return -1;
  }
  return 0;
}

static int
set_file (const char *value)
{
  if (parameters.file) {
    report_now ("only one recipe can be served without library=: %s, or %s?",
                parameters.file, value);
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
    { "library", set_library },
    { "source", set_source },
    { "source-index", set_source_index },
    { "disk", set_disk },
    { "fs", set_fs },
    { "uid", set_uid },
    { "gid", set_gid },
    { "file-mode", set_file_mode },
    { "dir-mode", set_dir_mode },
    { "poll", set_poll },
    { "pad", set_pad },
    { "pad-with", set_pad_with },
    { "cache-size", set_cache_size },
    { "direct", set_direct },
    { "verify", set_verify },
    { "salvage", set_salvage },
    { "verity", set_verity },
    { "timeout", set_timeout },
    { "on-error-command", set_hook },
  };

  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; ++i) {
    if (strcmp (key, keys[i].key) == 0)
      return keys[i].set (value);
  }
  report_now ("unknown parameter '%s'", key);
  return -1;
}

/* "/some/where/Movie.mkvdup" is called "Movie". */
static char *
name_of_file (const char *file)
{
  const char *base = path_base (file);
  size_t len = path_without (base, ".mkvdup");

  return len > 0 ? strndup (base, len) : strdup (base);
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
  parameters.image_size = sidecar.image_size;
  return parameters.sources.n == 0 ? set_source (sidecar.source_dir) : 0;
}

static int
complete_file (void)
{
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

/* An empty name means none. */
static int
complete_disk (void)
{
  if (!parameters.disk && !(parameters.disk = strdup (LIBRARY_DISK))) {
    nbdkit_error ("%m");
    return -1;
  }
  if (parameters.disk[0] == '\0') {
    free (parameters.disk);
    parameters.disk = NULL;
  }
  return 0;
}

/* As systemd and the XDG base directory specification name the folder for such files. */
static int
complete_source_index (void)
{
  const char *folder = getenv ("CACHE_DIRECTORY");
  const char *name = "sources", *home = NULL;
  char *path = NULL;
  int r;

  if (parameters.source_index) {
    if (parameters.source_index[0] == '\0') {
      free (parameters.source_index);
      parameters.source_index = NULL;
    }
    return 0;
  }
  if (!folder) {
    folder = getenv ("XDG_CACHE_HOME");
    home = getenv ("HOME");
    name = DEFAULT_INDEX;
  }
  if (folder && folder[0] == '/')
    r = asprintf (&path, "%s/%s", folder, name);
  else if (home && home[0] == '/')
    r = asprintf (&path, "%s/.cache/%s", home, name);
  else
    return 0;
  if (r == -1) {
    nbdkit_error ("%m");
    return -1;
  }
  parameters.source_index = path;
  return 0;
}

int
parameters_complete (void)
{
  if (!parameters.file && parameters.library.n == 0) {
    nbdkit_error ("no recipe: nbdkit mkvdup RECIPE [source=PATH ...], or library=PATH");
    return -1;
  }
  if (parameters.file && parameters.library.n > 0) {
    report_now ("a recipe or library=PATH, not both: the library could name %s",
                parameters.file);
    return -1;
  }
  if (parameters.verity && (parameters.pad % 4096 != 0 || parameters.pad_with_void)) {
    nbdkit_error (
      "verity: only with pad=4096 or a multiple of it, and zeros: that is what "
      "is hashed");
    return -1;
  }
  if (complete_source_index () == -1)
    return -1;
  return parameters.file ? complete_file () : complete_disk ();
}

static void
free_list (struct parameter_list *list)
{
  for (size_t i = 0; i < list->n; i++)
    free (list->items[i]);
  free (list->items);
}

void
parameters_free (void)
{
  free_list (&parameters.library);
  free_list (&parameters.sources);
  free (parameters.source_index);
  free (parameters.disk);
  free (parameters.hook);
  free (parameters.file);
  free (parameters.name);
}
