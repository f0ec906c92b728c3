/* SPDX-License-Identifier: BSD-3-Clause */
/* What mkvdup scan says: see scan_report.h. */
#include "config.h"

#include "message.h"
#include "scan_report.h"

static const char *const results[SCAN_RESULTS] = {
  [SCAN_NEW] = "new",
  [SCAN_CHANGED] = "changed",
  [SCAN_UNCHANGED] = "unchanged",
  [SCAN_SCRAMBLED] = "scrambled",
  [SCAN_FAILED] = "failed",
};

void
scan_report_begin (struct scan_report *r, const struct options *options)
{
  *r = (struct scan_report){ .options = options };
  if (!options->json)
    return;
  r->json = json_start (stdout);
  json_array (&r->json, "discs");
}

static void
json_disc (struct json *j, const char *path, enum scan_result result, uint64_t bytes,
           unsigned hashes, const char *why)
{
  json_object (j, NULL);
  json_string (j, "path", path);
  json_string (j, "result", results[result]);
  json_number (j, "bytes", bytes);
  json_number (j, "pictures", hashes);
  if (why)
    json_string (j, "cause", why);
  json_end_object (j);
}

static void
print_disc (const char *path, enum scan_result result, uint64_t bytes, unsigned hashes)
{
  char text[AMOUNT_MAX];

  print_safe (stdout, path);
  printf (": %s, %s", results[result], amount_bytes (bytes, text));
  puts (hashes == 0 ? ", no pictures in it: nothing will be found there" : "");
  fflush (stdout); /* the next may take an hour */
}

void
scan_report_disc (struct scan_report *r, const char *path, enum scan_result result,
                  uint64_t bytes, unsigned hashes, const char *why)
{
  r->counts[result]++;
  if (r->options->json)
    json_disc (&r->json, path, result, bytes, hashes, why);
  else if (!r->options->quiet && (result == SCAN_NEW || result == SCAN_CHANGED))
    print_disc (path, result, bytes, hashes);
  if (result == SCAN_SCRAMBLED)
    message ("%s: is scrambled (%s): decrypt it, and scan it again", path, why);
  else if (result == SCAN_FAILED)
    message ("%s", why);
}

bool
scan_report_is_good (const struct scan_report *r)
{
  return r->counts[SCAN_SCRAMBLED] == 0 && r->counts[SCAN_FAILED] == 0 &&
         !r->is_interrupted;
}

static unsigned
total (const struct scan_report *r)
{
  unsigned n = 0;

  for (int i = 0; i < SCAN_RESULTS; i++)
    n += r->counts[i];
  return n;
}

static void
print_sum (const struct scan_report *r, const char *library)
{
  char bytes[AMOUNT_MAX], rate[AMOUNT_MAX];

  print_safe (stdout, library);
  printf (": %u disc%s: ", total (r), total (r) == 1 ? "" : "s");
  for (int i = 0; i < SCAN_RESULTS; i++)
    printf ("%s%u %s", i ? ", " : "", r->counts[i], results[i]);
  if (r->gone > 0)
    printf ("; %u of before not there any more", r->gone);
  if (r->forgotten > 0)
    printf ("; %u forgotten", r->forgotten);
  printf ("; %s%s in %.1f s, %s\n", r->is_interrupted ? "interrupted; " : "",
          amount_bytes (r->bytes, bytes), r->seconds,
          amount_rate (r->bytes, r->seconds, rate));
}

void
scan_report_end (struct scan_report *r, const char *library)
{
  struct json *j = &r->json;

  if (!r->options->json) {
    if (!r->options->quiet || !scan_report_is_good (r))
      print_sum (r, library);
    return;
  }
  json_end_array (j);
  json_object (j, "summary");
  json_string (j, "library", library);
  for (int i = 0; i < SCAN_RESULTS; i++)
    json_number (j, results[i], r->counts[i]);
  json_number (j, "gone", r->gone);
  json_number (j, "forgotten", r->forgotten);
  json_number (j, "bytes", r->bytes);
  json_decimal (j, "seconds", r->seconds);
  json_bool (j, "interrupted", r->is_interrupted);
  json_end_object (j);
  json_finish (j);
}
