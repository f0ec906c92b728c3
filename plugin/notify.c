/* SPDX-License-Identifier: BSD-3-Clause */
/* The hook of this server: see notify.h. */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "exports.h"
#include "notify.h"
#include "parameters.h"
#include "report.h"

static struct hook *hook;
/* There may be: nbdkit is asked for an export's name only then. */
static bool has_clients;

/* Of the hook itself: it is not told of that. */
static void
tell_log (void *opaque, const char *text)
{
  (void) opaque;
  report_text (text);
}

/* The command that is a program alone. */
static bool
use_parameter (struct hook_settings *settings)
{
  settings->command = calloc (2, sizeof *settings->command);
  if (settings->command)
    settings->command[0] = strdup (parameters.hook);
  if (settings->command && settings->command[0])
    return true;
  hook_settings_free (settings);
  return false;
}

int
notify_init (struct error *err)
{
  struct hook_settings none = HOOK_DEFAULTS;

  hook = hook_new (tell_log, NULL);
  if (!hook)
    return error_set (err, errno, "on-error-command");
  notify_configure (&none);
  return 0;
}

void
notify_configure (struct hook_settings *settings)
{
  CLEANUP_HOOK_SETTINGS struct hook_settings own = HOOK_DEFAULTS;

  if (!settings->command && parameters.hook) {
    if (!use_parameter (&own))
      report_text ("on-error-command: out of memory");
    settings = &own;
  }
  hook_configure (hook, settings);
}

void
notify_start (void)
{
  has_clients = true;
  hook_start (hook);
}

void
notify_stop (void)
{
  if (hook)
    hook_stop (hook);
}

void
notify_free (void)
{
  hook_free (hook);
  hook = NULL;
}

void
notify_client_trouble (const char *text)
{
  const char *name = has_clients ? nbdkit_export_name () : NULL;

  if (name && name[0] == '\0')
    name = exports_default ();
  if (hook)
    hook_tell (hook, name, text);
}

void
notify_trouble (const char *text)
{
  if (hook)
    hook_tell (hook, NULL, text);
}

void
notify_change (const char *text)
{
  if (hook)
    hook_tell_change (hook, text);
}
