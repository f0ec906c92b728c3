/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How far a job is, with its rate and the time left.  On a terminal one line is
 * redrawn, at most five times a second; elsewhere there is a line for every tenth,
 * and none for jobs that take no longer than a second.
 *
 * Thread safety: progress_update may be called by many threads at once.
 */
#ifndef MKVDUP_PROGRESS_H
#define MKVDUP_PROGRESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Those that stay. */
struct progress_lines {
  double last;     /* when */
  unsigned tenths; /* reported so far */
};

struct progress {
  const char *job; /* "verify"; borrowed */
  uint64_t total;  /* bytes */
  bool quiet, terminal;
  double started;

  pthread_mutex_t lock; /* guards what follows, and the line on the terminal */
  double drawn;         /* when last */
  bool on_screen;       /* there is a line to be wiped */
  struct progress_lines lines;
};

/* `quiet`: nothing is shown, but a log (message.h) has it. */
void progress_start (struct progress *p, const char *job, uint64_t total, bool quiet);

/* `done` bytes of the total. */
void progress_update (struct progress *p, uint64_t done);

/* Wipe the line for others to be printed; the next update draws it again. */
void progress_clear (struct progress *p);

/* Wipe the line, so that messages start on a clean one.  The seconds that it took. */
double progress_end (struct progress *p);

#endif /* MKVDUP_PROGRESS_H */
