// Memory and kernel programs: copies, system calls, page faults, processes, code that rewrites itself.
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"

uint64_t copy(int n)
{
	enum { N = 1 << 18 };
	static uint8_t a[N], b[N];
	uint64_t sum = 0;
	for (int i = 0; i < N; i++) a[i] = i * 7;
	for (int k = 0; k < n; k++) {
		a[k % N]++;
		memcpy(b, a, N);
		sum += b[k * 31 % N];
	}
	return sum;
}

uint64_t repmovs(int n)
{
	enum { N = 1 << 16 };
	static uint8_t a[N], b[N];
	uint64_t sum = 0;
	for (int i = 0; i < N; i++) a[i] = i * 13;
	for (int k = 0; k < n; k++) {
		void *d = b, *s = a;
		size_t c = N - 64;
		a[k % N]++;
		__asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(c)::"memory");
		sum += b[k * 31 % (N - 64)];
	}
	return sum;
}

uint64_t syscalls(int n)
{
	uint64_t sum = 0;
	for (int i = 0; i < n; i++) sum += syscall(SYS_getppid) > 0;
	return sum;
}

uint64_t faults(int n)
{
	enum { PAGES = 2048 };
	uint64_t sum = 0;
	while (n--) {
		volatile uint8_t *p = mmap(0, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (int i = 0; i < PAGES; i++) { p[i * 4096] = i; sum += p[i * 4096 + 8]; }
		munmap((void *)p, PAGES * 4096);
	}
	return sum;
}

uint64_t forks(int n)
{
	uint64_t sum = 0;
	for (int i = 0; i < n; i++) {
		int status = 0;
		pid_t p = fork();
		if (p == 0) _exit(i & 63);
		waitpid(p, &status, 0);
		sum += WEXITSTATUS(status);
	}
	return sum;
}

uint64_t pingpong(int n)
{
	int a[2], b[2], status;
	uint64_t sum = 0;
	if (pipe(a) || pipe(b)) return 0;
	pid_t p = fork();
	if (p == 0) {
		uint8_t c;
		while (read(a[0], &c, 1) == 1 && c != 255) { c++; write(b[1], &c, 1); }
		_exit(0);
	}
	for (int i = 0; i < n; i++) {
		uint8_t c = i % 200;
		write(a[1], &c, 1);
		read(b[0], &c, 1);
		sum += c;
	}
	write(a[1], "\377", 1);
	waitpid(p, &status, 0);
	return sum;
}

// rewrite: mov eax, imm32; ret with the immediate changed before each call.
uint64_t rewrite(int n)
{
	uint8_t *p = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t sum = 0;
	p[0] = 0xb8;
	p[5] = 0xc3;
	for (int i = 0; i < n; i++) {
		memcpy(p + 1, &i, 4);
		sum += ((uint32_t(*)(void))p)();
	}
	return sum;
}
