/* SPDX-License-Identifier: BSD-3-Clause */
/* Forging recipes: a changed recipe's checksums put right again. */
#ifndef MKVDUP_TEST_RESEAL_H
#define MKVDUP_TEST_RESEAL_H

#include <stddef.h>
#include <stdint.h>

/* Whatever `data` is, all magic, sizes and checksums that can be found are put right:
 * of segments, sections, table and header.
 */
void reseal (uint8_t *data, size_t len);

#endif /* MKVDUP_TEST_RESEAL_H */
