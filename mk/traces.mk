# SPDX-License-Identifier: GPL-2.0-or-later

# The loops over a block's columns are written to be vectorised, which -O2 does
# not do.
CFLAGS_traces_column := -O3
CFLAGS_traces_zlt_read := -O3

# The test makes the n-th call of any of these fail.
NOMEM_CALLS := malloc calloc realloc strdup strndup asprintf ZSTD_createCCtx \
	ZSTD_createDCtx JudyLIns Judy1Set json_dumps json_object
$(B)/tests/test_zlt_nomem: LDFLAGS += \
	$(addprefix -Wl$(comma)--wrap=,$(NOMEM_CALLS))
