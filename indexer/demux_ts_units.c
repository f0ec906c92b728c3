/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PES packets and sections of a transport stream: see demux_ts_units.h.
 *
 * What starts with a start code is a PES packet, all else is a section.  A PMT is known
 * by its table_id, wherever it is, so the PAT has nothing to add and is not read.  No
 * check sums: a wrong PMT costs a match, as any mistake here does.
 *
 * PES_packet_length is not looked at to find the packet's end.  It is 0 for video, and a
 * conforming stream has nothing between that end and the next start; in others the length
 * is what is wrong.
 *
 * Blu-ray LPCM has a header of four bytes in each PES packet: size, channels and rate,
 * bits (Blu-ray Disc Read-Only Format, part 3).  It is left out where the PMT says
 * LPCM, and while no PMT was seen where it looks like one: a size that is exactly the
 * packet's, and values that exist.  For sound packets both rules agree, so
 * that a chunk with a PMT and one without go on where the other ended.
 */
#include "config.h"

#include <string.h>

#include "bytes.h"
#include "demux_ts_units.h"

enum {
  PRIVATE_STREAM_1 = 0xBD,
  PADDING_STREAM = 0xBE,
  EXTENDED_STREAM = 0xFD,
  PES_START = 6, /* start code, stream_id, PES_packet_length */
  PES_FIXED = 9, /* and flags, PES_header_data_length */
  STREAM_TYPE_LPCM = 0x80,
  LPCM_HEADER = 4,
  TABLE_PMT = 2,
  SECTION_START = 3, /* table_id, section_length */
  SECTION_CRC = 4,
};

void
ts_pid_init (struct ts_pid *s, uint16_t pid)
{
  s->pid = pid;
  s->state = TS_PAYLOAD;
  s->sub = s->skip = 0;
  s->gathered = 0;
}

/* ---- sections ---- */

/* Remember the stream types of a PMT (§2.4.4.8) of n bytes. */
static void
read_pmt (const uint8_t *p, size_t n, uint8_t *types)
{
  size_t at = 12;

  if (n < at + SECTION_CRC || p[0] != TABLE_PMT || !(p[5] & 1))
    return;
  at += get_be16 (p + 10) & 0xFFF;
  while (at + 5 <= n - SECTION_CRC) {
    types[get_be16 (p + at + 1) & (TS_PIDS - 1)] = p[at];
    at += 5 + (get_be16 (p + at + 3) & 0xFFF);
  }
}

/* How many bytes there are to come before more can be said; 0: the section is whole. */
static size_t
section_needs (const struct ts_pid *s)
{
  if (s->gathered < SECTION_START)
    return SECTION_START - s->gathered;
  return SECTION_START + (get_be16 (s->gather + 1) & 0xFFFU) - s->gathered;
}

/* Sections one behind the other.  Those too long for a PMT are counted through, to find
 * what is behind them; stuffing (FF) is one of them.
 */
static void
add_sections (struct ts_pid *s, const uint8_t *p, size_t len, uint8_t *types)
{
  while (len > 0) {
    size_t n = section_needs (s);

    if (n > len)
      n = len;
    if (s->gathered + n <= sizeof s->gather)
      memcpy (s->gather + s->gathered, p, n);
    s->gathered += (uint16_t) n;
    p += n;
    len -= n;
    if (section_needs (s) == 0) {
      if (s->gathered <= sizeof s->gather)
        read_pmt (s->gather, s->gathered, types);
      s->gathered = 0;
    }
  }
}

static void
take_sections (struct ts_pid *s, bool start, const uint8_t *p, size_t len, uint8_t *types)
{
  size_t at = 0;

  if (start) {
    at = 1 + (size_t) p[0]; /* pointer_field */
    if (at > len)
      at = len;
  }
  /* The end of what was begun: behind it nothing begins unannounced. */
  if (s->gathered)
    add_sections (s, start ? p + 1 : p, start ? at - 1 : len, types);
  if (start) {
    s->gathered = 0;
    add_sections (s, p + at, len - at, types);
  }
}

/* ---- PES packets ---- */

/* Does a PES packet of this id have flags and optional fields (§2.4.3.7)? */
static bool
has_flags (uint8_t stream_id)
{
  switch (stream_id) {
  case 0xBC: /* program_stream_map */
  case PADDING_STREAM:
  case 0xBF: /* private_stream_2: text subtitles, on Blu-ray */
  case 0xF0: /* ECM */
  case 0xF1: /* EMM */
  case 0xF2: /* DSM-CC */
  case 0xF8: /* H.222.1 type E */
  case 0xFF: /* directory */
    return false;
  default:
    return true;
  }
}

/* How many bytes of the header there are to come before more can be said; 0: none. */
static size_t
header_needs (const struct ts_pid *s)
{
  if (s->gathered < PES_START)
    return PES_START - s->gathered;
  if (!has_flags (s->gather[3]))
    return 0;
  if (s->gathered < PES_FIXED)
    return PES_FIXED - s->gathered;
  return PES_FIXED + (size_t) s->gather[8] - s->gathered;
}

