# SPDX-License-Identifier: BSD-3-Clause
# Included by each Makefile.am: what all compiling and linking has in common.

AM_CPPFLAGS = \
	-I$(top_builddir) \
	-I$(top_srcdir)/lib
AM_CFLAGS = \
	-std=gnu11 \
	$(WARN_CFLAGS) \
	$(SAN_CFLAGS)
AM_LDFLAGS = $(SAN_LDFLAGS)

# What server and tools share, with the libraries it needs.
LIBCOMMON_LIBS = \
	$(top_builddir)/lib/libcommon.la
LIBINDEXER_LIBS = \
	$(top_builddir)/indexer/libindexer.la \
	$(LIBCOMMON_LIBS)

# Fuzz targets build some files for themselves, with limits that their inputs reach.
SMALL_RIP = -DRIP_SMALL=256u -DFIRST_VISITS=8u -DMOST_VISITS=32u -DEVEN_DISTANCE=64u
SMALL_UDF = \
	-DMAX_READS=256 -DPROBE_WHOLE=2048u -DPROBE_START=2048u -DPROBE_PLACE=2048u \
	-DPROBE_FILES=64u -DPROBE_PLACES=8u
