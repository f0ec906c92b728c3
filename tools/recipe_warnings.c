/* SPDX-License-Identifier: BSD-3-Clause */
/* Warnings of recipes that are good: see recipe_warnings.h. */
#include "config.h"

#include "message.h"
#include "recipe_warnings.h"

/* Saving less than this is hardly worth keeping a disc image for; most likely it is
 * the wrong disc, or the MKV was coded anew.
 */
#define WORTH_PERCENT 75.0

void
recipe_warnings (const char *mkv, const struct create_report *report)
{
  double saved = percent_saved (report->recipe_bytes, report->mkv_bytes);

  if (report->scrambled_source)
    message (
      "warning: %s: %s: %.1f %% of its packets are scrambled (%s): what is in them "
      "cannot be found",
      mkv, report->scrambled_source,
      100.0 * (double) report->scrambled / (double) report->packets, report->scrambling);
  if (report->keeping.text[0])
    message ("warning: the index is not kept: %s", report->keeping.text);
  if (saved < WORTH_PERCENT)
    message ("warning: %s: only %.1f %% is saved: is this the right disc?", mkv, saved);
}
