// SPDX-License-Identifier: GPL-2.0-or-later
/* Reports that a backend, or a codec, has ended the process. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/replay/internal.h"
#include "harness/replay/watch.h"
#include "harness/swap/codec.h"
#include "lib/text.h"

extern char __executable_start[], etext[];

#define COMMAND_MAX 2048
#define STACK_BYTES 65536

static const int signals[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL };
#define NR_SIGNALS (sizeof(signals) / sizeof(signals[0]))

/* The replay being watched; set before the handler can run. */
static const struct replay *volatile watched;
static struct sigaction before[NR_SIGNALS];
static char command[COMMAND_MAX];
static char stack[STACK_BYTES];
static pid_t watched_pid;
/* The same as in @watched, escaped beforehand. */
static struct text backend, trace;
/* The process of main(), until it has returned. */
static pid_t running;
/* The thread that ends the process and says so; 0 before. */
static pid_t teller;

/* A line composed without C library calls, which a handler must avoid. */
struct note {
	char text[COMMAND_MAX + 2048];
	size_t len;
};

static void put(struct note *n, const char *text)
{
	for (; *text && n->len < sizeof(n->text) - 1; text++)
		n->text[n->len++] = *text;
}

static void put_number(struct note *n, uint64_t value)
{
	char digits[24];
	size_t at = sizeof(digits);

	digits[--at] = '\0';
	do
		digits[--at] = (char)('0' + value % 10);
	while (value /= 10);
	put(n, digits + at);
}

/*
 * With one worker, the count of operations begun gives the event. With several
 * workers, only the last event that the slowest one has passed is known.
 */
static void put_place(struct note *n, const struct replay *r)
{
	const struct replay_worker *w = r->workers;
	uint64_t event = UINT64_MAX;
	unsigned i, threads = r->config->threads;
	const uint64_t *op;

	if (!w || !w->cpu) {
		put(n, r->res->events ? "behind the last event"
				      : "before the first event");
		return;
	}
	if (threads == 1) {
		op = w->cpu->counts.op;
		event = w->events + op[ZLT_STORE] + op[ZLT_LOAD] +
			op[ZLT_INVALIDATE] - w->ops_done;
		put(n, event < r->end ? "in event " : "behind event ");
	} else {
		for (i = 0; i < threads; i++)
			event = w[i].events < event ? w[i].events : event;
		put(n, "behind event ");
	}
	put_number(n, event);
	put(n, " of ");
	put_number(n, r->end);
}

/* @r: NULL outside a replay */
static void tell(const struct replay *r, const char *how, int sig)
{
	static struct note n;
	ssize_t written;

	n.len = 0;
	put(&n, "zlab: ");
	if (codec_running()) {
		put(&n, "codec ");
		put(&n, codec_running());
	} else {
		put(&n, "backend");
		put(&n, r ? " " : "'s code");
		put(&n, r ? backend.to : "");
	}
	put(&n, how);
	if (sig) {
		put(&n, " ");
		put_number(&n, (uint64_t)sig);
		put(&n, ", SIG");
		put(&n, sigabbrev_np(sig));
		put(&n, ",");
	}
	if (r) {
		put(&n, " ");
		put_place(&n, r);
		put(&n, ", trace ");
		put(&n, trace.to);
	}
	put(&n, "; again: ");
	put(&n, command);
	n.text[n.len++] = '\n';
	written = write(STDERR_FILENO, n.text, n.len);
	(void)written;
}

/*
 * The first thread that ends the process tells of it; each other one waits for
 * the end, which it would else bring before the line is written. False: this
 * thread has told already.
 */
