/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mkvdup command: finds the subcommand, reads its options, runs it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "interrupt.h"
#include "memory.h"
#include "message.h"
#include "options.h"

static const struct command *const commands[] = {
  &command_create,   &command_batch,         &command_info,      &command_verify,
  &command_extract,  &command_check,         &command_scan,      &command_probe,
  &command_import,   &command_explain,       &command_stats,     &command_map,
  &command_doctor,   &command_deltadiag,     &command_parse_mkv, &command_index_source,
  &command_validate, &command_expand_config, &command_relocate,
};

#define N_COMMANDS (sizeof commands / sizeof commands[0])

static void
print_help (FILE *out)
{
  fputs (
    "Usage: mkvdup COMMAND [OPTION]... FILE...\n\n"
    "Keep an MKV as a small recipe that rebuilds it from the disc it was made of.\n\n"
    "Commands:\n",
    out);
  for (size_t i = 0; i < N_COMMANDS; i++)
    fprintf (out, "  %-13s  %s\n", commands[i]->name, commands[i]->summary);
  fputs ("\n\"mkvdup COMMAND --help\" tells more of each.\n"
         "\nExit status: 0 good, 1 failed or not so, 2 not understood.\n",
         out);
}

static void
print_version (void)
{
  puts (PACKAGE_STRING);
}

/* Results that did not get out are no results; some file systems say so only when a file is
 * closed.
 */
static enum exit_status
finish_stdout (enum exit_status status)
{
  if (fflush (stdout) == 0 && !ferror (stdout) && close (STDOUT_FILENO) == 0)
    return status;
  message ("standard output: %m");
  return EXIT_FAILED;
}

static const struct command *
find_command (const char *name)
{
  for (size_t i = 0; i < N_COMMANDS; i++)
    if (strcmp (commands[i]->name, name) == 0)
      return commands[i];
  return NULL;
}

static enum exit_status
run_with_log (const struct command *command, const struct options *options)
{
  struct error err = ERROR_INIT;
  enum exit_status status;

  if (options->log_file && message_log_to (options->log_file, &err) == -1) {
    message ("--log-file: %s", err.text);
    return EXIT_FAILED;
  }
  status = command->run (options);
  if (message_log_end (&err) == 0)
    return status;
  message ("--log-file: %s", err.text);
  return status == EXIT_GOOD ? EXIT_FAILED : status;
}

static enum exit_status
run_command (const struct command *command, int argc, char **argv)
{
  struct options options;
  enum exit_status status = EXIT_GOOD;

  switch (options_parse (&options, command, argc, argv)) {
  case OPTIONS_OK:
    status = run_with_log (command, &options);
    break;
  case OPTIONS_HELP:
    options_print_help (stdout, command);
    break;
  case OPTIONS_VERSION:
    print_version ();
    break;
  case OPTIONS_WRONG:
    status = EXIT_USAGE;
    break;
  }
  options_free (&options);
  return status;
}

/* Everything but the command's name is left in argv, in order. */
static void
remove_arg (int *argc, char **argv, int index)
{
  memmove (argv + index, argv + index + 1, (size_t) (*argc - index) * sizeof *argv);
  (*argc)--;
}

static enum exit_status
dispatch (int argc, char **argv)
{
  const struct command *command;
  int at = 0;

  switch (options_find_command (argc, argv, &at)) {
  case OPTIONS_HELP:
    print_help (stdout);
    return EXIT_GOOD;
  case OPTIONS_VERSION:
    print_version ();
    return EXIT_GOOD;
  case OPTIONS_WRONG:
    return EXIT_USAGE;
  case OPTIONS_OK:
    break;
  }
  if (at >= argc) {
    print_help (stderr);
    return EXIT_USAGE;
  }
  command = find_command (argv[at]);
  if (!command) {
    message ("\"%s\" is no command", argv[at]);
    fputs ("Try \"mkvdup --help\".\n", stderr);
    return EXIT_USAGE;
  }
  remove_arg (&argc, argv, at);
  return run_command (command, argc, argv);
}

/* Where standard streams are closed, a recipe that is opened would become one, and have
 * messages written into it.  What is opened in their places fails to be read or written, as
 * what is closed does.
 */
static bool
have_standard_streams (void)
{
  static const int modes[] = { O_WRONLY, O_RDONLY, O_RDONLY };

  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl (fd, F_GETFD) == -1 && open ("/dev/null", modes[fd]) != fd)
      return false;
  return true;
}

int
main (int argc, char **argv)
{
  static char name[] = "mkvdup";
  enum exit_status status;

  if (argc < 1)
    return EXIT_USAGE;
  if (!have_standard_streams ())
    return EXIT_FAILED;
  argv[0] = name; /* what getopt_long's messages start with */
  memory_keep_freed ();
  status = finish_stdout (dispatch (argc, argv));
  interrupt_resume ();
  return (int) status;
}
