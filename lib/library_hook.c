/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `on_error_command` of a library's YAML file, with the keys of the Go mkvdup: a mapping with
 * `command`, `timeout`, `batch_interval`, and ours, `repeat_interval`; or the command alone.
 *
 * A command is a list: a program and its arguments.  There a string is for a shell, with
 * values put into it; here nothing is run by a shell, and a string is refused.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "hook_facts.h"
#include "library_yaml.h"
#include "yaml_file.h"

#define MAX_MS (INT64_C (24) * 60 * 60 * 1000)

/* One being read. */
struct hook_reading {
  struct yaml_file *yaml;
  struct hook_settings *settings;
};

/* ---- Times */

/* Milliseconds of a unit, whose name is passed over; 0: it is none. */
static int64_t
take_unit (const char **text)
{
  static const struct {
    const char *name;
    int64_t ms;
  } units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };

  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
    size_t len = strlen (units[i].name);

    if (strncmp (*text, units[i].name, len) == 0) {
      *text += len;
      return units[i].ms;
    }
  }
  return 0;
}

/* As in "1m30s"; -1: it is not, or is longer than a day. */
static int64_t
parse_time (const char *text)
{
  int64_t sum = 0;

  do {
    int64_t number = 0, unit;

    if (*text < '0' || *text > '9')
      return -1;
    for (; *text >= '0' && *text <= '9' && number <= MAX_MS; text++)
      number = number * 10 + (*text - '0');
    unit = take_unit (&text);
    if (unit == 0 || number > (MAX_MS - sum) / unit)
      return -1;
    sum += number * unit;
  } while (*text);
  return sum;
}

static int
set_time (const struct hook_reading *r, int64_t *to, const char *key,
          const yaml_node_t *value, int64_t least, struct error *err)
{
  CLEANUP_FREE char *text = yaml_string (r->yaml, key, value, err);
  int64_t ms = text ? parse_time (text) : 0;

  if (!text)
    return -1;
  if (ms < least)
    return yaml_complain (r->yaml, value, err,
                          "\"%s\" is not a time of a day at most, as \"30s\" or "
                          "\"1m30s\"",
                          key);
  *to = ms;
  return 0;
}

/* ---- Commands */

/* A program with "/" in its name is a path, as others in the file; an argument may be "". */
static char *
read_argument (const struct hook_reading *r, const yaml_node_t *item, bool is_program,
               struct error *err)
{
  bool is_empty = item->type == YAML_SCALAR_NODE && item->data.scalar.length == 0 &&
                  !yaml_is_null (item);
  char *text;

  if (is_empty && !is_program) {
    text = strdup ("");
    if (!text)
      error_set (err, ENOMEM, "%s", r->yaml->path);
    return text;
  }
  text = yaml_string (r->yaml, "command", item, err);
  if (text && is_program && strchr (text, '/')) {
    free (text);
    text = yaml_path (r->yaml, "command", item, err);
  }
  return text;
}

static int
read_arguments (const struct hook_reading *r, const yaml_node_t *list, struct error *err)
{
  const yaml_node_item_t *items = list->data.sequence.items.start;
  size_t n = (size_t) (list->data.sequence.items.top - items);
  char **command = calloc (n + 1, sizeof *command);

  if (!command)
    return error_set (err, ENOMEM, "%s", r->yaml->path);
  r->settings->command = command;
  for (size_t i = 0; i < n; i++) {
    command[i] = read_argument (r, yaml_document_get_node (&r->yaml->document, items[i]),
                                i == 0, err);
    if (!command[i])
      return -1;
  }
  return 0;
}

static int
set_command (const struct hook_reading *r, const yaml_node_t *value, struct error *err)
{
  if (r->settings->command)
    return yaml_complain (r->yaml, value, err, "\"command\" is given twice");
  if (value->type == YAML_SCALAR_NODE)
    return yaml_complain (r->yaml, value, err,
                          "the command is not a list of a program and its arguments: no "
                          "shell is there to run a string");
  if (value->type != YAML_SEQUENCE_NODE ||
      value->data.sequence.items.start == value->data.sequence.items.top)
    return yaml_complain (r->yaml, value, err,
                          "the command is not a list of a program and its arguments");
  if (read_arguments (r, value, err) == -1)
    return -1;
  if (hook_settings_check (r->settings, err) == -1)
    return yaml_complain (r->yaml, value, err, "%s", err->text);
  return 0;
}

static int
take_pair (void *opaque, const char *key, const yaml_node_t *key_node,
           const yaml_node_t *value, struct error *err)
{
  const struct hook_reading *r = opaque;
  struct hook_settings *s = r->settings;

  (void) key_node;
  if (strcmp (key, "command") == 0)
    return set_command (r, value, err);
  if (strcmp (key, "timeout") == 0)
    return set_time (r, &s->timeout_ms, key, value, 1, err);
  if (strcmp (key, "batch_interval") == 0)
    return set_time (r, &s->batch_ms, key, value, 0, err);
  if (strcmp (key, "repeat_interval") == 0)
    return set_time (r, &s->repeat_ms, key, value, 0, err);
  return 0;
}

int
library_hook_read (struct yaml_file *yaml, const yaml_node_t *value,
                   struct hook_settings *settings, struct error *err)
{
  struct hook_reading r = { yaml, settings };
  int result;

  *settings = (struct hook_settings) HOOK_DEFAULTS;
  if (yaml_is_null (value))
    return 0;
  if (value->type != YAML_MAPPING_NODE)
    result = set_command (&r, value, err);
  else {
    result = yaml_each_pair (yaml, value, take_pair, &r, err);
    if (result == 0 && !settings->command)
      result = yaml_complain (yaml, value, err,
                              "\"on_error_command\" without a "
                              "\"command\"");
  }
  if (result == -1)
    hook_settings_free (settings);
  return result;
}