/* stream_id_extension of a whole header h of n bytes, or what is none. */
static uint8_t
id_extension (const uint8_t *h, size_t n)
{
  static const uint8_t field_sizes[] = { 6, 3, 1, 1, 2 }; /* ESCR … PES_CRC */
  size_t at = PES_FIXED;
  uint8_t flags;

  if (!(h[7] & 1)) /* PES_extension_flag */
    return 0;
  at += h[7] & 0x80 ? 5 : 0; /* PTS */
  at += (h[7] & 0xC0) == 0xC0 ? 5 : 0;
  for (unsigned i = 0; i < sizeof field_sizes; i++)
    at += h[7] & 0x20 >> i ? field_sizes[i] : 0;
  if (at >= n)
    return 0;
  flags = h[at++];
  at += flags & 0x80 ? 16 : 0; /* PES_private_data */
  if (flags & 0x40 && at < n)  /* pack_header_field */
    at += 1 + (size_t) h[at];
  at += flags & 0x20 ? 2 : 0; /* program_packet_sequence_counter */
  at += flags & 0x10 ? 2 : 0; /* P-STD_buffer */
  if (!(flags & 1) || at + 2 > n || !(h[at] & 0x7F))
    return 0;
  return h[at + 1]; /* its highest bit says that it is none */
}

/* Is p[0, len) the start of an LPCM payload of `size` bytes in all? */
static bool
looks_like_lpcm (const uint8_t *p, size_t len, size_t size)
{
  unsigned channels, rate, bits;

  if (len < LPCM_HEADER || size <= LPCM_HEADER || get_be16 (p) != size - LPCM_HEADER)
    return false;
  channels = p[2] >> 4;
  rate = p[2] & 0xF;
  bits = p[3] >> 6;
  return (channels == 1 || (channels >= 3 && channels <= 11)) &&
         (rate == 1 || rate == 4 || rate == 5) && bits != 0;
}

/* The PES packet's header is whole, p[0, len) is what is behind it in the packet. */
static void
begin_payload (struct ts_pid *s, const uint8_t *p, size_t len, uint8_t type)
{
  const uint8_t *h = s->gather;
  size_t size = get_be16 (h + 4), behind = s->gathered - PES_START;

  s->state = TS_PAYLOAD;
  s->sub = s->skip = 0;
  if (!has_flags (h[3])) {
    if (h[3] == PADDING_STREAM)
      s->state = TS_LEFT_OUT;
    return;
  }
  if ((h[6] & 0xC0) != 0x80)
    s->state = TS_LEFT_OUT;
  else if (h[6] & 0x30)
    s->state = TS_SCRAMBLED;
  if (h[3] == EXTENDED_STREAM && id_extension (h, s->gathered) == TS_SUB_AC3_CORE)
    s->sub = TS_SUB_AC3_CORE;
  if (h[3] == PRIVATE_STREAM_1 &&
      (type ? type == STREAM_TYPE_LPCM
            : size > behind && looks_like_lpcm (p, len, size - behind)))
    s->skip = LPCM_HEADER;
}

/* Gather the header; returns how much of p[0, len) belongs to it. */
static size_t
take_header (struct ts_pid *s, const uint8_t *p, size_t len, uint8_t type)
{
  size_t at = 0, n;

  while (at < len && (n = header_needs (s)) > 0) {
    if (n > len - at)
      n = len - at;
    memcpy (s->gather + s->gathered, p + at, n);
    s->gathered += (uint16_t) n;
    at += n;
  }
  if (s->gathered >= 3 && memcmp (s->gather, "\0\0\1", 3) != 0)
    s->state = TS_LEFT_OUT;
  else if (header_needs (s) == 0)
    begin_payload (s, p + at, len - at, type);
  return at;
}

/* ---- either ---- */

static void
start_unit (struct ts_pid *s, const uint8_t *p, size_t len)
{
  /* Too little to tell: what it was before. */
  bool pes = len < 3 ? s->state != TS_SECTION : memcmp (p, "\0\0\1", 3) == 0;

  if (pes || s->state != TS_SECTION)
    s->gathered = 0;
  s->state = pes ? TS_PES_HEADER : TS_SECTION;
}

size_t
ts_unit (struct ts_pid *s, bool start, const uint8_t *p, size_t len, uint8_t *types)
{
  size_t at = 0;

  if (start)
    start_unit (s, p, len);
  if (s->state == TS_SECTION)
    take_sections (s, start, p, len, types);
  else if (s->state == TS_PES_HEADER)
    at = take_header (s, p, len, types[s->pid]);
  if (s->state != TS_PAYLOAD)
    return len;
  while (s->skip && at < len) {
    s->skip--;
    at++;
  }
  return at;
}

void
ts_unit_broken (struct ts_pid *s)
{
  s->gathered = 0;
  if (s->state == TS_PES_HEADER)
    s->state = TS_LEFT_OUT;
}
