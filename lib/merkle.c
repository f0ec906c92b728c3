/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SHA-256 Merkle trees: see merkle.h.
 *
 * The algorithm is fetched once a process: fetching it at each call, which is what
 * EVP_sha256 () and SHA256 () come to with OpenSSL 3, costs more than half a microsecond
 * a block, where hashing it costs two on a processor with SHA instructions.  A
 * context is made once a group and used for its 129 digests; keeping one a
 * thread was measured to gain nothing more.  The low-level SHA256_Init () family is
 * 0.2 microseconds a block faster still, but deprecated.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include <openssl/evp.h>

#include "bytes.h"
#include "merkle.h"

/* The fs-verity descriptor, version 1: Linux's include/uapi/linux/fsverity.h and
 * Documentation/filesystems/fsverity.rst.  Unnamed bytes are zero.
 */
#define DESCRIPTOR_SIZE 256
#define DESCRIPTOR_VERSION 0
#define DESCRIPTOR_ALGORITHM 1
#define DESCRIPTOR_LOG_BLOCKSIZE 2
#define DESCRIPTOR_DATA_SIZE 8
#define DESCRIPTOR_ROOT 16
#define FSVERITY_VERSION_1 1
#define FSVERITY_SHA256 1
#define MERKLE_BLOCK_LOG2 12

static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256_md; /* kept to the end of the process; NULL: not to be had */

static void
sha256_fetch (void)
{
  sha256_md = EVP_MD_fetch (NULL, "SHA256", NULL);
}

static void
cleanup_ctx (EVP_MD_CTX **ctx)
{
  EVP_MD_CTX_free (*ctx);
}

#define CLEANUP_CTX __attribute__ ((cleanup (cleanup_ctx)))

static EVP_MD_CTX *
sha256_new (struct error *err)
{
  EVP_MD_CTX *ctx;

  pthread_once (&sha256_once, sha256_fetch);
  if (!sha256_md) {
    error_set (err, 0, "libcrypto offers no SHA-256");
    return NULL;
  }
  ctx = EVP_MD_CTX_new ();
  if (!ctx)
    error_set (err, ENOMEM, "SHA-256");
  return ctx;
}

static int
sha256 (EVP_MD_CTX *ctx, const void *data, size_t len, uint8_t *digest, struct error *err)
{
  if (EVP_DigestInit_ex2 (ctx, sha256_md, NULL) != 1 ||
      EVP_DigestUpdate (ctx, data, len) != 1 ||
      EVP_DigestFinal_ex (ctx, digest, NULL) != 1)
    return error_set (err, 0, "SHA-256 failed in libcrypto");
  return 0;
}

/* The digest of `len` <= MERKLE_BLOCK bytes, padded with zeros to a block. */
static int
digest_block (EVP_MD_CTX *ctx, const uint8_t *data, size_t len, uint8_t *digest,
              struct error *err)
{
  uint8_t padded[MERKLE_BLOCK];

  if (len < MERKLE_BLOCK) {
    memcpy (padded, data, len);
    memset (padded + len, 0, sizeof padded - len);
    data = padded;
  }
  return sha256 (ctx, data, MERKLE_BLOCK, digest, err);
}

uint64_t
merkle_parents (uint64_t n)
{
  return n / MERKLE_FANOUT + (n % MERKLE_FANOUT != 0);
}

/* Digest number `i` of the level above `below`, which has n digests. */
static int
digest_parent (EVP_MD_CTX *ctx, const uint8_t *below, uint64_t n, uint64_t i,
               uint8_t *digest, struct error *err)
{
  uint64_t first = i * MERKLE_FANOUT;
  uint64_t count = n - first < MERKLE_FANOUT ? n - first : MERKLE_FANOUT;

  return digest_block (ctx, below + first * MERKLE_DIGEST, count * MERKLE_DIGEST, digest,
                       err);
}

uint64_t
merkle_groups (uint64_t size)
{
  return size / MERKLE_GROUP + (size % MERKLE_GROUP != 0);
}

uint64_t
merkle_stored_len (uint64_t size)
{
  uint64_t n = merkle_groups (size);
  uint64_t total = n;

  if (size == 0)
    return MERKLE_DIGEST;
  while (n > 1) {
    n = merkle_parents (n);
    total += n;
  }
  return total * MERKLE_DIGEST;
}

/* The digests of a group's blocks, to the front of level0. */
static int
digest_blocks (EVP_MD_CTX *ctx, const uint8_t *data, size_t len, uint8_t *level0,
               struct error *err)
{
  size_t n;

  for (size_t at = 0; at < len; at += n) {
    n = len - at < MERKLE_BLOCK ? len - at : MERKLE_BLOCK;
    if (digest_block (ctx, data + at, n, level0 + at / MERKLE_BLOCK * MERKLE_DIGEST,
                      err) == -1)
      return -1;
  }
  return 0;
}

