/* SPDX-License-Identifier: BSD-3-Clause */
/* Sound of a Blu-ray made of noise: see stream-sound.h. */
#include "config.h"

#include <string.h>

#include "../rng.h"
#include "stream-content.h"
#include "stream-sound.h"

#define AC3_LEN 2560
#define DTS_LEN 2012
#define SILENCE_SEED 0x51EE

/* ATSC A/52 §5.3: 48 kHz, 640 kbit/s, 5.1 channels. */
static const uint8_t ac3_head[] = { 0x0B, 0x77, 0x5A, 0x5A, 0x24, 0x40, 0xEB, 0x80 };

/* ETSI TS 102 114 §5.3: 512 samples, 48 kHz, 5.1 channels. */
static const uint8_t dts_head[] = { 0x7F, 0xFE, 0x80, 0x01, 0xFC, 0x3C, 0x7D,
                                    0xB2, 0x77, 0x00, 0x05, 0x38, 0x00 };

/* TrueHD's major sync: 48 kHz, one substream; with its check sum. */
static const uint8_t truehd_sync[] = { 0xF8, 0x72, 0x6F, 0xBA, 0x00, 0x00, 0x80,
                                       0x01, 0xB7, 0x52, 0x00, 0x00, 0x00, 0x00,
                                       0x8C, 0x7F, 0x11, 0x05, 0x56, 0x00, 0x00,
                                       0x00, 0x80, 0x80, 0x00, 0x00, 0xDE, 0x32 };
#define TRUEHD_SYNC_UNITS 128 /* from one to the next */
#define TRUEHD_SAMPLES 40
#define TRUEHD_HEAD 4      /* length, time */
#define TRUEHD_DIRECTORY 2 /* where the substream ends */
#define TRUEHD_SILENT 100

uint64_t
sound_duration (enum sound_kind kind)
{
  switch (kind) {
  case SOUND_AC3:
    return 864000;
  case SOUND_DTS:
    return 288000;
  default:
    return 22500;
  }
}

static void
make_frame (struct sound *s, const uint8_t *head, size_t head_len, size_t len)
{
  memcpy (s->data, head, head_len);
  fill_noise (&s->rng, s->data + head_len, len - head_len);
  s->len = len;
  s->key = true;
}

/* Four bits that make the parity of all in front of the substream odd. */
static uint8_t
check_nibble (const uint8_t *data, size_t directory)
{
  uint8_t sum = data[0] ^ data[1] ^ data[2] ^ data[3];

  sum ^= data[directory] ^ data[directory + 1];
  return (uint8_t) (((sum >> 4 ^ sum) & 0xF) ^ 0xF);
}

/* Bytes of a unit: around a mean of 150 to 720, which wanders. */
static size_t
truehd_len (struct sound *s)
{
  int64_t step = (int64_t) rng_below (&s->rng, 9) - 4;

  if (s->mean == 0)
    s->mean = 400;
  s->mean = (uint32_t) (s->mean + step);
  s->mean = s->mean < 150 ? 150 : s->mean > 720 ? 720 : s->mean;
  return s->mean * rng_between (&s->rng, 75, 125) / 100;
}

static void
make_truehd (struct sound *s, bool silent)
{
  size_t len = silent ? TRUEHD_SILENT : truehd_len (s), at = TRUEHD_HEAD;
  uint16_t time = (uint16_t) (s->units * TRUEHD_SAMPLES);

  s->key = s->units % TRUEHD_SYNC_UNITS == 0;
  s->len = len = len / 2 * 2;
  s->data[0] = (uint8_t) (len / 2 >> 8);
  s->data[1] = (uint8_t) (len / 2);
  s->data[2] = (uint8_t) (time >> 8);
  s->data[3] = (uint8_t) time;
  if (s->key) {
    memcpy (s->data + at, truehd_sync, sizeof truehd_sync);
    at += sizeof truehd_sync;
  }
  s->data[at] = (uint8_t) (0x20 | (len - at - TRUEHD_DIRECTORY) / 2 >> 8);
  s->data[at + 1] = (uint8_t) ((len - at - TRUEHD_DIRECTORY) / 2);
  s->data[0] |= (uint8_t) (check_nibble (s->data, at) << 4);
  at += TRUEHD_DIRECTORY;
  fill_noise (&s->rng, s->data + at, len - at);
}

void
sound_next (struct sound *s, bool silent)
{
  uint64_t rng = s->rng;

  if (silent)
    s->rng = SILENCE_SEED;
  if (s->kind == SOUND_AC3)
    make_frame (s, ac3_head, sizeof ac3_head, AC3_LEN);
  else if (s->kind == SOUND_DTS)
    make_frame (s, dts_head, sizeof dts_head, DTS_LEN);
  else
    make_truehd (s, silent);
  if (silent)
    s->rng = rng;
  s->units++;
}
