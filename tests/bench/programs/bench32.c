// bench32 [FACTOR]: programs of 32-bit code, without a C library, so that no 32-bit one is needed to build it. The lines are those of bench.
#include <stdint.h>

static int call(int n, int a, int b, int c)
{
	int r;
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(n), "b"(a), "c"(b), "d"(c) : "memory");
	return r;
}

static int length(const char *s)
{
	int n = 0;
	while (s[n]) n++;
	return n;
}

static void say(const char *s) { call(4, 1, (int)s, length(s)); }

static uint32_t next(uint32_t *s)
{
	*s = *s * 1664525 + 1013904223;
	return *s >> 8;
}

static uint8_t flags[1 << 18];
static uint32_t data[1 << 16];

static uint32_t sieve(int n)
{
	uint32_t count = 0;
	while (n--) {
		count = 0;
		for (int i = 0; i < (int)sizeof flags; i++) flags[i] = 1;
		for (int i = 2; i < (int)sizeof flags; i++)
			if (flags[i]) {
				count++;
				for (int j = i + i; j < (int)sizeof flags; j += i) flags[j] = 0;
			}
	}
	return count;
}

static void quick(uint32_t *a, int lo, int hi)
{
	while (lo < hi) {
		uint32_t p = a[(lo + hi) / 2];
		int i = lo, j = hi;
		while (i <= j) {
			while (a[i] < p) i++;
			while (a[j] > p) j--;
			if (i <= j) {
				uint32_t t = a[i];
				a[i++] = a[j];
				a[j--] = t;
			}
		}
		quick(a, lo, j);
		lo = i;
	}
}

static uint32_t sorting(int n)
{
	uint32_t seed = 3, sum = 0;
	while (n--) {
		for (int i = 0; i < 1 << 16; i++) data[i] = next(&seed);
		quick(data, 0, (1 << 16) - 1);
		sum = sum * 31 + data[777];
	}
	return sum;
}

static uint32_t __attribute__((noinline)) fib(uint32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
static uint32_t calls(int n)
{
	uint32_t sum = 0;
	while (n--) sum += fib(24);
	return sum;
}

static uint32_t mix(int n)
{
	uint32_t a = 1, b = 2, c = 3;
	while (n--) {
		a = (a ^ b >> 3) + c * 5;
		b = (b << 7 | b >> 25) ^ a;
		c += (a & b) - (c >> 2);
	}
	return a ^ b ^ c;
}

static const struct { const char *name; uint32_t (*run)(int); int n; } programs[] = {
	{"sieve32", sieve, 300}, {"sort32", sorting, 70}, {"calls32", calls, 500}, {"intmix32", mix, 200000000},
};

__attribute__((used)) void start(int *stack)
{
	// FACTOR is a number with at most one digit behind the point.
	int tenths = 10;
	if (stack[0] > 1) {
		const char *s = (const char *)stack[2];
		for (tenths = 0; *s >= '0' && *s <= '9'; s++) tenths = tenths * 10 + (*s - '0');
		tenths *= 10;
		if (*s == '.' && s[1] >= '0' && s[1] <= '9') tenths += s[1] - '0';
	}
	for (int i = 0; i < (int)(sizeof programs / sizeof *programs); i++) {
		char sum[9];
		say("bench "); say(programs[i].name); say(" begin\n");
		call(54, 1, 0x5409, 1); // TCSBRK: until the host has the line
		int n = programs[i].n / 10 * tenths;
		uint32_t v = programs[i].run(n > 0 ? n : 1);
		for (int k = 0; k < 8; k++) sum[k] = "0123456789abcdef"[v >> (28 - 4 * k) & 15];
		sum[8] = 0;
		say("bench "); say(programs[i].name); say(" end "); say(sum); say("\n");
	}
	call(1, 0, 0, 0);
}

__asm__(".globl _start\n_start: mov %esp, %eax\n and $-16, %esp\n sub $12, %esp\n push %eax\n call start\n");
