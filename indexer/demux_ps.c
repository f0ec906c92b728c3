/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MPEG program streams: packs and the packets in them, found by their lengths and
 * never by looking for start codes in payload (a NAV pack holds what looks like one).
 *
 * A chunk's packets are those of the packs that start in it, so the walk begins at
 * its first pack header; the packets before that belong to a pack of the chunk before.
 * Where a pack is not followed by another (the end of a VOB, the file system between
 * them, a bad sector) the next pack header is searched for.
 *
 * Packs of a disc are a sector.  In other files they may be megabytes (MPEG-1 wants a
 * pack header in 0.7 seconds, and not all multiplexers know that), more than a chunk has
 * behind it: what starts LONG_PACK bytes into a chunk is the chunk's own, though its
 * pack is not.  To get into a pack in its middle, a packet is believed to be one when
 * it leads to others.
 *
 * What is kept: audio (C0-DF), video (E0-EF), extended streams (FD) and private_stream_1
 * (BD).  DVD-Video puts a sub-stream id and a small header in front of each payload
 * of the latter, which are no part of the elementary stream and are left out.  An id that
 * nobody defined makes no stream of its own: the whole payload goes to sub-stream FF.
 *
 * Decided against: starting every chunk at a packet.  Where packs are short it finds
 * nothing more, and a few false ones: in sound, a packet's start code is four bytes
 * like any other.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "demux.h"

enum {
  PROGRAM_END = 0xB9,
  PACK_HEADER = 0xBA,
  PRIVATE_STREAM_1 = 0xBD,
  EXTENDED_STREAM = 0xFD,
  PACKET_HEADER = 6, /* start code and PES_packet_length */
};

/* The sub-stream that undefined ids of private_stream_1 share. */
#define SUB_OTHER 0xFF

/* How far into the next chunk the packets of a chunk's last pack are its own: so that the
 * longest of them is within reach. */
#define LONG_PACK ((size_t) CHUNK_OVERREAD - PACKET_HEADER - UINT16_MAX)

/* So many packets in a row are none by chance. */
#define PACKETS_IN_A_ROW 4

/* MPEG-1 allows up to 16 stuffing bytes in a packet's header. */
#define MAX_STUFFING 16

/* How private_stream_1 is divided: DVD-Video, and the ids HD DVD added. */
static const struct {
  uint8_t first, last;
  uint8_t header; /* bytes in front of the elementary stream, the id included */
  const char *name;
} sub_streams[] = {
  { 0x20, 0x3F, 1, "subpictures" }, { 0x80, 0x87, 4, "AC-3" },
  { 0x88, 0x8F, 4, "DTS" },         { 0x98, 0x9F, 4, "DTS" },
  { 0xA0, 0xAF, 7, "LPCM" },        { 0xB0, 0xBF, 5, "TrueHD" },
  { 0xC0, 0xCF, 4, "E-AC-3" },
};
#define N_SUB_STREAMS (sizeof sub_streams / sizeof sub_streams[0])

/* Bytes of the pack header at p (ISO/IEC 13818-1 table 2-33, 11172-1 §2.4.3.2); 0: it is
 * none.
 */
static size_t
pack_header (const uint8_t *p, size_t len)
{
  if (len < 12 || get_be32 (p) != (0x100 | PACK_HEADER))
    return 0;
  if ((p[4] & 0xF1) == 0x21 && p[6] & 1 && p[8] & 1 && p[9] & 0x80 && p[11] & 1)
    return 12;
  if (len >= 14 && (p[4] & 0xC4) == 0x44 && p[6] & 4 && p[8] & 4 && p[9] & 1 &&
      (p[12] & 3) == 3)
    return 14 + (p[13] & 7U);
  return 0;
}

/* The first pack header that starts in data[at, end), or `end`. */
static size_t
find_pack (const uint8_t *data, size_t len, size_t at, size_t end)
{
  size_t stop = len - end < 3 ? len : end + 3;

  /* The last byte of the start code is the rarest of the four. */
  for (size_t i = at + 3; i < stop; i++) {
    const uint8_t *p = memchr (data + i, PACK_HEADER, stop - i);

    if (!p)
      break;
    i = (size_t) (p - data);
    if (pack_header (data + i - 3, len - (i - 3)))
      return i - 3;
  }
  return end;
}

