/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing JSON (RFC 8259): see json.h. */
#include "config.h"

#include <stddef.h>

#include "json.h"
#include "utf8.h"

static void
put_string (FILE *out, const char *text)
{
  const unsigned char *p = (const unsigned char *) text;
  size_t len;

  putc ('"', out);
  for (; *p; p += len) {
    len = utf8_len (p);
    if (len == 0) {
      fputs (UTF8_REPLACEMENT, out);
      len = 1;
    }
    else if (*p < 0x20 || *p == 0x7f)
      fprintf (out, "\\u%04x", *p);
    else if (*p == '"' || *p == '\\')
      fprintf (out, "\\%c", *p);
    else
      fwrite (p, 1, len, out);
  }
  putc ('"', out);
}

static void
new_line (struct json *j)
{
  fprintf (j->out, "\n%*s", (int) (2 * j->depth), "");
}

static void
start_member (struct json *j, const char *key)
{
  if (j->has_members)
    putc (',', j->out);
  new_line (j);
  if (key) {
    put_string (j->out, key);
    fputs (": ", j->out);
  }
  j->has_members = true;
}

static void
open_with (struct json *j, char bracket)
{
  putc (bracket, j->out);
  j->depth++;
  j->has_members = false;
}

static void
close_with (struct json *j, char bracket)
{
  j->depth--;
  if (j->has_members)
    new_line (j);
  putc (bracket, j->out);
  j->has_members = true;
}

struct json
json_start (FILE *out)
{
  struct json j = { out, 0, false };

  open_with (&j, '{');
  return j;
}

void
json_finish (struct json *j)
{
  close_with (j, '}');
  putc ('\n', j->out);
}

void
json_object (struct json *j, const char *key)
{
  start_member (j, key);
  open_with (j, '{');
}

void
json_array (struct json *j, const char *key)
{
  start_member (j, key);
  open_with (j, '[');
}

void
json_end_object (struct json *j)
{
  close_with (j, '}');
}

void
json_end_array (struct json *j)
{
  close_with (j, ']');
}

void
json_string (struct json *j, const char *key, const char *value)
{
  start_member (j, key);
  put_string (j->out, value);
}

void
json_number (struct json *j, const char *key, uint64_t value)
{
  start_member (j, key);
  fprintf (j->out, "%llu", (unsigned long long) value);
}

void
json_decimal (struct json *j, const char *key, double value)
{
  start_member (j, key);
  fprintf (j->out, "%.6f", value);
}

void
json_bool (struct json *j, const char *key, bool value)
{
  start_member (j, key);
  fputs (value ? "true" : "false", j->out);
}
