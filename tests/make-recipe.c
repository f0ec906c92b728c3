/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * make-recipe IMAGE SOURCE NAME OUT [ZLIB]: a recipe as block-recipe.h says, which calls the
 * source NAME, and has a version of zlib if it is given one.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "block-recipe.h"

int
main (int argc, char **argv)
{
  static char key[] = "note", value[] = "made by \"make-recipe\" \xff\x1b[31m";
  struct error err = ERROR_INIT;

  if (argc != 5 && argc != 6)
    return 2;
  if (block_recipe_write (&(struct block_recipe){ .image = argv[1],
                                                  .source = argv[2],
                                                  .name = argv[3],
                                                  .zlib = argv[5], /* or NULL */
                                                  .note = { key, value } },
                          argv[4], &err) == -1) {
    fprintf (stderr, "make-recipe: %s\n", err.text);
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
