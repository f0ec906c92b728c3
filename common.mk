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
