/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages and amounts: see message.h. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "message.h"
#include "safe_text.h"
#include "utf8.h"

void
print_safe (FILE *out, const char *text)
{
  char shown[SAFE_MAX];

  while (*text) {
    size_t n = safe_next (&text, shown);

    fwrite (shown, 1, n, out);
  }
}

/* Of --log-file.  Opened once; both are NULL without one. */
static FILE *log_file;
static const char *log_path; /* borrowed */

/* What is YAML, or begins with what our own files of text do. */
static bool
is_other_text (const char *path, const char *bytes, size_t n)
{
  const char *dot = strrchr (path, '.');

  return (dot && (strcmp (dot, ".yaml") == 0 || strcmp (dot, ".yml") == 0)) ||
         (n >= 7 && memcmp (bytes, "mkvdup ", 7) == 0);
}

/* A line added to an MKV, a recipe or a sidecar, because the FILE of --log-file was forgotten,
 * would spoil it.  A log may have been begun by others, in any form.
 */
static int
check_log (const char *path, struct error *err)
{
  CLEANUP_CLOSE int fd = -1;
  char bytes[UTF8_LOOK];
  struct stat st;
  ssize_t n;

  if (stat (path, &st) == -1 || !S_ISREG (st.st_mode) || st.st_size == 0)
    return 0; /* what is wrong otherwise will be told by fopen */
  fd = open (path, O_RDONLY | O_CLOEXEC);
  n = fd == -1 ? -1 : TEMP_FAILURE_RETRY (read (fd, bytes, sizeof bytes));
  if (n == -1)
    return error_set (err, errno, "%s", path);
  if (is_text (bytes, (size_t) n) && !is_other_text (path, bytes, (size_t) n))
    return 0;
  return error_set (err, 0, "%s: exists and is no log: nothing is added to it", path);
}

int
message_log_to (const char *path, struct error *err)
{
  if (check_log (path, err) == -1)
    return -1;
  log_file = fopen (path, "ae");
  if (!log_file)
    return error_set (err, errno, "%s", path);
  log_path = path;
  setlinebuf (log_file);
  return 0;
}

int
message_log_end (struct error *err)
{
  FILE *file = log_file;
  bool has_failed;

  if (!file)
    return 0;
  log_file = NULL;
  has_failed = ferror (file);
  return fclose (file) == 0 && !has_failed
           ? 0
           : error_set (err, 0, "%s: not all that was said is in it", log_path);
}

bool
message_has_log (void)
{
  return log_file != NULL;
}

void
message_log (const char *text)
{
  char date[32];
  struct tm tm;
  time_t t = time (NULL);

  if (!log_file)
    return;
  strftime (date, sizeof date, "%F %T%z", localtime_r (&t, &tm));
  flockfile (log_file);
  fprintf (log_file, "%s ", date);
  print_safe (log_file, text);
  putc ('\n', log_file);
  funlockfile (log_file);
}

void
message (const char *fmt, ...)
{
  char text[2048];
  va_list args;

  va_start (args, fmt);
  vsnprintf (text, sizeof text, fmt, args);
  va_end (args);
  flockfile (stderr);
  fputs ("mkvdup: ", stderr);
  print_safe (stderr, text);
  putc ('\n', stderr);
  funlockfile (stderr);
  message_log (text);
}

const char *
amount_bytes (uint64_t bytes, char text[AMOUNT_MAX])
{
  static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
  double value = (double) bytes / 1000;
  size_t i = 0;

  if (bytes < 1000) {
    snprintf (text, AMOUNT_MAX, "%u bytes", (unsigned) bytes);
    return text;
  }
  /* Not 1000: what would be rounded to "1000.0" is written in the next unit. */
  while (value >= 999.95 && i + 1 < sizeof units / sizeof units[0]) {
    value /= 1000;
    i++;
  }
  snprintf (text, AMOUNT_MAX, "%.1f %s", value, units[i]);
  return text;
}

const char *
amount_rate (uint64_t bytes, double seconds, char text[AMOUNT_MAX])
{
  char size[AMOUNT_MAX];

  if (seconds <= 0)
    snprintf (text, AMOUNT_MAX, "-");
  else
    snprintf (text, AMOUNT_MAX, "%.20s/s",
              amount_bytes ((uint64_t) ((double) bytes / seconds), size));
  return text;
}

const char *
amount_time (double seconds, char text[AMOUNT_MAX])
{
  unsigned s = seconds > 0 && seconds < 1e9 ? (unsigned) (seconds + 0.5) : 0;

  if (s >= 3600)
    snprintf (text, AMOUNT_MAX, "%u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
  else
    snprintf (text, AMOUNT_MAX, "%u:%02u", s / 60, s % 60);
  return text;
}

double
percent_saved (uint64_t part, uint64_t whole)
{
  return whole == 0 ? 0 : 100 - 100 * (double) part / (double) whole;
}

double
now (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}
