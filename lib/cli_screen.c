/* cli_screen.c - a terminal that shows one frame in place of the one before, and tells
 * of keys.
 * Invariant: however the program ends or stops, the terminal is left as it was.  What
 * would end or stop it comes as an event (a signalfd), so nothing happens half way.
 */
#include "cli_follow.h"

#include "cli_own.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

/* Another screen, no cursor, long lines cut: and back. */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"
#define CLEAR "\033[H\033[J"

static struct {
	bool on;
	bool passes;                    /* the next SIGINT */
	int tty, signals;               /* -1: none */
	struct termios before;
	sigset_t caught, mask;
} screen;

static void raw_keys(void)
{
	struct termios raw = screen.before;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	if (screen.tty >= 0)
		tcsetattr(screen.tty, TCSADRAIN, &raw);
}

static void enter(void)
{
	raw_keys();
	fputs(ENTER, stdout);
	fflush(stdout);
}

static void leave(void)
{
	fputs(LEAVE, stdout);
	fflush(stdout);
	if (screen.tty >= 0)
		tcsetattr(screen.tty, TCSADRAIN, &screen.before);
}

void cli_screen_begin(int wake[2])
{
	static const int number[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT,
		SIGWINCH };
	struct sigaction old;

	screen.tty = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (screen.tty >= 0 && tcgetattr(screen.tty, &screen.before)) {
		close(screen.tty);
		screen.tty = -1;
	}
	sigemptyset(&screen.caught);
	for (size_t i = 0; i < sizeof(number) / sizeof(*number); i++) {
		if (sigaction(number[i], NULL, &old) || old.sa_handler == SIG_IGN)
			continue;
		sigaddset(&screen.caught, number[i]);
		screen.passes |= number[i] == SIGINT && old.sa_handler != SIG_DFL;
	}
	sigprocmask(SIG_BLOCK, &screen.caught, &screen.mask);
	screen.signals = signalfd(-1, &screen.caught, SFD_NONBLOCK | SFD_CLOEXEC);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16); /* a frame is one write */
	screen.on = true;
	atexit(cli_screen_end);
	enter();
	wake[0] = screen.tty;
	wake[1] = screen.signals;
}

void cli_screen_end(void)
{
	if (!screen.on)
		return;
	screen.on = false;
	leave();
	sigprocmask(SIG_SETMASK, &screen.mask, NULL);
}

void cli_screen_frame(void)
{
	fputs(CLEAR, stdout);
}

/* The first Ctrl-C, if cli_input has found that it is for the writer of a pipe. */
static bool passes(int number)
{
	bool first = number == SIGINT && screen.passes;

	if (first)
		screen.passes = false;
	return first;
}

/* As if it had not been caught. */
static void deliver(int number)
{
	sigset_t one;

	leave();
	sigemptyset(&one);
	sigaddset(&one, number);
	signal(number, SIG_DFL);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	sigprocmask(SIG_BLOCK, &one, NULL);     /* stopped, and continued */
	enter();
}

int cli_screen_event(void)
{
	struct signalfd_siginfo info;
	unsigned char key;

	if (screen.signals >= 0 && read(screen.signals, &info, sizeof(info)) == sizeof(info)) {
		int number = (int)info.ssi_signo;

		if (number == SIGCONT)  /* a shell has had the terminal meanwhile */
			raw_keys();
		else if (number != SIGWINCH && !passes(number))
			deliver(number);
		return CLI_REDRAW;
	}
	if (screen.tty >= 0 && read(screen.tty, &key, 1) == 1)
		return key ? key : CLI_REDRAW;
	return CLI_NO_EVENT;
}
