/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * count-work RECIPE MKV DISC...: make a recipe with one thread, and count what the
 * matching of it took, as `name=value` lines.  Unlike time, that is the same in every run.
 *
 * bytes      of payload
 * found      of these, on the disc
 * chunks     of the disc that were demuxed again
 * compared   bytes compared with the disc
 * scanned    bytes of it looked through
 *
 * The functions counted are replaced by the linker (--wrap); calls in the file that
 * defines one are not seen.
 */
#include "config.h"

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "create.h"
#include "index.h"
#include "view.h"

static uint64_t chunks, compared, scanned;

/* That their types are the real ones' is for the compiler to see. */
__typeof__ (chunk_read) __real_chunk_read, __wrap_chunk_read;
__typeof__ (view_match) __real_view_match, __wrap_view_match;
__typeof__ (view_match_back) __real_view_match_back, __wrap_view_match_back;
__typeof__ (view_read) __real_view_read, __wrap_view_read;
void *__real_memmem (const void *, size_t, const void *, size_t);
void *__wrap_memmem (const void *, size_t, const void *, size_t);

int
__wrap_chunk_read (const struct chunk_list *list, const struct disc_file *file, int fd,
                   uint32_t number, uint8_t *buffer, struct chunk_bytes *bytes,
                   struct error *err)
{
  chunks++;
  return __real_chunk_read (list, file, fd, number, buffer, bytes, err);
}

size_t
__wrap_view_match (struct view_reader *r, uint32_t view, uint64_t at, const uint8_t *data,
                   size_t len)
{
  size_t n = __real_view_match (r, view, at, data, len);

  compared += n + 1;
  return n;
}

size_t
__wrap_view_match_back (struct view_reader *r, uint32_t view, uint64_t at,
                        const uint8_t *data, size_t len)
{
  size_t n = __real_view_match_back (r, view, at, data, len);

  compared += n + 1;
  return n;
}

size_t
__wrap_view_read (struct view_reader *r, uint32_t view, uint64_t at, uint8_t *buf,
                  size_t len)
{
  size_t n = __real_view_read (r, view, at, buf, len);

  scanned += n;
  return n;
}

void *
__wrap_memmem (const void *bytes, size_t len, const void *probe, size_t n)
{
  const uint8_t *p = __real_memmem (bytes, len, probe, n);

  scanned += p ? (size_t) (p - (const uint8_t *) bytes) + 1 : len;
  return (void *) (uintptr_t) p;
}

/* What indexing takes does not count. */
static bool
tell_progress (void *opaque, enum create_phase phase, uint64_t done, uint64_t total)
{
  (void) opaque;
  (void) done;
  (void) total;
  if (phase == CREATE_INDEX)
    chunks = 0;
  return true;
}

int
main (int argc, char *argv[])
{
  struct create_options options = { .replaces_any = true, .threads = 1 };
  struct error error = ERROR_INIT;
  struct create_report report;
  uint64_t bytes = 0, found = 0;

  if (argc < 4)
    errx (2, "usage: %s RECIPE MKV DISC...", argv[0]);
  options.out = argv[1];
  options.progress = tell_progress;
  options.mkv = argv[2];
  options.sources = (const char *const *) argv + 3;
  options.n_sources = (size_t) argc - 3;
  if (create_recipe (&options, &report, &error) == -1)
    errx (1, "%s", error.text);
  for (size_t i = 0; i < report.n_tracks; i++) {
    bytes += report.tracks[i].bytes;
    found += report.tracks[i].found;
  }
  create_report_free (&report);
  printf ("bytes=%" PRIu64 "\nfound=%" PRIu64 "\n", bytes, found);
  printf ("chunks=%" PRIu64 "\ncompared=%" PRIu64 "\nscanned=%" PRIu64 "\n", chunks,
          compared, scanned);
  return 0;
}
