/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * age-state FILE SECONDS [NAME]: what a state of mkvdup check says of NAME, or of all, was
 * found out so many seconds earlier.  age-state --open FILE SECONDS [NAME]: and its last round
 * is not done.
 */
#include "config.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "check_state.h"

int
main (int argc, char *argv[])
{
  CLEANUP_CHECK_STATE struct check_state state = { 0 };
  struct error error = ERROR_INIT;

  bool opens = argc > 1 && strcmp (argv[1], "--open") == 0;

  argc -= opens;
  argv += opens;
  if (argc != 3 && argc != 4)
    errx (2, "age-state [--open] FILE SECONDS [NAME]");
  if (check_state_read (&state, argv[1], &error) == -1)
    errx (1, "%s", error.text);
  for (size_t i = 0; i < state.n; i++)
    if (argc == 3 || strcmp (state.records[i].name, argv[3]) == 0)
      state.records[i].when -= atoll (argv[2]);
  state.is_open = state.is_open || opens;
  if (check_state_write (&state, argv[1], &error) == -1)
    errx (1, "%s", error.text);
  return 0;
}