int
merkle_group_level0 (const uint8_t *data, size_t len, uint8_t level0[MERKLE_BLOCK],
                     struct error *err)
{
  CLEANUP_CTX EVP_MD_CTX *ctx = sha256_new (err);

  if (!ctx)
    return -1;
  memset (level0, 0, MERKLE_BLOCK);
  return digest_blocks (ctx, data, len, level0, err);
}

int
merkle_group_digest (const uint8_t *data, size_t len, uint64_t image_size,
                     uint8_t digest[MERKLE_DIGEST], struct error *err)
{
  CLEANUP_CTX EVP_MD_CTX *ctx = sha256_new (err);
  uint8_t level0[MERKLE_BLOCK] = { 0 };

  if (!ctx)
    return -1;
  if (image_size == 0) {
    memset (digest, 0, MERKLE_DIGEST);
    return 0;
  }
  if (image_size <= MERKLE_BLOCK)
    return digest_block (ctx, data, len, digest, err);
  if (digest_blocks (ctx, data, len, level0, err) == -1)
    return -1;
  return sha256 (ctx, level0, sizeof level0, digest, err);
}

int
merkle_parent (const uint8_t *digests, size_t n, uint8_t digest[MERKLE_DIGEST],
               struct error *err)
{
  CLEANUP_CTX EVP_MD_CTX *ctx = sha256_new (err);

  return ctx ? digest_block (ctx, digests, n * MERKLE_DIGEST, digest, err) : -1;
}

int
merkle_finish (uint8_t *stored, uint64_t size, struct error *err)
{
  CLEANUP_CTX EVP_MD_CTX *ctx = sha256_new (err);
  uint64_t n, i;
  uint8_t *above;

  if (!ctx)
    return -1;
  if (size == 0)
    memset (stored, 0, MERKLE_DIGEST);
  for (n = merkle_groups (size); n > 1; n = merkle_parents (n), stored = above) {
    above = stored + n * MERKLE_DIGEST;
    for (i = 0; i < merkle_parents (n); i++)
      if (digest_parent (ctx, stored, n, i, above + i * MERKLE_DIGEST, err) == -1)
        return -1;
  }
  return 0;
}

int
merkle_check_levels (const uint8_t *stored, uint64_t size, struct error *err)
{
  static const uint8_t zeros[MERKLE_DIGEST];
  CLEANUP_CTX EVP_MD_CTX *ctx = sha256_new (err);
  uint8_t digest[MERKLE_DIGEST];
  const uint8_t *above;
  unsigned level = 1;
  uint64_t n, i;

  if (!ctx)
    return -1;
  if (size == 0 && memcmp (stored, zeros, MERKLE_DIGEST) != 0)
    return error_set (err, 0, "Merkle root of an empty image is not zero");
  for (n = merkle_groups (size); n > 1; n = merkle_parents (n), stored = above) {
    above = stored + n * MERKLE_DIGEST;
    level++;
    for (i = 0; i < merkle_parents (n); i++) {
      if (digest_parent (ctx, stored, n, i, digest, err) == -1)
        return -1;
      if (memcmp (digest, above + i * MERKLE_DIGEST, MERKLE_DIGEST) != 0)
        return error_set (
          err, 0, "Merkle level %u, digest %" PRIu64 ": is not that of the level below",
          level, i);
    }
  }
  return 0;
}

const uint8_t *
merkle_root (const uint8_t *stored, uint64_t size)
{
  return stored + merkle_stored_len (size) - MERKLE_DIGEST;
}

int
merkle_fsverity_digest (const uint8_t root[MERKLE_DIGEST], uint64_t size,
                        uint8_t digest[MERKLE_DIGEST], struct error *err)
{
  CLEANUP_CTX EVP_MD_CTX *ctx = sha256_new (err);
  uint8_t descriptor[DESCRIPTOR_SIZE] = { 0 };

  if (!ctx)
    return -1;
  descriptor[DESCRIPTOR_VERSION] = FSVERITY_VERSION_1;
  descriptor[DESCRIPTOR_ALGORITHM] = FSVERITY_SHA256;
  descriptor[DESCRIPTOR_LOG_BLOCKSIZE] = MERKLE_BLOCK_LOG2;
  put_le64 (descriptor + DESCRIPTOR_DATA_SIZE, size);
  memcpy (descriptor + DESCRIPTOR_ROOT, root, MERKLE_DIGEST);
  return sha256 (ctx, descriptor, sizeof descriptor, digest, err);
}

void
merkle_hex (const uint8_t *digest, size_t n, char *hex)
{
  static const char digits[] = "0123456789abcdef";
  size_t i;

  for (i = 0; i < n; i++) {
    hex[2 * i] = digits[digest[i] >> 4];
    hex[2 * i + 1] = digits[digest[i] & 15];
  }
  hex[2 * n] = '\0';
}
