/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What else the machine did during a measurement: the CPU time that other
 * programs, and other guests of the same host, took meanwhile.
 */
#ifndef ZLAB_LOAD_H
#define ZLAB_LOAD_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct load - a time span; filled by load_begin()
 * @wall_ns: its start
 * @busy_ns: CPU time of the whole machine at its start
 * @own_ns: CPU time of this process and its children at its start
 */
struct load {
	uint64_t wall_ns, busy_ns, own_ns;
};

/** load_begin() - begin a time span. Allocates no memory */
void load_begin(struct load *l);

/**
 * load_others() - CPUs that others have kept busy since load_begin(), on average
 *
 * Children count as this process once they have been waited for. Return: 0 or
 * more; -1 if the span is shorter than a quarter of a second, too short for the
 * kernel's accounting, or if the kernel does not say.
 */
double load_others(const struct load *l);

/** load_cpus() - the number of CPUs that load_others() is a part of */
unsigned load_cpus(void);

/* Room for the text of load_note(). */
#define LOAD_NOTE 128

/**
 * load_note() - whether others kept more than a tenth of a machine busy
 * @others: from load_others(), on this machine or on another
 * @cpus: load_cpus() there
 * @text: receives what to tell about it, without a newline; empty if they did
 *	  not
 */
bool load_note(double others, double cpus, char text[LOAD_NOTE]);

#endif
