/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Preloaded with a sanitizer's runtime into a program that was built without it
 * (nbdkit): starts the runtime before any other constructor.
 *
 * Else it starts with the first malloc, which in nbdkit is that of libp11-kit's
 * constructor, inside newlocale.  What it does then takes and releases glibc's lock of
 * the locales, which newlocale holds: the lock is left broken, and the next to take it,
 * libp11-kit's destructor, hangs for ever.  nbdkit's own plugins do so too, once an
 * error message was printed.
 */

__attribute__ ((weak)) void __asan_init (void);
__attribute__ ((weak)) void __tsan_init (void);

/* Linked with -z initfirst. */
__attribute__ ((constructor)) static void
start_runtime (void)
{
  if (__asan_init)
    __asan_init ();
  if (__tsan_init)
    __tsan_init ();
}
