/*
 * steps SYMBOLS PROGRAM ARGUMENT...: runs a static program step by step, without output, and prints one line of
 *
 *   RAN <tab> function <tab> instructions
 *
 * for each function that it came by. SYMBOLS has a line of address and size, both hexadecimal, and name for each function,
 * by address; `nm -nS` prints them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 60000, LONGEST = 1000 };

static struct function {
	unsigned long start, size, ran;
	char *name;
} functions[MOST];
static int count;

static void read_symbols(const char *path)
{
	FILE *file = fopen(path, "r");
	static char name[LONGEST + 1];
	unsigned long start, size;

	if (!file)
		exit(2);
	while (count < MOST && fscanf(file, "%lx %lx %*c %1000s\n", &start, &size, name) == 3) {
		char *copy = NULL;

		if (asprintf(&copy, "%s", name) < 0)
			exit(2);
		functions[count++] = (struct function){ .start = start, .size = size, .name = copy };
	}
	fclose(file);
}

static void came_by(unsigned long address)
{
	int low = 0, high = count;

	while (high - low > 1) {
		int middle = (low + high) / 2;

		if (functions[middle].start <= address)
			low = middle;
		else
			high = middle;
	}
	/* Several names may have one address. */
	for (; low >= 0 && functions[low].start <= address; low--)
		if (address - functions[low].start < functions[low].size) {
			functions[low].ran++;
			return;
		}
}

int main(int words, char **word)
{
	int status, nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	pid_t child;

	if (words < 3 || nowhere < 0)
		return 2;
	read_symbols(word[1]);
	child = fork();
	if (child == 0) {
		dup2(nowhere, STDOUT_FILENO);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execvp(word[2], word + 2);
		_exit(127);
	}
	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
		struct user_regs_struct registers;

		if (ptrace(PTRACE_GETREGS, child, 0, &registers) < 0)
			return 1;
		came_by(registers.rip);
		if (ptrace(PTRACE_SINGLESTEP, child, 0, 0) < 0)
			return 1;
	}
	for (int place = 0; place < count; place++)
		if (functions[place].ran)
			printf("RAN\t%s\t%lu\n", functions[place].name, functions[place].ran);
	return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}
