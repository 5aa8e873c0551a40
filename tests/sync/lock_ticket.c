// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sync/lock_desc.h"

SPIN_DESC(ticket);
