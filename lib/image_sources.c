/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sources of an image: opened when first wanted, and looked for again when one has
 * failed.  One thread at a time looks for a source, but who came later takes over from one that
 * does not come back; reading takes no lock, and none is held while anything is waited for.
 *
 * What does not answer any more is not asked whether it is still right: its path may lead to
 * something else by now.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "clock.h"
#include "file_id.h"
#include "image_blame.h"
#include "image_parts.h"

/* Looking for a source costs a dozen reads: that it is nowhere holds for so long. */
#define LOOK_AGAIN_MS 1000

/* Looking elsewhere, while what has wrong bytes lies where it was, costs a walk over all folders that
 * are searched, and what was proven is forgotten if there is another.
 */
#define LOOK_ELSEWHERE_MS 10000

void
image_source_init (struct image_source *s)
{
  pulse_init (&s->reading);
  pthread_mutex_init (&s->lock, NULL);
  pthread_cond_init (&s->looked_for, NULL);
}

void
image_source_release (struct image_source *s)
{
  if (atomic_load (&s->is_open))
    source_close (&s->source);
  image_source_free_paths (s);
  free (s->failure);
  pulse_destroy (&s->reading);
  pthread_cond_destroy (&s->looked_for);
  pthread_mutex_destroy (&s->lock);
}

/* At its places, or wherever the finder finds it. */
static int
find_source (struct image *img, const struct recipe_source *id, const struct file_id *but,
             struct source *found, struct error *err)
{
  struct error reason = ERROR_INIT;

  if (source_open_other (id, (const char *const *) img->places, img->n_places,
                         img->direct, but, found, err) == 0)
    return 0;
  if (!img->finder)
    return -1;
  if (img->finder->open (img->finder->opaque, id, img->direct, but, found, &reason) == 0)
    return 0;
  if (reason.text[0]) {
    error_context (&reason, "%s; and", err->text);
    reason.errnum = err->errnum;
    *err = reason;
  }
  return -1;
}

/* Some of its sample is lost.  Where reads are proven, all else can be told from it. */
static bool
find_damaged (struct image *img, const struct recipe_source *id,
              const struct file_id *but, struct source *found)
{
  struct error ignored = ERROR_INIT;

  return img->proof.mode != IMAGE_VERIFY_OFF &&
         source_open_damaged (id, (const char *const *) img->places, img->n_places,
                              img->direct, but, found, &ignored) == 0;
}

/* ---- Looking, one thread at a time, unless it does not come back */

static void
begin_look (struct image_source *s)
{
  LOCK_FOR_SCOPE (&s->lock);

  while (s->looking != 0 && !pulse_is_late (s->looking))
    pthread_cond_wait (&s->looked_for, &s->lock);
  s->looking = clock_ms ();
}

static void
end_look (struct image_source *s)
{
  LOCK_FOR_SCOPE (&s->lock);

  s->looking = 0;
  pthread_cond_broadcast (&s->looked_for);
}

static bool
failed_lately (struct image_source *s, struct error *err)
{
  LOCK_FOR_SCOPE (&s->lock);

  if (!s->failure || clock_ms () - s->looked >= LOOK_AGAIN_MS)
    return false;
  *err = *s->failure;
  return true;
}

/* NULL: it was found. */
static void
note_failure (struct image_source *s, const struct error *err)
{
  LOCK_FOR_SCOPE (&s->lock);

  free (s->failure);
  s->failure = err ? malloc (sizeof *s->failure) : NULL;
  if (s->failure)
    *s->failure = *err;
  s->looked = clock_ms ();
}

static struct file_id
open_file (struct image_source *s)
{
  LOCK_FOR_SCOPE (&s->lock);

  return s->file;
}

/* Is it the file that is open, which does not answer?  A sample that is in memory can be read all
 * the same, and readers would be sent to the same file again, to be lost there.
 */
