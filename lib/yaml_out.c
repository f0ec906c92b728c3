/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing YAML: see yaml_out.h. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "yaml_out.h"

static int
append (void *opaque, unsigned char *data, size_t len)
{
  struct buffer *out = opaque;

  buffer_append (out, data, len);
  return !out->failed;
}

/* `made`: the event could be.  The emitter takes it over, also when it fails. */
static void
emit (struct yaml_out *y, yaml_event_t *event, int made)
{
  if (!made)
    y->failed = true;
  else if (y->failed)
    yaml_event_delete (event);
  else
    y->failed = !yaml_emitter_emit (&y->emitter, event);
}

int
yaml_out_begin (struct yaml_out *y, struct error *err)
{
  yaml_event_t event;

  *y = (struct yaml_out){ .text = BUFFER_INIT };
  if (!yaml_emitter_initialize (&y->emitter))
    return error_set (err, ENOMEM, "YAML");
  yaml_emitter_set_output (&y->emitter, append, &y->text);
  yaml_emitter_set_unicode (&y->emitter, 1);
  yaml_emitter_set_width (&y->emitter, -1); /* no folding */
  emit (y, &event, yaml_stream_start_event_initialize (&event, YAML_UTF8_ENCODING));
  emit (y, &event, yaml_document_start_event_initialize (&event, NULL, NULL, NULL, 1));
  return 0;
}

void
yaml_out_mapping (struct yaml_out *y)
{
  yaml_event_t event;

  emit (y, &event,
        yaml_mapping_start_event_initialize (&event, NULL, NULL, 1,
                                             YAML_BLOCK_MAPPING_STYLE));
}

void
yaml_out_end_mapping (struct yaml_out *y)
{
  yaml_event_t event;

  emit (y, &event, yaml_mapping_end_event_initialize (&event));
}

void
yaml_out_list (struct yaml_out *y)
{
  yaml_event_t event;

  emit (y, &event,
        yaml_sequence_start_event_initialize (&event, NULL, NULL, 1,
                                              YAML_BLOCK_SEQUENCE_STYLE));
}

void
yaml_out_end_list (struct yaml_out *y)
{
  yaml_event_t event;

  emit (y, &event, yaml_sequence_end_event_initialize (&event));
}

static void
put_scalar (struct yaml_out *y, const char *text, yaml_scalar_style_t style)
{
  yaml_event_t event;

  emit (y, &event,
        yaml_scalar_event_initialize (&event, NULL, NULL, (const yaml_char_t *) text,
                                      (int) strlen (text), 1, 1, style));
}

void
yaml_out_plain (struct yaml_out *y, const char *text)
{
  put_scalar (y, text, YAML_PLAIN_SCALAR_STYLE);
}

void
yaml_out_quoted (struct yaml_out *y, const char *text)
{
  put_scalar (y, text, YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

int
yaml_out_finish (struct yaml_out *y, struct error *err)
{
  yaml_event_t event;

  emit (y, &event, yaml_document_end_event_initialize (&event, 1));
  emit (y, &event, yaml_stream_end_event_initialize (&event));
  if (y->text.failed)
    return error_set (err, ENOMEM, "YAML");
  return y->failed ? error_set (err, EILSEQ, "a name cannot be written as YAML") : 0;
}

void
yaml_out_release (struct yaml_out *y)
{
  yaml_emitter_delete (&y->emitter);
  buffer_free (&y->text);
}
