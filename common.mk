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

# The libraries libmkvdup needs, for whoever links with it.
LIBMKVDUP_LIBS = \
	$(top_builddir)/lib/libmkvdup.la
LIBINDEXER_LIBS = \
	$(top_builddir)/indexer/libindexer.la \
	$(LIBMKVDUP_LIBS)
