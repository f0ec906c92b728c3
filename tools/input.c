/* SPDX-License-Identifier: BSD-3-Clause */
/* What recipes are made of: see input.h. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "file_id.h"
#include "input.h"
#include "message.h"
#include "recipe.h"
#include "recipe_old.h"
#include "sidecar.h"

void
input_free (struct input *in)
{
  free (in->sources);
  discs_close (&in->own);
}

/* `path` is about to be replaced: it may not be the MKV or a source. */
static int
check_not_input (const char *path, const struct input *in, struct error *err)
{
  bool is = same_file (path, in->mkv);

  for (size_t i = 0; i < in->n; i++)
    is = is || same_file (path, in->sources[i]);
  return is ? error_set (err, 0, "%s: is what the recipe is to be made of: not replaced",
                         path)
            : 0;
}

/* What is there is perhaps all that is left of an MKV.  Whether it is of this one, to the byte, is
 * known when the new one is made (create.h); until then its size has to do.
 */
static int
check_recipe_there (const char *out, const char *mkv, struct error *err)
{
  struct error ignored;
  struct recipe *old;
  struct stat st;
  bool is_ours, is_same;
  int r = file_is_there (out, err);

  if (r != 1)
    return r;
  old = recipe_open (out, &ignored);
  is_ours = old && !recipe_old_facts (old);
  is_same = is_ours && stat (mkv, &st) == 0 && old->image_size == (uint64_t) st.st_size;
  recipe_close (old);
  if (!is_ours)
    return error_set (err, 0,
                      "%s: exists and is no recipe of this program: not replaced without "
                      "--force",
                      out);
  return is_same ? 0
                 : error_set (err, 0,
                              "%s: exists and is the recipe of another MKV: not replaced "
                              "without --force",
                              out);
}

int
input_check_names (const struct input *in, const char *out, const char *sidecar,
                   bool force, struct error *err)
{
  if (strcmp (out, "-") == 0)
    return error_set (err, 0, "-: no recipe goes to standard output");
  /* Such a recipe would be tiny, and worth nothing once the MKV is deleted. */
  for (size_t i = 0; i < in->n; i++)
    if (same_file (in->mkv, in->sources[i]))
      return error_set (err, 0, "%s: is given as its own source", in->mkv);
  if (check_not_input (out, in, err) == -1 || check_not_input (sidecar, in, err) == -1)
    return -1;
  if (force)
    return 0;
  return check_recipe_there (out, in->mkv, err) == -1
           ? -1
           : sidecar_check_place (sidecar, out, err);
}

/* ---- Discs that are known */

/* Why no disc can be taken. */
static int
no_disc (const struct input *in, const struct disc_answers *answers, const char *library,
         struct error *err)
{
  const struct disc_answer *best = answers->list;

  if (answers->verdict == VERDICT_NONE)
    return error_set (err, 0,
                      "%s: is of none of the %zu discs that %s knows: scan the folder "
                      "where its disc is, or give the disc",
                      in->mkv, in->discs->library.n, library);
  return error_set (err, 0,
                    "%s: only %.0f %% of it is on %s, and no more on any disc that %s "
                    "knows: give its disc",
                    in->mkv, 100.0 * best->found / (best->asked ? best->asked : 1),
                    in->discs->library.discs[best->disc].path, library);
}

/* The discs that answer become the sources.  Without one of them the recipe would be large:
 * who wants that has to say so, by giving the others.
 */
static int
take_answers (struct input *in, const struct disc_answers *answers, const char *library,
              struct error *err)
{
  if (answers->n_needed == 0)
    return no_disc (in, answers, library, err);
  in->sources = calloc (answers->n_needed, sizeof *in->sources);
  if (!in->sources)
    return error_set (err, ENOMEM, "%s", library);
  for (; in->n < answers->n_needed; in->n++) {
    size_t disc = answers->list[in->n].disc;

    in->sources[in->n] = in->discs->library.discs[disc].path;
    if (in->discs->gone[disc])
      return error_set (err, 0, "%s: is of %s, which is not there any more", in->mkv,
                        in->sources[in->n]);
  }
  return 0;
}

static int
ask (struct input *in, const struct discs *discs, const char *library, bool quiet,
     struct error *err)
{
  CLEANUP_DISC_ANSWERS struct disc_answers answers = { 0 };

  in->discs = discs;
  if (discs->library.n == 0)
    return error_set (
      err, 0, "%s: no disc is known: give one, or let mkvdup scan find them", library);
  if (discs_ask (&answers, discs, in->mkv, err) == -1 ||
      take_answers (in, &answers, library, err) == -1)
    return -1;
  for (size_t i = 0; i < in->n && !quiet; i++)
    message ("%s: is of %s", in->mkv, in->sources[i]);
  return 0;
}

int
input_ask (struct input *in, const char *mkv, const struct discs *discs,
           const char *library, bool quiet, struct error *err)
{
  *in = (struct input){ .mkv = mkv };
  return ask (in, discs, library, quiet, err);
}

int
input_ask_library (struct input *in, const char *mkv, const struct options *options,
                   struct error *err)
{
  CLEANUP_FREE char *library = discs_path (options, err);

  *in = (struct input){ .mkv = mkv };
  if (!library || discs_open (&in->own, library, err) == -1)
    return -1;
  return ask (in, &in->own, library, options->quiet, err);
}

int
input_give (struct input *in, const char *mkv, const char *const *sources, size_t n,
            struct error *err)
{
  *in = (struct input){ .mkv = mkv, .n = n };
  in->sources = calloc (n + 1, sizeof *in->sources);
  if (!in->sources)
    return error_set (err, ENOMEM, "%s", mkv);
  for (size_t i = 0; i < n; i++)
    in->sources[i] = sources[i];
  return 0;
}
