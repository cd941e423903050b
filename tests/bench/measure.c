/*
 * measure LOAD RUNS PROGRAM ARGUMENT...: runs a program without output and prints two results,
 *
 *   RESULT <tab> load <tab> program and arguments <tab> cpu_us <tab> median CPU time in microseconds
 *   RESULT <tab> load <tab> program and arguments <tab> rss_kib <tab> largest resident memory in KiB
 *
 * It is small and static because the child's memory before execvp() counts as the program's.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WARM_UPS = 2, MAX_RUNS = 100 };

static int ascending(const void *left, const void *right)
{
	long a = *(const long *)left, b = *(const long *)right;

	return (a > b) - (a < b);
}

static void print_result(char **argv, const char *quantity, long value)
{
	printf("RESULT\t%s\t", argv[1]);
	for (char **word = argv + 3; *word; word++)
		printf("%s%s", word == argv + 3 ? "" : " ", *word);
	printf("\t%s\t%ld\n", quantity, value);
}

int main(int argc, char **argv)
{
	int runs = argc > 3 ? atoi(argv[2]) : 0, null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	long cpu_us[MAX_RUNS], resident = 0;

	if (runs < 1 || runs > MAX_RUNS || null < 0)
		return 2;
	for (int run = -WARM_UPS; run < runs; run++) {
		struct rusage usage;
		int status;
		pid_t child = vfork();

		if (child == 0) {
			dup2(null, STDOUT_FILENO);
			execvp(argv[3], argv + 3);
			_exit(127);
		}
		if (child < 0 || wait4(child, &status, 0, &usage) < 0 || status != 0)
			return 1;
		if (run < 0)
			continue;
		cpu_us[run] = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec +
			usage.ru_stime.tv_usec;
		if (usage.ru_maxrss > resident)
			resident = usage.ru_maxrss;
	}
	qsort(cpu_us, runs, sizeof(cpu_us[0]), ascending);
	print_result(argv, "cpu_us", cpu_us[runs / 2]);
	print_result(argv, "rss_kib", resident);
	return 0;
}
