/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names on a UDF file system: see udf_parts.h.
 *
 * A name is compressed unicode: 8 bits a character where all of them fit, UTF-16 (big
 * endian) where they do not.  UDF 1.02 knows no surrogates, but Windows, macOS and Linux
 * (since 4.18) take pairs of them as one character; libudfread shows them as two.
 *
 * A field of 255 bytes holds 254 characters of 8 bits or 127 of 16; and Linux shows 254
 * bytes of UTF-8 at most.  A name that does not fit is cut before its extension, and "~" and 16
 * hexadecimal digits of a hash of the whole name tell it from others cut at the same
 * place: "A long na~0123456789abcdef.mkv".  It depends on the name alone, so that it stays
 * the same when others come and go; unless there is a file beside it which is really
 * called like that.  What one system shows all do.
 */
#include "config.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "udf_parts.h"

#define MAX_BYTES 254u    /* of UTF-8 */
#define MAX_WIDE 127u     /* units of UTF-16 */
#define MAX_EXTENSION 16u /* bytes of it with its dot; what is longer is no extension */
#define MARK "~%016llx"
#define MARK_BYTES 17u

/* The character at `*p`, which is good UTF-8, and `*p` behind it. */
static uint32_t
next_character (const uint8_t **p)
{
  uint32_t c = *(*p)++;
  unsigned more = c < 0xc0 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

  if (more)
    c &= 0x3fu >> more;
  for (; more > 0; more--)
    c = c << 6 | (*(*p)++ & 0x3fu);
  return c;
}

struct measure {
  bool wide;      /* 16 bits are needed */
  size_t n_units; /* of UTF-16 */
};

static struct measure
measure (const char *name)
{
  const uint8_t *p = (const uint8_t *) name;
  struct measure m = { false, 0 };

  while (*p) {
    uint32_t c = next_character (&p);

    m.wide = m.wide || c > 0xff;
    m.n_units += c > 0xffff ? 2 : 1;
  }
  return m;
}

static bool
fits (const char *name)
{
  struct measure m = measure (name);

  return strlen (name) <= MAX_BYTES && (!m.wide || m.n_units <= MAX_WIDE);
}

static const char *
extension (const char *name)
{
  const char *dot = strrchr (name, '.');

  return dot && dot != name && strlen (dot) <= MAX_EXTENSION ? dot : name + strlen (name);
}

/* Is there a node of that name in `folder`? */
static bool
is_taken (const struct tree *tree, const struct tree_node *folder, const char *name)
{
  uint32_t low = folder->first, high = folder->first + folder->n;

  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    int order = strcmp (tree->nodes[middle].name, name);

    if (order == 0)
      return true;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return false;
}

/* A name that does not fit, shortened; `attempt` makes others of it. */
static void
cut (const char *name, uint64_t attempt, char out[TREE_MAX_PART + 1 + MARK_BYTES])
{
  const char *end = extension (name);
  size_t n = (size_t) (end - name);
  unsigned long long hash = XXH3_64bits_withSeed (name, strlen (name), attempt);

  memcpy (out, name, n);
  for (;;) {
    snprintf (out + n, MARK_BYTES + 1, MARK, hash);
    memcpy (out + n + MARK_BYTES, end, strlen (end) + 1);
    if (fits (out))
      return;
    while (((uint8_t) name[--n] & 0xc0) == 0x80)
      ;
  }
}

/* Needs no memory, so it is done anew whenever the name is asked for. */
static void
shorten (const struct tree *tree, const struct tree_node *node,
         char out[TREE_MAX_PART + 1 + MARK_BYTES])
{
  uint64_t attempt = 0;

  do
    cut (node->name, attempt++, out);
  while (is_taken (tree, &tree->nodes[node->parent], out));
}

static size_t
put_unit (uint8_t *p, uint32_t unit)
{
  p[0] = (uint8_t) (unit >> 8);
  p[1] = (uint8_t) unit;
  return 2;
}

/* A name that fits. */
static size_t
compress (const char *name, uint8_t out[UDF_NAME_MAX])
{
  const uint8_t *p = (const uint8_t *) name;
  bool wide = measure (name).wide;
  size_t n = 0;

  out[n++] = wide ? 16 : 8;
  while (*p) {
    uint32_t c = next_character (&p);

    if (!wide)
      out[n++] = (uint8_t) c;
    else if (c <= 0xffff)
      n += put_unit (out + n, c);
    else {
      n += put_unit (out + n, 0xd7c0 + (c >> 10));
      n += put_unit (out + n, 0xdc00 + (c & 0x3ff));
    }
  }
  return n;
}

size_t
udf_name (const struct tree *tree, uint32_t number, uint8_t name[UDF_NAME_MAX])
{
  const struct tree_node *node = &tree->nodes[number];
  char shortened[TREE_MAX_PART + 1 + MARK_BYTES];

  if (fits (node->name))
    return compress (node->name, name);
  shorten (tree, node, shortened);
  return compress (shortened, name);
}
