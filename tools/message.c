/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages and amounts: see message.h. */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <time.h>

#include "message.h"

void
print_safe (FILE *out, const char *text)
{
  for (const unsigned char *p = (const unsigned char *) text; *p; p++)
    if (*p < 0x20 || *p == 0x7f)
      fprintf (out, "\\%03o", *p);
    else if (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f) /* C1 controls in UTF-8 */
      fprintf (out, "\\302\\%03o", *++p);
    else
      putc (*p, out);
}

/* Of --log-file.  Opened once, and closed by the end of the program. */
static FILE *log_file;

int
message_log_to (const char *path, struct error *err)
{
  log_file = fopen (path, "ae");
  if (!log_file)
    return error_set (err, errno, "%s", path);
  setlinebuf (log_file);
  return 0;
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
