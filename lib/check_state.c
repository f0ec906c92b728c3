/* SPDX-License-Identifier: BSD-3-Clause */
/* What was proven: see check_state.h. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include <xxhash.h>

#include "atomic_file.h"
#include "check_state.h"
#include "cleanup.h"
#include "file_id.h"
#include "merkle.h"
#include "whole_io.h"

#define TITLE "mkvdup check 1\n"
#define END "end "
#define END_LEN (sizeof END - 1 + 16 + 1)

static const char *const kinds[] = {
  [CHECK_TITLE] = "title ",
  [CHECK_SOURCE] = "source ",
};

/* ---- In memory */

static int
compare (const struct check_record *r, enum check_kind kind, const char *name)
{
  return r->kind != kind ? (r->kind < kind ? -1 : 1) : strcmp (r->name, name);
}

/* Where it is, or would go. */
static size_t
place_of (const struct check_state *state, enum check_kind kind, const char *name)
{
  size_t low = 0, high = state->n;

  while (low < high) {
    size_t middle = low + (high - low) / 2;

    if (compare (&state->records[middle], kind, name) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

struct check_record *
check_state_find (const struct check_state *state, enum check_kind kind, const char *name)
{
  size_t i = place_of (state, kind, name);

  return i < state->n && compare (&state->records[i], kind, name) == 0
           ? &state->records[i]
           : NULL;
}

/* Room for one more at index `i`. */
static int
make_room (struct check_state *state, size_t i, struct error *err)
{
  size_t cap = state->cap ? state->cap * 2 : 16;
  struct check_record *records = state->records;

  if (state->n == CHECK_STATE_MAX)
    return error_set (err, 0, "more than %u titles and sources", CHECK_STATE_MAX);
  if (state->n == state->cap) {
    records = realloc (records, cap * sizeof *records);
    if (!records) {
      error_set (err, ENOMEM, "a state");
      return -1; /* which clang-tidy would not know */
    }
    state->records = records;
    state->cap = cap;
  }
  if (i < state->n)
    memmove (&records[i + 1], &records[i], (state->n - i) * sizeof *records);
  state->n++;
  return 0;
}

int
check_state_put (struct check_state *state, const struct check_record *record,
                 struct error *err)
{
  struct check_record *old = check_state_find (state, record->kind, record->name);
  char *name = old ? old->name : strdup (record->name);
  size_t i = place_of (state, record->kind, record->name);

  if (!name)
    return error_set (err, ENOMEM, "a state");
  if (!old && make_room (state, i, err) == -1) {
    free (name);
    return -1;
  }
  state->records[i] = *record;
  state->records[i].name = name;
  return 0;
}

void
check_state_free (struct check_state *state)
{
  for (size_t i = 0; i < state->n; i++)
    free (state->records[i].name);
  free (state->records);
  *state = (struct check_state){ 0 };
}

void
check_state_begin (struct check_state *state)
{
  if (!state->is_open && state->round < UINT64_MAX)
    state->round++;
  state->is_open = true;
}

void
check_state_end (struct check_state *state)
{
  size_t n = 0;

  for (size_t i = 0; i < state->n; i++)
    if (state->records[i].is_wanted)
      state->records[n++] = state->records[i];
    else
      free (state->records[i].name);
  state->n = n;
  state->is_open = false;
}

/* ---- As text */

static void
put_text (struct buffer *out, const char *text)
{
  buffer_append (out, text, strlen (text));
}

static bool
is_plain (unsigned char c)
{
  return c >= 0x20 && c != 0x7f && c != '\\';
}

static void
put_name (struct buffer *out, const char *name)
{
  char octal[8];

  for (const unsigned char *p = (const unsigned char *) name; *p; p++)
    if (is_plain (*p))
      buffer_u8 (out, *p);
    else {
      snprintf (octal, sizeof octal, "\\%03o", *p);
      put_text (out, octal);
    }
}

static void
put_record (struct buffer *out, const struct check_record *r)
{
  char text[128], hex[2 * IDENTITY_SIZE + 1];

  merkle_hex (r->identity, sizeof r->identity, hex);
  snprintf (text, sizeof text, "%s %" PRIu64 " %" PRIu64 " %s ", r->good ? "good" : "bad",
            r->round, (uint64_t) r->when, hex);
  put_text (out, kinds[r->kind]);
  put_text (out, text);
  put_name (out, r->name);
  buffer_u8 (out, '\n');
}

void
check_state_format (const struct check_state *state, struct buffer *out)
{
  char text[64];

  snprintf (text, sizeof text, TITLE "round %" PRIu64 " %s\n", state->round,
            state->is_open ? "open" : "done");
  put_text (out, text);
  for (size_t i = 0; i < state->n; i++)
    put_record (out, &state->records[i]);
  if (out->failed)
    return;
  snprintf (text, sizeof text, END "%016" PRIx64 "\n",
            (uint64_t) XXH3_64bits (out->data, out->len));
  put_text (out, text);
}

/* ---- From text: each of these takes what it names from *p, or fails.  A line ends with
 * "\n", which nothing but a name goes up to; so no end needs to be known.
 */

static bool
take_text (const char **p, const char *text)
{
  size_t len = strlen (text);

  if (strncmp (*p, text, len) != 0)
    return false;
  *p += len;
  return true;
}

/* As printed: no leading zeros. */
static bool
take_number (const char **p, uint64_t max, uint64_t *number)
{
  const char *start = *p;
  uint64_t n = 0;

  for (; **p >= '0' && **p <= '9'; ++*p) {
    uint64_t digit = (uint64_t) (**p - '0');

    if (digit > max || n > (max - digit) / 10)
      return false;
    n = n * 10 + digit;
  }
  *number = n;
  return *p > start && (*start != '0' || *p == start + 1);
}

static int
hex_digit (char c)
{
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
take_hex (const char **p, uint8_t *bytes, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    int high = hex_digit ((*p)[0]), low = high < 0 ? -1 : hex_digit ((*p)[1]);

    if (low < 0)
      return false;
    bytes[i] = (uint8_t) (high << 4 | low);
    *p += 2;
  }
  return true;
}

static int
is_damaged (struct error *err)
{
  return error_set (err, 0, "is damaged: what it says is not believed");
}

/* Three octal digits of a byte that has to be written so; -1 if they are not. */
static int
octal (const char *p)
{
  int byte = 0;

  for (int i = 0; i < 3; i++) {
    if (p[i] < '0' || p[i] > '7')
      return -1;
    byte = byte * 8 + (p[i] - '0');
  }
  return byte > 0 && byte <= 0x7f && !is_plain ((unsigned char) byte) ? byte : -1;
}

/* The rest of the line; malloced, NULL if it is no name.  *is_memory: for want of memory. */
static char *
take_name (const char **p, bool *is_memory)
{
  const char *end = strchr (*p, '\n');
  CLEANUP_FREE char *name = end ? malloc ((size_t) (end - *p) + 1) : NULL;
  char *out = name;

  *is_memory = end && !name;
  if (!name || *p == end)
    return NULL;
  while (*p < end) {
    int byte = **p == '\\' ? octal (*p + 1) : (unsigned char) **p;

    if (byte == -1 || (**p != '\\' && !is_plain ((unsigned char) byte)))
      return NULL;
    *p += **p == '\\' ? 4 : 1;
    *out++ = (char) byte;
  }
  *out = '\0';
  ++*p;
  return take_ptr (&name);
}

/* Added behind the others, which it has to follow. */
static int
parse_record (struct check_state *state, const char **p, struct error *err)
{
  struct check_record r = { .kind = CHECK_TITLE };
  const struct check_record *last = state->n ? &state->records[state->n - 1] : NULL;
  uint64_t when;
  bool is_memory = false;

  if (!take_text (p, kinds[CHECK_TITLE])) {
    r.kind = CHECK_SOURCE;
    if (!take_text (p, kinds[CHECK_SOURCE]))
      return is_damaged (err);
  }
  r.good = take_text (p, "good ");
  if ((!r.good && !take_text (p, "bad ")) || !take_number (p, state->round, &r.round) ||
      !take_text (p, " ") || !take_number (p, INT64_MAX, &when) || !take_text (p, " ") ||
      !take_hex (p, r.identity, sizeof r.identity) || !take_text (p, " ") ||
      !(r.name = take_name (p, &is_memory)))
    return is_memory ? error_set (err, ENOMEM, "a state") : is_damaged (err);
  r.when = (int64_t) when;
  if (last && compare (last, r.kind, r.name) >= 0)
    is_damaged (err);
  else if (make_room (state, state->n, err) == 0) {
    state->records[state->n - 1] = r;
    return 0;
  }
  free (r.name);
  return -1;
}

static int
parse (struct check_state *state, const char *p, const char *end, struct error *err)
{
  if (!take_text (&p, TITLE "round ") || !take_number (&p, UINT64_MAX, &state->round))
    return is_damaged (err);
  state->is_open = take_text (&p, " open\n");
  if (!state->is_open && !take_text (&p, " done\n"))
    return is_damaged (err);
  while (p < end)
    if (parse_record (state, &p, err) == -1)
      return -1;
  return p == end ? 0 : is_damaged (err);
}

/* Does it end as it has to, before anything in it is believed? */
static bool
is_whole (const char *text, size_t len)
{
  char end[END_LEN + 1];

  if (len < END_LEN)
    return false;
  snprintf (end, sizeof end, END "%016" PRIx64 "\n",
            (uint64_t) XXH3_64bits (text, len - END_LEN));
  return memcmp (text + len - END_LEN, end, END_LEN) == 0;
}

int
check_state_parse (struct check_state *state, const char *text, size_t len,
                   struct error *err)
{
  CLEANUP_FREE char *copy = NULL;

  *state = (struct check_state){ 0 };
  if (len < strlen (TITLE) || memcmp (text, TITLE, strlen (TITLE)) != 0)
    return error_set (err, 0, "is no state of mkvdup check, or of another version");
  if (!is_whole (text, len) || memchr (text, '\0', len))
    return is_damaged (err);
  copy = strndup (text, len);
  if (!copy)
    return error_set (err, ENOMEM, "a state");
  if (parse (state, copy, copy + len - END_LEN, err) == 0)
    return 0;
  check_state_free (state);
  return -1;
}

/* ---- As a file */

int
check_state_read (struct check_state *state, const char *path, struct error *err)
{
  CLEANUP_FREE char *text = NULL;
  size_t len;

  *state = (struct check_state){ 0 };
  if (read_file (path, CHECK_STATE_MAX_FILE, &text, &len, err) == -1)
    return err->errnum == ENOENT ? 0 : -1;
  if (check_state_parse (state, text, len, err) == -1)
    return error_context (err, "%s", path);
  return 0;
}

int
check_state_write (const struct check_state *state, const char *path, struct error *err)
{
  CLEANUP_BUFFER struct buffer out = BUFFER_INIT;

  check_state_format (state, &out);
  if (out.failed)
    return error_set (err, ENOMEM, "%s", path);
  return atomic_file_put (path, out.data, out.len, err);
}

/* ---- With others that write to the file */

/* What `known` has of it, if that is still the same. */
static const struct check_record *
find_same (const struct check_state *known, const struct check_record *r)
{
  const struct check_record *old = check_state_find (known, r->kind, r->name);

  return old && old->good == r->good && old->round == r->round && old->when == r->when &&
             identity_same (old->identity, r->identity)
           ? old
           : NULL;
}

static int
add (struct check_state *state, const struct check_state *known,
     const struct check_record *record, struct error *err)
{
  const struct check_record *old = check_state_find (state, record->kind, record->name);

  return record->good && old && !find_same (known, old)
           ? 0
           : check_state_put (state, record, err);
}

static void
end_round (struct check_state *state, const struct check_state *known)
{
  if (state->round != known->round)
    return;
  for (size_t i = 0; i < state->n; i++) {
    const struct check_record *old = find_same (known, &state->records[i]);

    state->records[i].is_wanted = !old || old->is_wanted;
  }
  check_state_end (state);
}

int
check_state_update (const struct check_state *known, const struct check_record *record,
                    const char *path, struct error *err)
{
  CLEANUP_FREE char *real = file_behind (path, err);
  CLEANUP_CLOSE int lock = real ? atomic_file_lock (real, err) : -1;
  CLEANUP_CHECK_STATE struct check_state state = { 0 };
  int r;

  if (lock == -1 || check_state_read (&state, real, err) == -1)
    return -1;
  if (state.round < known->round) { /* nobody has written in this round yet */
    state.round = known->round;
    state.is_open = true;
  }
  if (!record)
    end_round (&state, known);
  else if (add (&state, known, record, err) == -1)
    return error_context (err, "%s", path);
  r = check_state_write (&state, real, err);
  flock (lock, LOCK_UN); /* if only close failed, the next time would wait for this one */
  return r;
}
