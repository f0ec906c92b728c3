/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of a diagnosis: see diagnosis.h. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>

#include "diagnosis.h"
#include "message.h"

static const char *const names[FINDINGS] = {
  [FINDING_OK] = "ok",
  [FINDING_WARNING] = "warning",
  [FINDING_PROBLEM] = "problem",
};

void
diagnosis_begin (struct diagnosis *d)
{
  if (!d->as_json)
    return;
  d->json = json_start (stdout);
  json_array (&d->json, "checks");
}

static void
tell_json (struct diagnosis *d, enum finding finding, const char *what,
           const char *detail, const char *advice)
{
  json_object (&d->json, NULL);
  json_string (&d->json, "check", what);
  json_string (&d->json, "state", names[finding]);
  json_string (&d->json, "detail", detail);
  if (advice)
    json_string (&d->json, "advice", advice);
  json_end_object (&d->json);
}

static void
tell_text (enum finding finding, const char *what, const char *detail, const char *advice)
{
  printf ("%-8s  %-12s  ", names[finding], what);
  print_safe (stdout, detail);
  putchar ('\n');
  if (!advice)
    return;
  printf ("%24s", "");
  print_safe (stdout, advice);
  putchar ('\n');
}

void
diagnosis_tell (struct diagnosis *d, enum finding finding, const char *what,
                const char *advice, const char *fmt, ...)
{
  char detail[2048];
  va_list args;

  va_start (args, fmt);
  vsnprintf (detail, sizeof detail, fmt, args);
  va_end (args);
  d->n[finding]++;
  if (d->as_json)
    tell_json (d, finding, what, detail, advice);
  else if (!d->quiet || finding != FINDING_OK)
    tell_text (finding, what, detail, advice);
}

void
diagnosis_end (struct diagnosis *d)
{
  if (d->as_json) {
    json_end_array (&d->json);
    json_object (&d->json, "summary");
    for (unsigned i = 0; i < FINDINGS; i++)
      json_number (&d->json, names[i], d->n[i]);
    json_end_object (&d->json);
    json_finish (&d->json);
  }
  else if (!d->quiet)
    printf ("%u ok, %u warning%s, %u problem%s\n", d->n[FINDING_OK],
            d->n[FINDING_WARNING], d->n[FINDING_WARNING] == 1 ? "" : "s",
            d->n[FINDING_PROBLEM], d->n[FINDING_PROBLEM] == 1 ? "" : "s");
}
