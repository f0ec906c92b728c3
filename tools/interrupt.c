/* SPDX-License-Identifier: BSD-3-Clause */
/* Ctrl-C without leavings: see interrupt.h. */
#include "config.h"

#include <signal.h>
#include <stddef.h>

#include "interrupt.h"

static volatile sig_atomic_t caught; /* the signal's number, 0: none */

static void
note (int sig)
{
  caught = sig;
}

void
interrupt_catch (void)
{
  static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
  struct sigaction action = { .sa_handler = note, .sa_flags = (int) SA_RESETHAND };
  struct sigaction old;

  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
    /* What is ignored (nohup) stays so. */
    if (sigaction (signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
      sigaction (signals[i], &action, NULL);
  /* A file that gets too large (ulimit -f) is a write that fails, with EFBIG. */
  signal (SIGXFSZ, SIG_IGN);
}

bool
interrupted (void)
{
  return caught != 0;
}

void
interrupt_forget (void)
{
  caught = 0;
}

void
interrupt_resume (void)
{
  if (caught) {
    signal (caught, SIG_DFL);
    raise (caught);
  }
}