static bool become_teller(void)
{
	pid_t is = 0, me = gettid();

	if (__atomic_compare_exchange_n(&teller, &is, me, false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return true;
	while (is != me)
		pause();
	return false;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	size_t i;

	if (watched_pid == getpid() && become_teller() && watched)
		tell(watched, " was ended by signal", sig);
	watched = NULL;
	for (i = 0; i < NR_SIGNALS; i++)
		sigaction(signals[i], &before[i], NULL);
	/* A fault recurs on return, which keeps its state for a debugger. */
	if (info->si_code <= 0 || sig == SIGABRT)
		raise(sig);
}

/*
 * Whether an end of the process was reported as a backend's. @ours: outside a
 * replay it may also be an end of the program's own
 */
static bool report_end(const char *how, bool ours)
{
	pid_t pid = getpid();
	const struct replay *r = watched_pid == pid ? watched : NULL;

	if (watched_pid != pid && running != pid)
		return false;
	if (!r && !teller && (running != pid || ours))
		return false;
	if (!become_teller())
		return false;
	watched = NULL;
	running = 0;
	tell(r, how, 0);
	return true;
}

static void on_exit_call(int status, void *arg)
{
	/* An error of the program's own has had its line. */
	if (report_end(" ended the program by exit()", status))
		_exit(EXIT_FAILED);
}

static void on_quick_exit(void)
{
	on_exit_call(EXIT_SUCCESS, NULL);
}

/* By the linker's names: a signal handler must not ask the dynamic linker. */
static bool in_program(const void *address)
{
	uintptr_t at = (uintptr_t)address;

	return at - (uintptr_t)__executable_start <
	       (uintptr_t)etext - (uintptr_t)__executable_start;
}

/*
 * _exit() runs no handlers. A shared object that calls it finds this one before
 * the C library's.
 */
void _exit(int status)
{
	if (!in_program(__builtin_return_address(0)) &&
	    report_end(" ended the program by _exit()", false))
		status = EXIT_FAILED;
	for (;;)
		syscall(SYS_exit_group, status);
}

void _Exit(int status) __attribute__((alias("_exit")));

static bool plain(const char *word)
{
	return *word && !word[strspn(word, "abcdefghijklmnopqrstuvwxyz"
					   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789@%+=:,./_-")];
}

static void add_word(const char *word)
{
	size_t len = strlen(command);
	const char *quote = plain(word) ? "" : "'";

	snprintf(command + len, sizeof(command) - len, " %s%s%s", quote,
		 PLAIN(word), quote);
}

/* Number of words from @word on that a parent zlab added for itself. */
static int private_words(const char *word, const char *next)
{
	if (!strcmp(word, "--quiet"))
		return 1;
	if (!strcmp(word, "--sha256"))
		return 2;
	return !strcmp(word, "--json") && next && !strcmp(next, "-") ? 2 : 0;
}

/* Note the command line, quoted for a shell. */
static void note_command(void)
{
	char words[COMMAND_MAX / 2], *at, *next, *end;
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC), skip = 1;
	ssize_t n = fd < 0 ? -1 : read(fd, words, sizeof(words) - 1);

	if (fd >= 0)
		close(fd);
	snprintf(command, sizeof(command), "zlab");
	words[n < 0 ? 0 : n] = '\0';
	end = words + (n < 0 ? 0 : n);
	for (at = words; at < end; at = next) {
		next = at + strlen(at) + 1;
		if (!skip)
			skip = private_words(at, next < end ? next : NULL);
		if (skip)
			skip--;
		else
			add_word(at);
	}
}

/*
 * Each of @threads that calls exit() takes one handler off the list: with fewer
 * handlers, the second thread would end the process before the first one's line.
 */
static void listen(unsigned threads)
{
	static unsigned registered;

	note_command();
	while (registered < threads && !on_exit(on_exit_call, NULL) &&
	       !at_quick_exit(on_quick_exit))
		registered++;
}

void watch_start(void)
{
	listen(1);
	running = getpid();
}

void watch_stop(void)
{
	running = 0;
}

static void copy(struct text *to, const char *text)
{
	snprintf(to->to, sizeof(to->to), "%s", PLAIN(text));
}

void watch_begin(const struct replay *r)
{
	struct sigaction sa = { .sa_sigaction = on_signal,
				.sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) }, old;
	size_t i;

	if (watched)
		return;
	listen(r->config->threads + 1);
	copy(&backend, r->config->swap.backend);
	copy(&trace, r->config->trace);
	/* Keep the alternate stack of a sanitizer. */
	if (!sigaltstack(NULL, &old) && old.ss_flags & SS_DISABLE)
		sigaltstack(&ss, NULL);
	watched_pid = getpid();
	watched = r;
	for (i = 0; i < NR_SIGNALS; i++)
		sigaction(signals[i], &sa, &before[i]);
}

void watch_end(const struct replay *r)
{
	size_t i;

	if (watched != r)
		return;
	watched = NULL;
	for (i = 0; i < NR_SIGNALS; i++)
		sigaction(signals[i], &before[i], NULL);
}
