// SPDX-License-Identifier: GPL-2.0-or-later
/* A shared object that is no backend. */
extern const int not_a_backend;
const int not_a_backend = 1;
