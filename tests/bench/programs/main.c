// bench [NAME [FACTOR]]: runs the benchmark programs. A line "bench NAME begin" and one "bench NAME end CHECKSUM"
// go to standard output around each; the host takes the time between them.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "bench.h"

static const struct { const char *name; program run; int n; } programs[] = {
	{"sieve", sieve, 60}, {"intmix", intmix, 60000000}, {"crc", crc, 100}, {"chase", chase, 60000000},
	{"sort", sorting, 12}, {"calls", recursion, 36}, {"indirect", indirect, 40000000}, {"bytecode", bytecode, 1500000},
	{"sse2-scalar", scalar, 1500000}, {"sse2-packed", packed, 80000}, {"sse2-int", packedint, 80000}, {"x87", x87, 360000},
	{"memcpy", copy, 6000}, {"rep-movsb", repmovs, 12000}, {"syscall", syscalls, 600000}, {"pagefault", faults, 25},
	{"fork", forks, 250}, {"pipe", pingpong, 8000}, {"rewrite", rewrite, 60000},
	{"avx2", avx2, 15000}, {"fma", fma3, 40000}, {"aes", aes, 1000000}, {"strings", strings, 3500},
};

int main(int argc, char **argv)
{
	double factor = argc > 2 ? atof(argv[2]) : 1;
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
		if (argc > 1 && strcmp(argv[1], "all") && strcmp(argv[1], programs[i].name))
			continue;
		int n = programs[i].n * factor;
		if (programs[i].run == recursion) {
			n = programs[i].n; // exponential in n: not scaled
			if (factor < 0.5) n -= 8;
		} else if (n < 1)
			n = 1;
		printf("bench %s begin\n", programs[i].name);
		fflush(stdout);
		tcdrain(STDOUT_FILENO); // the host has the line before the work begins
		uint64_t sum = programs[i].run(n);
		printf("bench %s end %016llx\n", programs[i].name, (unsigned long long)sum);
		fflush(stdout);
	}
	return 0;
}
