/* SPDX-License-Identifier: BSD-3-Clause */
/* What a program says: see capture.h. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture.h"
#include "cleanup.h"
#include "message.h"

static int
start (const char *const *argv, int to, pid_t *pid)
{
  posix_spawn_file_actions_t actions;
  int r;

  if (posix_spawn_file_actions_init (&actions) != 0)
    return -1;
  posix_spawn_file_actions_addopen (&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2 (&actions, to, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2 (&actions, to, STDERR_FILENO);
  r = posix_spawn (pid, argv[0], &actions, NULL, (char *const *) argv, environ);
  posix_spawn_file_actions_destroy (&actions);
  return r == 0 ? 0 : -1;
}

/* Up to its end; false if that does not come in time.  What does not fit is dropped. */
static bool
read_text (int fd, char *text, size_t size)
{
  double until = now () + CAPTURE_SECONDS;
  size_t len = 0;
  char part[4096];

  for (;;) {
    struct pollfd p = { .fd = fd, .events = POLLIN };
    double left = until - now ();
    ssize_t n;

    if (left <= 0 || poll (&p, 1, (int) (left * 1000) + 1) == 0)
      return false;
    n = read (fd, part, sizeof part);
    if (n == -1 && errno == EINTR)
      continue;
    if (n <= 0)
      return true;
    if ((size_t) n > size - 1 - len)
      n = (ssize_t) (size - 1 - len);
    memcpy (text + len, part, (size_t) n);
    len += (size_t) n;
    text[len] = '\0';
  }
}

int
capture (const char *const *argv, char *text, size_t size)
{
  CLEANUP_CLOSE int from = -1;
  CLEANUP_CLOSE int to = -1;
  int ends[2], status = 0;
  bool ended;
  pid_t pid;

  text[0] = '\0';
  if (pipe2 (ends, O_CLOEXEC) == -1)
    return -1;
  from = ends[0];
  to = ends[1];
  if (start (argv, to, &pid) == -1)
    return -1;
  close (take_fd (&to));
  ended = read_text (from, text, size);
  if (!ended)
    kill (pid, SIGKILL);
  while (waitpid (pid, &status, 0) == -1 && errno == EINTR)
    ;
  return ended && WIFEXITED (status) ? WEXITSTATUS (status) : -1;
}
