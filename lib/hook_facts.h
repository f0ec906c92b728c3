/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one call of a hook tells: files, titles and messages, each once; and the arguments and
 * the environment that are made of them.
 *
 * Values are data and nothing else: they take the place of a placeholder within an argument,
 * are not looked at for placeholders again, and divide no argument.  A control character in
 * them, as a newline in a file's name, is "?", so that a line is one value.
 *
 * All is bounded, so that a call never fails for being too long.
 *
 * Thread safety: none; facts belong to who holds their lock.
 */
#ifndef MKVDUP_HOOK_FACTS_H
#define MKVDUP_HOOK_FACTS_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of a list; the kernel takes 128 KiB in an argument (MAX_ARG_STRLEN).  With
 * HOOK_MAX_PLACEHOLDERS and HOOK_MAX_COMMAND none comes near it.
 */
#define HOOK_MAX_LIST 8192u
#define HOOK_MAX_PLACEHOLDERS 8u
#define HOOK_MAX_COMMAND 16384u /* bytes of all arguments, placeholders as they are */
#define HOOK_MAX_ARGUMENTS 64u

/* Those of the Go mkvdup: %source%, %files%, %event%. */
enum hook_fact {
  HOOK_SOURCE, /* the files that messages are about, a line each */
  HOOK_FILES,  /* titles, divided by ", " */
  HOOK_EVENT,  /* messages, a line each */
  HOOK_N_FACTS
};

struct hook_facts {
  struct hook_list {
    char text[HOOK_MAX_LIST]; /* strings, each with its NUL */
    size_t len;
    unsigned more; /* for which there was no room, counted as often as they came */
  } lists[HOOK_N_FACTS];
};

/* `title` may be NULL: none in particular. */
void hook_facts_add (struct hook_facts *facts, const char *title, const char *text);
bool hook_facts_are_none (const struct hook_facts *facts);
void hook_facts_clear (struct hook_facts *facts);

/* The file that a message is about: the first absolute path in it, up to ": ".  *len is 0 if
 * there is none.
 */
const char *hook_subject (const char *text, size_t *len);

/* How many placeholders an argument has. */
unsigned hook_placeholders (const char *argument);

/* Arguments and environment; owned. */
struct hook_call {
  char **argv, **envp;
};

/* The command with placeholders filled in, and our environment with MKVDUP_SOURCE,
 * MKVDUP_FILES and MKVDUP_EVENT.  The program itself has no placeholders.  False: out of
 * memory, and nothing to free.
 */
bool hook_call_make (struct hook_call *call, char *const *command,
                     const struct hook_facts *facts);
void hook_call_free (struct hook_call *call);

#endif /* MKVDUP_HOOK_FACTS_H */
