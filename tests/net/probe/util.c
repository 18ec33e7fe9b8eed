#include "probe.h"

/* Small things. */

__attribute__((format(printf, 2, 3), noreturn)) void
die(int code, const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("probe: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(code);
}

void *must(void *p)
{
	if (p == NULL)
		die(2, "out of memory");
	return p;
}

__attribute__((format(printf, 1, 2))) char *
format_text(const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	return must(text);
}

void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t n = strlen(text);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, n) == (ssize_t)n;
	close(fd);
	return ok;
}

void sysctl(const char *name, const char *value)
{
	char path[200];

	snprintf(path, sizeof path, "/proc/sys/net/%s", name);
	if (!write_file(path, value) && option_verbose)
		fprintf(stderr, "probe: cannot write %s to %s: %s\n", value,
			path, strerror(errno));
}

void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET) != 0)
		die(2, "setns: %s", strerror(errno));
}

/* Runs a program with the text as standard input; its output in *output if
 * that is wanted. Returns the exit status. */
int run(const char *const argv[], const char *input, char **output)
{
	char name[] = "/tmp/portplan-probe.XXXXXX";
	int in = -1, out[2] = {-1, -1}, status = 0;
	size_t length = 0, room = 0;
	char *text = NULL;
	char *arguments[16] = {NULL};
	int i;
	pid_t pid;

	if (input != NULL) {
		in = mkstemp(name);
		if (in < 0)
			die(2, "mkstemp: %s", strerror(errno));
		unlink(name);
		if (write(in, input, strlen(input)) != (ssize_t)strlen(input) ||
		    lseek(in, 0, SEEK_SET) != 0)
			die(2, "temporary file: %s", strerror(errno));
	}
	if (output != NULL && pipe2(out, O_CLOEXEC) != 0)
		die(2, "pipe: %s", strerror(errno));
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die(2, "fork: %s", strerror(errno));
	if (pid == 0) {
		if (in >= 0)
			dup2(in, 0);
		dup2(output != NULL ? out[1] : 2, 1);
		for (i = 0; argv[i] != NULL && i < 15; i++)
			arguments[i] = must(strdup(argv[i]));
		execvp(argv[0], arguments);
		fprintf(stderr, "probe: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	if (in >= 0)
		close(in);
	if (output != NULL) {
		close(out[1]);
		for (;;) {
			ssize_t n;

			if (length + 65537 > room) {
				room = room * 2 + 65537;
				text = must(realloc(text, room));
			}
			n = read(out[0], text + length, room - length - 1);
			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0)
				break;
			length += (size_t)n;
		}
		text[length] = '\0';
		close(out[0]);
		*output = text;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

void run_batch(const char *const argv[], const char *input)
{
	int code = run(argv, input, NULL);

	if (code != 0)
		die(2, "%s failed (exit %d) on:\n%s", argv[0], code, input);
}
