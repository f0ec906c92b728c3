/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program that is run for somebody else's server: with no descriptor of ours, no signal
 * blocked or ignored, in a session of its own, and not for longer than it may.
 *
 * Its standard input is empty; what it writes goes to our standard error, also what it
 * writes to its standard output.  No shell has a part in it.
 *
 * Thread safety: any number at once; the process must not have SIGCHLD ignored.
 */
#ifndef MKVDUP_RUN_PROGRAM_H
#define MKVDUP_RUN_PROGRAM_H

#include <stdint.h>

#include "error.h"

/* Between asking a program to end and ending it, and for it to be gone. */
#define RUN_PROGRAM_GRACE_MS 2000

/*
 * Run argv[0], found in PATH unless it has a "/", and wait for it, `timeout_ms` at the most,
 * or until the descriptor `stop` is readable.  It and what it started (its process group) is
 * then asked to end (SIGTERM), and RUN_PROGRAM_GRACE_MS later, or when it has ended, made to
 * (SIGKILL).  What it started and has left running when it ended by itself stays.
 *
 * -1 with `err` set, which names the program: it could not be started, failed, or took too
 * long.  To be stopped is no error.
 */
int run_program (char *const *argv, char *const *envp, int64_t timeout_ms, int stop,
                 struct error *err);

/* Is there such a program, to be run by us?  -1 with `err` set: no. */
int run_program_look (const char *name, struct error *err);

#endif /* MKVDUP_RUN_PROGRAM_H */