/* Is there a packet at p, the packets of a pack being those up to the next pack? */
static bool
is_packet (const uint8_t *p, size_t len)
{
  return len >= PACKET_HEADER && get_be16 (p) == 0 && p[2] == 1 && p[3] > PACK_HEADER;
}

static bool
is_video (uint8_t stream_id)
{
  return stream_id >= 0xE0 && stream_id <= 0xEF;
}

static bool
has_elementary_stream (uint8_t stream_id)
{
  return stream_id == PRIVATE_STREAM_1 || (stream_id >= 0xC0 && stream_id <= 0xDF) ||
         is_video (stream_id) || stream_id == EXTENDED_STREAM;
}

/* Bytes of an MPEG-1 packet header behind the length (11172-1 §2.4.3.3); > len:
 * malformed.
 */
static size_t
mpeg1_header (const uint8_t *p, size_t len)
{
  size_t i = 0;

  while (i < len && i < MAX_STUFFING && p[i] == 0xFF)
    i++;
  if (i + 2 < len && (p[i] & 0xC0) == 0x40)
    i += 2;
  if (i >= len)
    return len + 1;
  if ((p[i] & 0xF0) == 0x20)
    return i + 5;
  if ((p[i] & 0xF0) == 0x30)
    return i + 10;
  return p[i] == 0x0F ? i + 1 : len + 1;
}

/* The same for either kind; sets *scrambled. */
static size_t
packet_header (const uint8_t *p, size_t len, bool *scrambled)
{
  if (len < 3 || (p[0] & 0xC0) != 0x80)
    return mpeg1_header (p, len);
  *scrambled = p[0] & 0x30;
  return 3 + (size_t) p[2];
}

/* Which sub-stream a private_stream_1 payload is of, and how much of it is header. */
static uint8_t
sub_stream (const uint8_t *payload, size_t *header)
{
  for (size_t i = 0; i < N_SUB_STREAMS; i++)
    if (payload[0] >= sub_streams[i].first && payload[0] <= sub_streams[i].last) {
      *header = sub_streams[i].header;
      return payload[0];
    }
  *header = 0;
  return SUB_OTHER;
}

/* Take the payload of a packet: p[0, len) is what is behind its length field, at
 * `from` in the source. */
static void
take_packet (uint8_t stream_id, const uint8_t *p, size_t len, uint64_t from,
             struct demuxed *out)
{
  bool scrambled = false;
  size_t header = packet_header (p, len, &scrambled);
  uint8_t sub = 0;

  if (header >= len)
    return;
  out->packets++;
  if (scrambled) {
    out->scrambled++;
    out->scrambling |= SCRAMBLED_CSS;
    return;
  }
  if (stream_id == PRIVATE_STREAM_1) {
    size_t more;

    sub = sub_stream (p + header, &more);
    header += more;
    if (header >= len)
      return;
  }
  demuxed_add (out, (uint32_t) stream_id << 8 | sub, p + header, len - header,
               from + header);
}

/* The first start code of the system (of a pack, a packet, or the end) that is in
 * data[at, len), or `len`.
 */
static size_t
find_start_code (const uint8_t *data, size_t len, size_t at)
{
  /* The third byte of a start code is the rarest of video. */
  for (size_t i = at + 2; i + 1 < len; i++) {
    const uint8_t *p = memchr (data + i, 1, len - 1 - i);

    if (!p)
      break;
    i = (size_t) (p - data);
    if (p[1] >= PROGRAM_END && p[-1] == 0 && p[-2] == 0)
      return i - 2;
  }
  return len;
}

static bool
has_no_length (const uint8_t *p)
{
  return get_be16 (p + 4) == 0 && is_video (p[3]);
}

/*
 * Bytes of the packet at p behind its length field, which may be more than there are.
 * A length of 0 is allowed for video in transport streams only, but done in program
 * streams too: the packet ends at the next start code of the system.  Video has none
 * of its own: values from B9 are the system's (13818-2 table 6-1), and no NAL unit's
 * header has its first bit set.
 */
