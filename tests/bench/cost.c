/*
 * cost: runs a command, its output to /dev/null, and prints "CPU-SECONDS
 * PEAK-KB USER SYSTEM" (of it and what it waits for: user + system, largest
 * resident set, both apart). A program of its own because a child's peak is
 * that of its parent at the fork, if that was larger.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	struct rusage used;
	int status;
	pid_t pid = argc > 1 ? fork() : -1;

	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDOUT_FILENO);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) < 0)
		return 2;
	printf("%.6f %ld %.6f %.6f\n",
	       seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss,
	       seconds(used.ru_utime), seconds(used.ru_stime));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
