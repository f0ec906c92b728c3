/* SPDX-License-Identifier: BSD-3-Clause */
/* Noticing changes: see watch.h. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "clock.h"
#include "shared_fs.h"
#include "thread.h"
#include "watch.h"

/* Copying a hundred recipes is one change. */
#define QUIET_MS 200
/* But one that never ends is to be seen, too. */
#define LATEST_MS 2000
/* Nor is looking to be all that there is time for. */
#define LOOK_SHARE 10
#define LONGEST_REST_MS 60000

#define EVENTS                                                                        \
  (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ATTRIB | \
   IN_DELETE_SELF | IN_MOVE_SELF)

struct watch {
  unsigned poll; /* fixed */
  int inotify;   /* -1: there is none */
  int stop;      /* an eventfd; -1 before the start */
  int mounts;    /* /proc/self/mountinfo, which can be polled; -1: there is none */
  bool is_blind; /* some folder has to be looked at; see watch_folder for who writes it */
  bool is_started;
  pthread_t thread;
  watch_changed_fn *changed;
  watch_wanted_fn *wanted; /* NULL: never */
  void *opaque;
};

struct watch *
watch_new (unsigned poll)
{
  struct watch *w = calloc (1, sizeof *w);

  if (!w)
    return NULL;
  *w = (struct watch){ .poll = poll,
                       .inotify = inotify_init1 (IN_NONBLOCK | IN_CLOEXEC),
                       .stop = -1,
                       .mounts = open ("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC) };
  return w;
}

void
watch_folder (void *watch, const char *path)
{
  struct watch *w = watch;

  if (w->inotify == -1 ||
      inotify_add_watch (w->inotify, path, EVENTS | IN_ONLYDIR) == -1 ||
      is_shared_path (path))
    w->is_blind = true;
}

/* ---- The thread */

/* Take all events there are.  True: one of them counts. */
static bool
take_events (const struct watch *w)
{
  _Alignas(struct inotify_event) char buf[16384];
  bool counts = false;
  ssize_t n;

  while ((n = read (w->inotify, buf, sizeof buf)) > 0) {
    const char *at = buf;

    while (at < buf + n) {
      const struct inotify_event *e = (const void *) at;

      /* A watch that ended was ended by an event of its own. */
      counts = counts || (e->mask & (IN_Q_OVERFLOW | IN_UNMOUNT)) ||
               (!(e->mask & IN_IGNORED) && !(e->len > 0 && e->name[0] == '.'));
      at += sizeof *e + e->len;
    }
  }
  return counts;
}

enum woken {
  STOPPED,
  CHANGED,
  TIMED_OUT
};

/* Wait for `ms` at most, or for ever (-1). */
static enum woken
wait_for_change (const struct watch *w, int64_t ms)
{
  int64_t end = clock_ms () + ms;

  for (;;) {
    struct pollfd fds[] = { { w->stop, POLLIN, 0 },
                            { w->inotify, POLLIN, 0 },
                            { w->mounts, POLLPRI, 0 } };
    int64_t left = end - clock_ms ();
    int n = poll (fds, 3,
                  ms < 0           ? -1
                  : left < 0       ? 0
                  : left > INT_MAX ? INT_MAX
                                   : (int) left);

    if (n > 0 && fds[0].revents)
      return STOPPED;
    /* What is mounted over a folder hides it from inotify. */
    if (n > 0 && (take_events (w) || fds[2].revents))
      return CHANGED;
    if (n == 0)
      return TIMED_OUT;
  }
}

/* Until changes pause. */
static enum woken
wait_for_pause (const struct watch *w)
{
  int64_t latest = clock_ms () + LATEST_MS;
  enum woken woken = CHANGED;

  while (woken == CHANGED && clock_ms () < latest)
    woken = wait_for_change (w, QUIET_MS);
  return woken;
}

/* Looking again is to take a tenth of the time at most.  True: stopped meanwhile. */
static bool
rest (const struct watch *w, int64_t begin)
{
  struct pollfd stop = { w->stop, POLLIN, 0 };
  int64_t pause = (clock_ms () - begin) * LOOK_SHARE;

  return poll (&stop, 1, (int) (pause < LONGEST_REST_MS ? pause : LONGEST_REST_MS)) > 0;
}

/* Is looking to be done, though no change was seen? */
static bool
is_wanted (const struct watch *w, bool was_good)
{
  return w->is_blind || !was_good || (w->wanted && w->wanted (w->opaque));
}

static void *
run (void *opaque)
{
  struct watch *w = opaque;
  enum woken woken;
  bool is_good = true;
  int64_t begin;

  for (;;) {
    woken = wait_for_change (w, w->poll > 0 ? (int64_t) w->poll * 1000 : -1);
    if (woken == TIMED_OUT && !is_wanted (w, is_good))
      continue;
    if (woken == CHANGED)
      woken = wait_for_pause (w);
    if (woken == STOPPED)
      return NULL;
    begin = clock_ms ();
    w->is_blind = false; /* unless it is told again of a folder that cannot be watched */
    is_good = w->changed (w->opaque);
    if (rest (w, begin))
      return NULL;
  }
}

int
watch_start (struct watch *w, watch_changed_fn *changed, watch_wanted_fn *wanted,
             void *opaque, struct error *err)
{
  int r;

  w->changed = changed;
  w->wanted = wanted;
  w->opaque = opaque;
  w->stop = eventfd (0, EFD_CLOEXEC);
  if (w->stop == -1)
    return error_set (err, errno, "eventfd");
  r = thread_start (&w->thread, "watch", run, w);
  if (r != 0)
    return error_set (err, r, "starting a thread");
  w->is_started = true;
  return 0;
}

void
watch_free (struct watch *w)
{
  if (!w)
    return;
  if (w->is_started) {
    eventfd_write (w->stop, 1);
    pthread_join (w->thread, NULL);
  }
  if (w->stop >= 0)
    close (w->stop);
  if (w->mounts >= 0)
    close (w->mounts);
  if (w->inotify >= 0)
    close (w->inotify);
  free (w);
}
