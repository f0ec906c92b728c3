/* SPDX-License-Identifier: BSD-3-Clause */
/* cc -o mkvdup-cat mkvdup-cat.c $(pkg-config --cflags --libs libmkvdup) */
#include <mkvdup.h>
#include <stdio.h>

int
main (int argc, char **argv)
{
  static char buf[1 << 20], why[512];
  struct mkvdup *film = mkvdup_open (argc > 1 ? argv[1] : "", NULL, 0, why, sizeof why);

  for (uint64_t at = 0, n; film && at < mkvdup_size (film); at += n) {
    n = mkvdup_size (film) - at < sizeof buf ? mkvdup_size (film) - at : sizeof buf;
    if (mkvdup_read (film, buf, n, at, why, sizeof why) == -1)
      break;
    fwrite (buf, 1, n, stdout);
  }
  mkvdup_close (film);
  fprintf (stderr, "%s%s", why, *why ? "\n" : "");
  return *why || fflush (stdout) != 0 || ferror (stdout);
}
