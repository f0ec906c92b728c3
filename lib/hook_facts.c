/* SPDX-License-Identifier: BSD-3-Clause */
/* What a hook is told: see hook_facts.h. */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buffer.h"
#include "cleanup.h"
#include "hook_facts.h"

static const struct {
  const char *placeholder, *variable, *between;
} facts_of[HOOK_N_FACTS] = {
  [HOOK_SOURCE] = { "%source%", "MKVDUP_SOURCE", "\n" },
  [HOOK_FILES] = { "%files%", "MKVDUP_FILES", ", " },
  [HOOK_EVENT] = { "%event%", "MKVDUP_EVENT", "\n" },
};

/* ---- Lists */

/* `text` has its NUL, at `len`. */
static bool
has (const struct hook_list *list, const char *text, size_t len)
{
  for (size_t at = 0; at < list->len; at += strlen (list->text + at) + 1)
    if (memcmp (list->text + at, text, len + 1) == 0)
      return true;
  return false;
}

static void
add (struct hook_list *list, const char *text, size_t len)
{
  char *to = list->text + list->len;

  if (len == 0)
    return;
  if (len >= sizeof list->text - list->len) {
    list->more++;
    return;
  }
  for (size_t i = 0; i < len; i++)
    to[i] = (unsigned char) text[i] < ' ' || text[i] == '\177' ? '?' : text[i];
  to[len] = '\0';
  if (!has (list, to, len))
    list->len += len + 1;
}

const char *
hook_subject (const char *text, size_t *len)
{
  const char *path = text[0] == '/' ? text : strstr (text, " /"), *end;

  if (!path) {
    *len = 0;
    return text;
  }
  path += *path == ' ';
  end = strstr (path, ": ");
  *len = end ? (size_t) (end - path) : strlen (path);
  return path;
}

void
hook_facts_add (struct hook_facts *f, const char *title, const char *text)
{
  size_t len;
  const char *subject = hook_subject (text, &len);

  add (&f->lists[HOOK_SOURCE], subject, len);
  add (&f->lists[HOOK_EVENT], text, strlen (text));
  if (title)
    add (&f->lists[HOOK_FILES], title, strlen (title));
}

bool
hook_facts_are_none (const struct hook_facts *f)
{
  return f->lists[HOOK_EVENT].len == 0;
}

void
hook_facts_clear (struct hook_facts *f)
{
  for (unsigned i = 0; i < HOOK_N_FACTS; i++)
    f->lists[i].len = f->lists[i].more = 0;
}

/* ---- Values */

static void
append (struct buffer *b, const char *text)
{
  buffer_append (b, text, strlen (text));
}

static void
append_list (struct buffer *b, const struct hook_list *list, const char *between)
{
  char more[32];

  for (size_t at = 0; at < list->len; at += strlen (list->text + at) + 1) {
    if (at > 0)
      append (b, between);
    append (b, list->text + at);
  }
  if (list->more > 0) {
    if (list->len > 0)
      append (b, between);
    snprintf (more, sizeof more, "and %u more", list->more);
    append (b, more);
  }
}

/* Which one stands here; HOOK_N_FACTS: none. */
static unsigned
placeholder_at (const char *text)
{
  unsigned i = 0;

  while (i < HOOK_N_FACTS &&
         strncmp (text, facts_of[i].placeholder, strlen (facts_of[i].placeholder)) != 0)
    i++;
  return i;
}

unsigned
hook_placeholders (const char *argument)
{
  unsigned n = 0;

  for (; *argument; argument++)
    n += placeholder_at (argument) < HOOK_N_FACTS;
  return n;
}

/* The finished string, which is the caller's; NULL when out of memory. */
static char *
take_string (struct buffer *b)
{
  buffer_u8 (b, '\0');
  return b->failed ? NULL : (char *) take_ptr (&b->data);
}

static char *
fill_in (const char *argument, const struct hook_facts *facts)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;

  while (*argument) {
    unsigned i = placeholder_at (argument);

    if (i == HOOK_N_FACTS)
      buffer_u8 (&b, (uint8_t) *argument++);
    else {
      append_list (&b, &facts->lists[i], facts_of[i].between);
      argument += strlen (facts_of[i].placeholder);
    }
  }
  return take_string (&b);
}

static char *
make_variable (unsigned i, const struct hook_facts *facts)
{
  CLEANUP_BUFFER struct buffer b = BUFFER_INIT;

  append (&b, facts_of[i].variable);
  append (&b, "=");
  append_list (&b, &facts->lists[i], facts_of[i].between);
  return take_string (&b);
}

/* ---- Calls */

static bool
is_ours (const char *variable)
{
  for (unsigned i = 0; i < HOOK_N_FACTS; i++) {
    size_t len = strlen (facts_of[i].variable);

    if (strncmp (variable, facts_of[i].variable, len) == 0 && variable[len] == '=')
      return true;
  }
  return false;
}

static size_t
count (char *const *strings)
{
  size_t n = 0;

  while (strings && strings[n])
    n++;
  return n;
}

static bool
make_argv (struct hook_call *call, char *const *command, const struct hook_facts *facts)
{
  size_t n = count (command);

  call->argv = calloc (n + 1, sizeof *call->argv);
  for (size_t i = 0; call->argv && i < n; i++) {
    call->argv[i] = i == 0 ? strdup (command[i]) : fill_in (command[i], facts);
    if (!call->argv[i])
      return false;
  }
  return call->argv != NULL;
}

/* Ours first; the others are borrowed: nobody changes a server's environment. */
static bool
make_envp (struct hook_call *call, const struct hook_facts *facts)
{
  size_t n = count (environ), at = HOOK_N_FACTS;

  call->envp = calloc (HOOK_N_FACTS + n + 1, sizeof *call->envp);
  for (unsigned i = 0; call->envp && i < HOOK_N_FACTS; i++) {
    call->envp[i] = make_variable (i, facts);
    if (!call->envp[i])
      return false;
  }
  for (size_t i = 0; call->envp && i < n; i++)
    if (!is_ours (environ[i]))
      call->envp[at++] = environ[i];
  return call->envp != NULL;
}

bool
hook_call_make (struct hook_call *call, char *const *command,
                const struct hook_facts *facts)
{
  *call = (struct hook_call){ 0 };
  if (make_argv (call, command, facts) && make_envp (call, facts))
    return true;
  hook_call_free (call);
  return false;
}

void
hook_call_free (struct hook_call *call)
{
  for (size_t i = 0; call->argv && call->argv[i]; i++)
    free (call->argv[i]);
  for (size_t i = 0; call->envp && i < HOOK_N_FACTS; i++)
    free (call->envp[i]);
  free (call->argv);
  free (call->envp);
  *call = (struct hook_call){ 0 };
}
