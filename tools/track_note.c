/* SPDX-License-Identifier: BSD-3-Clause */
/* Notes about tracks: see track_note.h. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "track_note.h"

/* A number at *text, after `word`; both are passed. */
static bool
take_number (const char **text, const char *word, uint64_t *number)
{
  size_t len = strlen (word);
  char *end;

  if (strncmp (*text, word, len) != 0 || (*text)[len] < '0' || (*text)[len] > '9')
    return false;
  errno = 0;
  *number = strtoull (*text + len, &end, 10);
  *text = end;
  return errno == 0;
}

static bool
take_codec (const char **text, char codec[32])
{
  size_t len = **text == ' ' ? strcspn (*text + 1, " ") : 0;

  if (len == 0 || len >= 32)
    return false;
  memcpy (codec, *text + 1, len);
  codec[len] = '\0';
  *text += 1 + len;
  return true;
}

bool
track_note_parse (const struct recipe_note *note, struct track_note *track)
{
  const char *at = note->value;

  return strcmp (note->key, "track") == 0 && take_number (&at, "", &track->number) &&
         take_codec (&at, track->codec) &&
         take_number (&at, " frames ", &track->frames) &&
         take_number (&at, " bytes ", &track->bytes) &&
         take_number (&at, " found ", &track->found) && *at == '\0';
}
