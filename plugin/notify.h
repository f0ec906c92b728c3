/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hook (hook.h) of this server, by which the administrator is told what is wrong: the
 * program that the library's YAML has, or else that of the parameters.
 *
 * Thread safety: between notify_start and notify_free, any number of threads.  Before
 * notify_init and after notify_stop nobody is told.
 */
#ifndef MKVDUP_NOTIFY_H
#define MKVDUP_NOTIFY_H

#include "error.h"
#include "hook.h"

/* With the program of the parameters, if there is one. */
int notify_init (struct error *err);

/* What YAML files say; its strings may be taken over. */
void notify_configure (struct hook_settings *settings);

/* After the fork: what was told before is told now. */
void notify_start (void);

/* Ends a program that is running, also one that hangs: it is not to outlive the server, even
 * where threads have to be left behind that may tell of more.
 */
void notify_stop (void);
void notify_free (void);

/* A client's request failed; called in nbdkit's callbacks of its connection. */
void notify_client_trouble (const char *text);

/* Something else is wrong; and what is told whenever it changes. */
void notify_trouble (const char *text);
void notify_change (const char *text);

#endif /* MKVDUP_NOTIFY_H */
