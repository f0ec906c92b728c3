/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors, told to nbdkit: see report.h. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "cleanup.h"
#include "clock.h"
#include "report.h"

#define APART_MS 10000

/* Of more kinds than this the one that was told longest ago is forgotten. */
#define KINDS 32u

/* One that was told; guarded by the lock. */
static struct kind {
  uint64_t hash;
  int64_t told;    /* when; 0: a free place */
  unsigned silent; /* how many were not told since */
} kinds[KINDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* A number that is a word: digits in names count. */
static size_t
number_len (const char *text, char before)
{
  size_t len = strspn (text, "0123456789");

  return before == ' ' && (text[len] == '\0' || strchr (" ,;:)", text[len])) ? len : 0;
}

/* FNV-1a. */
static uint64_t
hash_kind (const char *text)
{
  uint64_t hash = UINT64_C (0xcbf29ce484222325);

  for (char before = '\0'; *text; before = *text++) {
    text += number_len (text, before);
    if (!*text)
      break;
    hash = (hash ^ (unsigned char) *text) * UINT64_C (0x100000001b3);
  }
  return hash;
}

/* Its place, or the one that it takes. */
static struct kind *
find_kind (uint64_t hash)
{
  struct kind *oldest = kinds;

  for (struct kind *k = kinds; k < kinds + KINDS; k++) {
    if (k->told != 0 && k->hash == hash)
      return k;
    if (k->told < oldest->told)
      oldest = k;
  }
  *oldest = (struct kind){ .hash = hash };
  return oldest;
}

/* Is it to be told?  And how many were not, before it? */
static bool
is_due (const char *text, unsigned *silent)
{
  LOCK_FOR_SCOPE (&lock);
  struct kind *k = find_kind (hash_kind (text));
  int64_t now = clock_ms ();

  if (k->told != 0 && now - k->told < APART_MS) {
    k->silent++;
    return false;
  }
  *silent = k->silent;
  k->told = now;
  k->silent = 0;
  return true;
}

void
report_text (const char *text)
{
  unsigned silent;

  if (!is_due (text, &silent))
    nbdkit_debug ("%s", text);
  else if (silent > 0)
    nbdkit_error ("%s (and %u like it before)", text, silent);
  else
    nbdkit_error ("%s", text);
}

int
report (const struct error *err)
{
  report_text (err->text);
  /* NBD knows few error numbers; others arrive as EINVAL. */
  nbdkit_set_error (err->errnum == ENOMEM ? ENOMEM : EIO);
  return -1;
}
