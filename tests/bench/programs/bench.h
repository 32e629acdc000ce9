// What the benchmark programs share: each is a function that returns a checksum.
#include <stdint.h>
#include <stddef.h>
#define NOINLINE __attribute__((noinline))
typedef uint64_t (*program)(int n);
static inline uint32_t next(uint32_t *s) { *s = *s * 1664525u + 1013904223u; return *s >> 8; }
#define PROGRAM(name) uint64_t name(int n)
PROGRAM(sieve); PROGRAM(intmix); PROGRAM(crc); PROGRAM(chase); PROGRAM(sorting); PROGRAM(recursion);
PROGRAM(indirect); PROGRAM(bytecode); PROGRAM(scalar); PROGRAM(packed); PROGRAM(packedint); PROGRAM(x87);
PROGRAM(copy); PROGRAM(repmovs); PROGRAM(syscalls); PROGRAM(faults); PROGRAM(forks); PROGRAM(pingpong);
PROGRAM(rewrite); PROGRAM(avx2); PROGRAM(fma3); PROGRAM(aes); PROGRAM(strings);