static int
check_answers (struct image_source *s, const struct source *found, struct error *err)
{
  const struct file_id silent = open_file (s);

  if (!pulse_is_silent (&s->reading) || !file_id_is_open (&silent, found->fd))
    return 0;
  return pulse_error (found->path, err);
}

/* Unless that was tried in vain a moment ago: then it is the same answer.  What is open is of no
 * use if it is to be `other`.
 */
static int
open_source (struct image *img, uint32_t number, bool other, struct error *err)
{
  struct image_source *s = &img->sources[number];
  const struct recipe_source *id = &img->recipe->sources[number];
  const struct file_id open = open_file (s), *but = other ? &open : NULL;
  struct source found;
  bool is_sampled;

  if (failed_lately (s, err))
    return -1;
  is_sampled = find_source (img, id, but, &found, err) == 0;
  if (!is_sampled && !find_damaged (img, id, but, &found)) {
    note_failure (s, err);
    return -1;
  }
  if (check_answers (s, &found, err) == -1 ||
      image_trust (img, number, &found, err) == -1) {
    note_failure (s, err);
    source_close (&found);
    return -1;
  }
  if (image_use_source (img, number, &found, is_sampled, err) == -1) {
    note_failure (s, err);
    return -1;
  }
  note_failure (s, NULL);
  return 0;
}

/* ---- What is open */

/* Going to ask it something.  False: it is not open, or does not answer: who finds out whether
 * it does again has to read, as what is asked here may be in memory.
 */
static bool
begin_asking (const struct image_source *s, unsigned *life)
{
  return atomic_load_explicit (&s->is_open, memory_order_acquire) &&
         !pulse_is_silent (s->source.pulse) && pulse_begin (s->source.pulse, life);
}

/* From now on it is believed to be as it was at `ctime`. */
static void
believe (struct image *img, uint32_t number, int64_t ctime)
{
  struct source *source = &img->sources[number].source;

  if (ctime == atomic_load (&source->ctime))
    return;
  /* First of all: nothing that was not proven may be handed out of what has changed. */
  image_doubt (img, number);
  image_forget_proof (img);
  atomic_store (&source->ctime, ctime);
}

/* Is what is open still the right one, though something happened to it?  It may have been
 * moved, which is seen as a change.
 */
static bool
is_still_right (struct image *img, uint32_t number)
{
  struct image_source *s = &img->sources[number];
  struct error ignored = ERROR_INIT;
  int64_t ctime;
  unsigned life;
  bool is_right;

  if (!begin_asking (s, &life))
    return false;
  /* Before the content is looked at: a change after that shows. */
  ctime = source_ctime (&s->source);
  is_right = ctime != -1 &&
             source_verify (&s->source, &img->recipe->sources[number], &ignored) == 0 &&
             image_trust (img, number, &s->source, &ignored) == 0;
  pulse_end (s->source.pulse, life);
  if (is_right)
    believe (img, number, ctime);
  return is_right;
}

/* It has changed, and there is no other.  What of it is as it was can be told where reads are
 * proven: then the rest alone fails.
 */
static bool
can_go_on (struct image *img, uint32_t number)
{
  struct image_source *s = &img->sources[number];
  int64_t ctime;
  unsigned life;

  if (img->proof.mode == IMAGE_VERIFY_OFF || !begin_asking (s, &life))
    return false;
  ctime = source_ctime (&s->source);
  pulse_end (s->source.pulse, life);
  if (ctime == -1)
    return false;
  /* First of all: nothing that was not proven may be handed out of it. */
  image_doubt (img, number);
  believe (img, number, ctime);
  return true;
}

/* Does its path lead to another file than the one that is open, or nowhere, as that was moved?
 * Of one that does not answer that is assumed.
 */
static bool
was_replaced (const struct image_source *s)
{
  struct stat open, there;
  unsigned life;
  bool r;

  if (!begin_asking (s, &life))
    return true;
  r = fstat (s->source.fd, &open) == 0 &&
      (stat (s->source.path, &there) == -1 || open.st_dev != there.st_dev ||
       open.st_ino != there.st_ino);
  pulse_end (s->source.pulse, life);
  return r;
}

