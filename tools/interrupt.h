/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ctrl-C in the middle of writing: the first one only sets a flag, which the loops
 * that do the work ask for, so that temporary files are removed on the same path as
 * after any error.  The second one ends the program at once.
 *
 * Unlinking in the handler was decided against: it would need a list of what
 * to remove that is right at every instant.
 */
#ifndef MKVDUP_INTERRUPT_H
#define MKVDUP_INTERRUPT_H

#include <stdbool.h>

/* From now on SIGINT, SIGTERM and SIGHUP are only noted, and SIGXFSZ is ignored. */
void interrupt_catch (void);

/* Has one come?  Any thread may ask. */
bool interrupted (void);

/* What came has been answered, by the exit status. */
void interrupt_forget (void);

/* When everything is put away: die of the signal that came, as whoever waits for us
 * expects.  Returns if there was none.
 */
void interrupt_resume (void);

#endif /* MKVDUP_INTERRUPT_H */