static size_t
packet_body (const uint8_t *p, size_t len)
{
  size_t n = get_be16 (p + 4);

  if (has_no_length (p))
    n = find_start_code (p, len, PACKET_HEADER) - PACKET_HEADER;
  return n;
}

/*
 * Walk the packets from `at` to the end of their pack, or to the first that starts at
 * `stop` <= len or behind it, taking what they hold unless `out` is NULL.  Returns where
 * that is.  A packet that reaches beyond the data is cut there: the source's end is
 * the only place where that happens to a sound one.
 */
static size_t
walk_packets (const uint8_t *data, size_t len, size_t at, size_t stop, uint64_t base,
              struct demuxed *out)
{
  while (at < stop && is_packet (data + at, len - at)) {
    const uint8_t *p = data + at;
    size_t body = at + PACKET_HEADER;
    size_t n = packet_body (p, len - at);

    if (n > len - body)
      n = len - body;
    if (out && has_elementary_stream (p[3]))
      take_packet (p[3], p + PACKET_HEADER, n, base + body, out);
    at = body + n;
  }
  return at;
}

/* Does what looks like a packet at `at` lead to others, or to a pack?  Where one without length
 * ends is looked for if it is the first, as that is where the next to be asked about is; that
 * of a later one would be looked for again by all who lead to it, and is believed in.
 */
static bool
leads_on (const uint8_t *data, size_t len, size_t at)
{
  for (unsigned n = 0; n < PACKETS_IN_A_ROW; n++) {
    if (at >= len || !is_packet (data + at, len - at))
      return n > 0 && (at >= len || pack_header (data + at, len - at));
    if (n > 0 && has_no_length (data + at))
      return true;
    at += PACKET_HEADER + packet_body (data + at, len - at);
  }
  return true;
}

/* The first packet that starts in data[at, end), the middle of a pack, or `end`. */
static size_t
find_packet (const uint8_t *data, size_t len, size_t at, size_t end)
{
  while (at < end && (at = find_start_code (data, len, at)) < end &&
         !leads_on (data, len, at))
    at++;
  return at < end ? at : end;
}

static void
ps_chunk (const uint8_t *data, size_t before, size_t len, size_t owned, uint64_t base,
          struct demuxed *out)
{
  size_t at = find_pack (data, len, 0, owned);
  size_t stop = len - owned < LONG_PACK ? len : owned + LONG_PACK;

  (void) before;
  if (at > LONG_PACK) {
    at = find_packet (data, len, LONG_PACK, at);
    at = walk_packets (data, len, at, stop, base, out);
  }
  while (at < owned) {
    size_t header = pack_header (data + at, len - at);

    if (!header)
      at = find_pack (data, len, at, owned);
    else
      at = walk_packets (data, len, at + header, stop, base, out);
  }
}

/* Two packs with packets in them, or one that goes on to the data's end: four bytes
 * of start code, the marker bits and another start code are never there by chance. */
static bool
ps_probe (const uint8_t *data, size_t len, uint64_t offset)
{
  unsigned packs = 0;
  size_t at = 0;

  (void) offset;
  while (packs < 2 && (at = find_pack (data, len, at, len)) < len) {
    size_t packets = at + pack_header (data + at, len - at);

    at = walk_packets (data, len, packets, len, 0, NULL);
    if (at > packets)
      packs += at >= len ? 2 : 1;
  }
  return packs >= 2;
}

static const char *
ps_describe (uint32_t key, char *buf, size_t size)
{
  uint8_t id = (uint8_t) (key >> 8), sub = (uint8_t) key;
  const char *name = "private data";

  if (id == PRIVATE_STREAM_1) {
    for (size_t i = 0; i < N_SUB_STREAMS; i++)
      if (sub >= sub_streams[i].first && sub <= sub_streams[i].last)
        name = sub_streams[i].name;
    snprintf (buf, size, "%s %02X", name, sub);
  }
  else {
    name = id >= 0xF0 ? "extended stream" : id >= 0xE0 ? "MPEG video" : "MPEG audio";
    snprintf (buf, size, "%s %02X", name, id);
  }
  return buf;
}

const struct demuxer demuxer_ps = {
  .name = "MPEG program stream",
  .probe = ps_probe,
  .after = CHUNK_OVERREAD,
  .chunk = ps_chunk,
  .describe = ps_describe,
};