/* ---- Both */

static int
look_for_source (struct image *img, uint32_t number, struct error *err)
{
  struct image_source *s = &img->sources[number];
  bool ok;

  begin_look (s);
  ok = is_still_right (img, number) || open_source (img, number, false, err) == 0 ||
       can_go_on (img, number);
  end_look (s);
  return ok ? 0 : -1;
}

/* Is another to be looked for elsewhere, though what is open lies where it was?  Now and then, by one
 * thread at a time: a copy that is found may be hashed for minutes.
 */
static bool
may_look_elsewhere (struct image_source *s)
{
  int64_t now = clock_ms ();
  LOCK_FOR_SCOPE (&s->lock);

  if (s->looking != 0 ||
      (s->looked_elsewhere != 0 && now - s->looked_elsewhere < LOOK_ELSEWHERE_MS))
    return false;
  s->looked_elsewhere = now;
  return true;
}

static bool
was_exchanged (struct image_source *s, int64_t since)
{
  LOCK_FOR_SCOPE (&s->lock);

  return s->exchanged >= since;
}

static void
note_exchange (struct image_source *s)
{
  LOCK_FOR_SCOPE (&s->lock);

  s->exchanged = clock_ms ();
}

/* What is open is of no use, whatever it looks like: is there another at its path; or elsewhere?
 * Who has waited for one that found it takes that.
 */
static int
exchange_source (struct image *img, uint32_t number, bool elsewhere)
{
  struct image_source *s = &img->sources[number];
  int64_t begun = clock_ms ();
  struct error ignored = ERROR_INIT;
  int r = 0;

  if (!was_replaced (s) && !(elsewhere && may_look_elsewhere (s)))
    return -1;
  begin_look (s);
  if (!was_exchanged (s, begun)) {
    r = open_source (img, number, true, &ignored);
    if (r == 0)
      note_exchange (s);
  }
  end_look (s);
  return r;
}

const struct source *
image_source (struct image *img, uint32_t number, struct error *err)
{
  struct image_source *s = &img->sources[number];

  if (!atomic_load_explicit (&s->is_open, memory_order_acquire) &&
      look_for_source (img, number, err) == -1)
    return NULL;
  return &s->source;
}

const struct source *
image_try_source (struct image *img, uint32_t number)
{
  const struct image_source *s = &img->sources[number];

  if (!atomic_load_explicit (&s->is_open, memory_order_acquire) ||
      atomic_load_explicit (&s->source.is_shared, memory_order_relaxed))
    return NULL;
  return &s->source;
}

int
image_recover_source (struct image *img, const struct source *failed, bool again,
                      struct error *err)
{
  const struct image_source *s = (const struct image_source *) (const void *) failed;
  uint32_t number = (uint32_t) (s - img->sources);
  struct error reason = ERROR_INIT;

  _Static_assert(offsetof (struct image_source, source) == 0, "see the cast");
  if (again)
    return exchange_source (img, number, false);
  if (look_for_source (img, number, &reason) == 0)
    return 0;
  error_context (&reason, "%s; and now", err->text);
  *err = reason;
  return -1;
}

bool
image_exchange_sources (struct image *img, uint64_t offset, size_t len)
{
  CLEANUP_FREE struct image_blame *blames = NULL;
  struct error ignored = ERROR_INIT;
  bool any = false;
  size_t n = 0;

  if (image_blame (img, offset, len, &blames, &n, &ignored) == -1)
    return false;
  for (size_t i = 0; i < n; i++) {
    uint32_t number = blames[i].source;

    if (atomic_load_explicit (&img->sources[number].is_open, memory_order_acquire))
      any = exchange_source (img, number, true) == 0 || any;
  }
  return any;
}
