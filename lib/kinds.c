/* SPDX-License-Identifier: BSD-3-Clause */
/* Kinds of messages: see kinds.h. */
#include "config.h"

#include <string.h>

#include "clock.h"
#include "kinds.h"

/* FNV-1a. */
static uint64_t
add_byte (uint64_t hash, char byte)
{
  return (hash ^ (unsigned char) byte) * UINT64_C (0x100000001b3);
}

/* A number that is a word: digits in names count. */
static size_t
number_len (const char *text, char before)
{
  size_t len = strspn (text, "0123456789");

  return before == ' ' && (text[len] == '\0' || strchr (" ,;:)", text[len])) ? len : 0;
}

/* An absolute path, up to ": ": numbers in it tell files apart, as in "/d/Season 1 Disc". */
static size_t
path_len (const char *text, char before)
{
  const char *end;

  if (*text != '/' || (before != '\0' && before != ' '))
    return 0;
  end = strstr (text, ": ");
  return end ? (size_t) (end - text) : strlen (text);
}

uint64_t
kind_of_text (uint64_t hash, const char *text)
{
  size_t path = 0; /* how much of one is left */

  for (char before = '\0'; *text; before = *text++) {
    path = path > 0 ? path - 1 : path_len (text, before);
    if (path == 0)
      text += number_len (text, before);
    if (!*text)
      break;
    hash = add_byte (hash, *text);
  }
  return hash;
}

uint64_t
kind_of_bytes (uint64_t hash, const void *bytes, size_t len)
{
  const char *at = bytes;

  for (size_t i = 0; i < len; i++)
    hash = add_byte (hash, at[i]);
  return hash;
}

/* Its place, or the one that it would take. */
static struct kind *
find (struct kind *kinds, size_t n, uint64_t hash)
{
  struct kind *oldest = kinds;

  for (struct kind *k = kinds; k < kinds + n; k++) {
    if (k->told != 0 && k->hash == hash)
      return k;
    if (k->told < oldest->told)
      oldest = k;
  }
  return oldest;
}

bool
kinds_is_due (struct kind *kinds, size_t n, uint64_t hash, int64_t apart,
              struct untold *untold)
{
  struct kind *k = find (kinds, n, hash);
  bool is_known = k->told != 0 && k->hash == hash;
  int64_t now = clock_ms ();

  if (k->told != 0 && now - k->told < apart) {
    /* More kinds than places, in so short a time, are not told either: they would drive each
     * other out for ever.
     */
    *(is_known ? &k->silent : &untold->others) += 1;
    return false;
  }
  untold->like_it = is_known ? k->silent : 0;
  untold->others += is_known ? 0 : k->silent;
  *k = (struct kind){ .hash = hash, .told = now };
  return true;
}
