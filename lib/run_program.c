/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Running a program: see run_program.h.
 *
 * posix_spawn and not fork: a server may be large, and has threads.  A pidfd and not SIGCHLD:
 * signals are the server's.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "run_program.h"

/* ---- Starting */

/* Others in this process may have descriptors that would be inherited: none is. */
static int
set_files (posix_spawn_file_actions_t *files)
{
  int r =
    posix_spawn_file_actions_addopen (files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

  if (r == 0)
    r = posix_spawn_file_actions_adddup2 (files, STDERR_FILENO, STDOUT_FILENO);
  if (r == 0)
    r = posix_spawn_file_actions_addclosefrom_np (files, STDERR_FILENO + 1);
  return r;
}

static int
set_attributes (posix_spawnattr_t *attributes)
{
  sigset_t none, all;
  int r;

  sigemptyset (&none);
  sigfillset (&all);
  r = posix_spawnattr_setsigmask (attributes, &none);
  if (r == 0)
    r = posix_spawnattr_setsigdefault (attributes, &all);
  if (r == 0)
    r = posix_spawnattr_setflags (
      attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  return r;
}

/* 0, or an error number. */
static int
start (pid_t *pid, char *const *argv, char *const *envp)
{
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  int r = posix_spawn_file_actions_init (&files);

  if (r != 0)
    return r;
  r = posix_spawnattr_init (&attributes);
  if (r == 0) {
    r = set_files (&files);
    if (r == 0)
      r = set_attributes (&attributes);
    if (r == 0)
      r = posix_spawnp (pid, argv[0], &files, &attributes, argv, envp);
    posix_spawnattr_destroy (&attributes);
  }
  posix_spawn_file_actions_destroy (&files);
  return r;
}

/* ---- Waiting */

enum woken {
  ENDED,
  STOPPED,
  TIMED_OUT
};

/* Until the process has ended; `stop` may be -1. */
static enum woken
wait_for_end (int process, int stop, int64_t ms)
{
  int64_t end = clock_ms () + ms;

  for (;;) {
    struct pollfd fds[] = { { process, POLLIN, 0 }, { stop, POLLIN, 0 } };
    int64_t left = end - clock_ms ();
    int n = poll (fds, 2, left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int) left);

    if (n > 0)
      return fds[0].revents ? ENDED : STOPPED;
    if (n == 0 && left <= INT_MAX)
      return TIMED_OUT;
  }
}

/* While the process has not been waited for its number is nobody else's, nor its group's.
 * False: it cannot even be killed, and is left.
 */
static bool
end_group (pid_t pid, int process)
{
  kill (-pid, SIGTERM);
  wait_for_end (process, -1, RUN_PROGRAM_GRACE_MS);
  kill (-pid, SIGKILL);
  return wait_for_end (process, -1, RUN_PROGRAM_GRACE_MS) == ENDED;
}

static int
check_status (const char *name, int status, struct error *err)
{
  if (WIFSIGNALED (status))
    return error_set (err, 0, "%s: ended by SIG%s", name,
                      sigabbrev_np (WTERMSIG (status)));
  if (WEXITSTATUS (status) != 0)
    return error_set (err, 0, "%s: exit status %d", name, WEXITSTATUS (status));
  return 0;
}

int
run_program (char *const *argv, char *const *envp, int64_t timeout_ms, int stop,
             struct error *err)
{
  CLEANUP_CLOSE int process = -1;
  enum woken woken;
  int status;
  pid_t pid;
  int r = start (&pid, argv, envp);

  if (r != 0)
    return error_set (err, r, "%s", argv[0]);
  process = pidfd_open (pid, 0);
  if (process == -1) {
    error_set (err, errno, "%s: pidfd_open", argv[0]);
    kill (-pid, SIGKILL);
    waitpid (pid, &status, 0);
    return -1;
  }
  woken = wait_for_end (process, stop, timeout_ms);
  if (woken != ENDED && !end_group (pid, process))
    return error_set (err, 0, "%s: cannot be ended", argv[0]);
  if (waitpid (pid, &status, 0) == -1)
    return error_set (err, errno, "%s: waitpid", argv[0]);
  if (woken == TIMED_OUT)
    return error_set (err, 0, "%s: took longer than %lld ms and was ended", argv[0],
                      (long long) timeout_ms);
  return woken == STOPPED ? 0 : check_status (argv[0], status, err);
}

static int
look_at (const char *path, struct error *err)
{
  struct stat st;

  if (stat (path, &st) == -1 || access (path, X_OK) == -1)
    return error_set (err, errno, "%s", path);
  return S_ISREG (st.st_mode) ? 0 : error_set (err, 0, "%s: is no program", path);
}

/* As posix_spawnp does. */
int
run_program_look (const char *name, struct error *err)
{
  const char *path = getenv ("PATH");
  CLEANUP_FREE char *folders = strdup (path ? path : "/bin:/usr/bin");
  char *rest = folders;

  if (strchr (name, '/'))
    return look_at (name, err);
  if (!folders)
    return error_set (err, ENOMEM, "%s", name);
  for (char *folder; (folder = strsep (&rest, ":"));) {
    CLEANUP_FREE char *file = NULL;
    struct error ignored = ERROR_INIT;

    if (asprintf (&file, "%s/%s", folder[0] ? folder : ".", name) == -1)
      return error_set (err, ENOMEM, "%s", name);
    if (look_at (file, &ignored) == 0)
      return 0;
  }
  return error_set (err, 0, "%s: there is no such program in PATH", name);
}
