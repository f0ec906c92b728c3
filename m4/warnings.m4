# SPDX-License-Identifier: BSD-3-Clause

# MKVDUP_WARNINGS(FLAG...)
# ------------------------
# Add to WARN_CFLAGS each FLAG that the compiler takes: gcc and clang differ.
AC_DEFUN([MKVDUP_WARNINGS],
[m4_foreach_w([flag], [$1], [MKVDUP_TRY_WARNING(flag)])])

AC_DEFUN([MKVDUP_TRY_WARNING],
[AS_VAR_PUSHDEF([cache], [mkvdup_cv_cflag_$1])
AC_CACHE_CHECK([whether $CC takes $1], [cache],
  [mkvdup_saved_CFLAGS=$CFLAGS
   CFLAGS="$CFLAGS -Werror $1"
   AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
     [AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
   CFLAGS=$mkvdup_saved_CFLAGS])
AS_VAR_IF([cache], [yes], [WARN_CFLAGS="$WARN_CFLAGS $1"])
AS_VAR_POPDEF([cache])])
