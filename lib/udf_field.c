/* SPDX-License-Identifier: BSD-3-Clause */
/* What UDF's descriptors are made of: tags, times, texts, identifiers; see udf_parts.h. */
#include "config.h"

#include <string.h>
#include <time.h>

#include "bytes.h"
#include "udf_parts.h"

/* Of UDF 2.1.5.3: which system made it. */
#define OS_UNIX 4
#define OS_LINUX 5

#define HARD_WRITE_PROTECT 1

/* CRC-ITU-T, x^16 + x^12 + x^5 + 1 (1/7.2.6): a byte at once, without a table. */
static uint16_t
crc (const uint8_t *p, size_t n)
{
  uint32_t sum = 0;

  for (size_t i = 0; i < n; i++) {
    uint32_t x = (sum >> 8 ^ p[i]) & 0xff;

    x ^= x >> 4;
    sum = (sum << 8 ^ x << 12 ^ x << 5 ^ x) & 0xffff;
  }
  return (uint16_t) sum;
}

/* 3/7.2, 4/7.2: version 2, as what UDF before 2.00 refers to has it. */
void
udf_put_tag (uint8_t *p, enum udf_tag tag, size_t size, uint32_t at)
{
  uint8_t sum = 0;

  put_le16 (p, (uint16_t) tag);
  put_le16 (p + 2, 2);
  p[4] = 0;
  p[5] = 0;
  put_le16 (p + 6, 0);
  put_le16 (p + 8, crc (p + UDF_TAG_SIZE, size - UDF_TAG_SIZE));
  put_le16 (p + 10, (uint16_t) (size - UDF_TAG_SIZE));
  put_le32 (p + 12, at);
  for (size_t i = 0; i < UDF_TAG_SIZE; i++)
    sum = (uint8_t) (sum + p[i]);
  p[4] = sum;
}

/* Local time, that of 0 minutes from UTC. */
#define TIME_TYPE (1u << 12)
#define YEAR_1 INT64_C (-62135596800)
#define YEAR_9999_END INT64_C (253402300799)

void
udf_put_time (uint8_t *p, const struct tree_stat *stat)
{
  time_t t = stat->mtime < YEAR_1          ? YEAR_1
             : stat->mtime > YEAR_9999_END ? YEAR_9999_END
                                           : stat->mtime;
  uint32_t us = stat->mtime_nsec / 1000;
  struct tm tm = { 0 };

  gmtime_r (&t, &tm);
  put_le16 (p, TIME_TYPE);
  put_le16 (p + 2, (uint16_t) (tm.tm_year + 1900));
  p[4] = (uint8_t) (tm.tm_mon + 1);
  p[5] = (uint8_t) tm.tm_mday;
  p[6] = (uint8_t) tm.tm_hour;
  p[7] = (uint8_t) tm.tm_min;
  p[8] = (uint8_t) tm.tm_sec;
  p[9] = (uint8_t) (us / 10000);
  p[10] = (uint8_t) (us / 100 % 100);
  p[11] = (uint8_t) (us % 100);
}

void
udf_put_charset (uint8_t *p)
{
  static const char name[] = "OSTA Compressed Unicode";

  memset (p, 0, 64);
  memcpy (p + 1, name, sizeof name - 1);
}

void
udf_put_dstring (uint8_t *p, size_t size, const char *text)
{
  size_t n = strlen (text);

  memset (p, 0, size);
  if (n == 0)
    return;
  p[0] = 8;
  memcpy (p + 1, text, n);
  p[size - 1] = (uint8_t) (n + 1);
}

/* 1/7.4; its suffix is at 24. */
static void
put_entity (uint8_t *p, const char *name)
{
  memset (p, 0, 32);
  memcpy (p + 1, name, strlen (name));
}

void
udf_put_domain (uint8_t *p)
{
  put_entity (p, "*OSTA UDF Compliant");
  put_le16 (p + 24, UDF_REVISION);
  p[26] = HARD_WRITE_PROTECT;
}

void
udf_put_udf_entity (uint8_t *p, const char *name)
{
  put_entity (p, name);
  put_le16 (p + 24, UDF_REVISION);
  p[26] = OS_UNIX;
  p[27] = OS_LINUX;
}

void
udf_put_standard (uint8_t *p, const char *name)
{
  put_entity (p, name);
}

void
udf_put_maker (uint8_t *p)
{
  put_entity (p, "*mkvdup");
  p[24] = OS_UNIX;
  p[25] = OS_LINUX;
}

void
udf_put_long_ad (uint8_t *p, uint32_t size, uint32_t at)
{
  put_le32 (p, size);
  put_le32 (p + 4, at);
  memset (p + 8, 0, 8);
}
