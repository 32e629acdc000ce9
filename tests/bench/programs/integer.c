// Integer programs: sieve, mixed arithmetic, table CRC, pointer chase, sort, calls, bytecode.
#include <stdlib.h>
#include <string.h>
#include "bench.h"

uint64_t sieve(int n)
{
	enum { N = 1 << 20 };
	static uint8_t composite[N];
	uint64_t count = 0;
	while (n--) {
		memset(composite, 0, N);
		for (int i = 2; i < N; i++) {
			if (composite[i]) continue;
			count++;
			for (int j = 2 * i; j < N; j += i) composite[j] = 1;
		}
	}
	return count;
}

uint64_t intmix(int n)
{
	uint64_t a = 1, b = 2, c = 3;
	for (int i = 0; i < n; i++) {
		a += b ^ (c >> 7);
		b = (b << 3 | b >> 61) + i;
		c = c * 0x9E3779B97F4A7C15u + (a > b ? a : b);
		if (a & 16) b -= c; else c ^= a;
	}
	return a ^ b ^ c;
}

uint64_t crc(int n)
{
	static uint32_t table[256];
	static uint8_t data[1 << 20];
	uint32_t s = 1, crc = ~0u;
	for (int i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xEDB88320u : c >> 1;
		table[i] = c;
	}
	for (size_t i = 0; i < sizeof data; i++) data[i] = next(&s);
	while (n--)
		for (size_t i = 0; i < sizeof data; i++) crc = table[(crc ^ data[i]) & 255] ^ crc >> 8;
	return crc;
}

uint64_t chase(int n)
{
	enum { N = 1 << 14 };
	static void *cell[N];
	static int order[N];
	uint32_t s = 7;
	for (int i = 0; i < N; i++) order[i] = i;
	for (int i = N - 1; i > 0; i--) {
		int j = next(&s) % (i + 1), t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
	for (int i = 0; i < N; i++) cell[order[i]] = &cell[order[(i + 1) % N]];
	void **p = cell;
	for (int i = 0; i < n; i++) p = *p;
	return p - cell;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

uint64_t sorting(int n)
{
	enum { N = 100000 };
	static uint32_t v[N];
	uint32_t s = 3;
	uint64_t sum = 0;
	while (n--) {
		for (int i = 0; i < N; i++) v[i] = next(&s);
		qsort(v, N, sizeof *v, compare);
		for (int i = 0; i < N; i += 1000) sum = sum * 31 + v[i];
	}
	return sum;
}

static NOINLINE uint64_t fib(int n)
{
	uint64_t r;
	if (n < 2) return n;
	r = fib(n - 1);
	__asm__ volatile("" : "+r"(r)); // keep both calls
	return r + fib(n - 2);
}

uint64_t recursion(int n) { return fib(n); }

static NOINLINE uint64_t f0(uint64_t x) { return x + 1; }
static NOINLINE uint64_t f1(uint64_t x) { return x ^ 0x55; }
static NOINLINE uint64_t f2(uint64_t x) { return x * 3; }
static NOINLINE uint64_t f3(uint64_t x) { return x - 7; }

uint64_t indirect(int n)
{
	static uint64_t (*volatile f[4])(uint64_t) = {f0, f1, f2, f3};
	uint64_t x = 0;
	for (int i = 0; i < n; i++) x = f[i & 3](x);
	return x;
}

uint64_t bytecode(int n)
{
	enum { PUSH, ADD, DEC, DUP, JNZ, SWAP, XOR, END };
	static const uint8_t code[] = {PUSH, 5, SWAP, PUSH, 3, XOR, ADD, SWAP, PUSH, 9, DEC, DUP, JNZ, 0xfc, XOR, END};
	uint64_t stack[16], acc = 1;
	while (n--) {
		uint64_t *sp = stack;
		const uint8_t *pc = code;
		*sp++ = acc;
		for (;;) {
			uint64_t t;
			switch (*pc++) {
			case PUSH: *sp++ = *pc++; continue;
			case ADD: sp--; sp[-1] += sp[0]; continue;
			case DEC: sp[-1]--; continue;
			case DUP: *sp = sp[-1]; sp++; continue;
			case JNZ: t = *--sp; pc += t ? (int8_t)*pc + 1 : 1; continue;
			case SWAP: if (sp - stack > 1) { t = sp[-1]; sp[-1] = sp[-2]; sp[-2] = t; } continue;
			case XOR: sp--; sp[-1] ^= sp[0]; continue;
			case END: acc = acc * 31 + sp[-1]; break;
			}
			break;
		}
	}
	return acc;
}
