/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mkvdup import --library: every recipe of the Go program that a library names, into a folder,
 * each called like its title.  One that fails does not stop the others; what was converted
 * before, and is sound, is left as it is: so the same command goes on where it was ended.
 */
#ifndef MKVDUP_IMPORT_LIBRARY_H
#define MKVDUP_IMPORT_LIBRARY_H

#include "command.h"
#include "import_title.h"
#include "json.h"
#include "options.h"

/* Reports all of it. */
enum exit_status import_library (const struct options *options);

/* cmd_import.c: a result that is good, as members of an object, and in a line. */
void import_json_result (struct json *j, const struct import_result *result);
void import_print_result (const char *out, const struct import_result *result);

#endif /* MKVDUP_IMPORT_LIBRARY_H */
