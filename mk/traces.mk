# SPDX-License-Identifier: GPL-2.0-or-later

# The loops over a block's columns are written to be vectorised, which -O2 does
# not do.
CFLAGS_traces_column := -O3
CFLAGS_traces_zlt_read := -O3
