// Programs of newer instruction sets: AVX2, FMA, AES, SSE4.2 string compare. Each returns 0 where the processor lacks its own.
#include <immintrin.h>
#include <string.h>
#include "bench.h"

static uint64_t fold(const void *p, int n)
{
	const uint8_t *b = p;
	uint64_t h = 0;
	for (int i = 0; i < n; i++) h = h * 31 + b[i];
	return h;
}

__attribute__((target("avx2"))) uint64_t avx2(int n)
{
	enum { N = 4096 };
	static uint32_t a[N] __attribute__((aligned(32))), b[N] __attribute__((aligned(32)));
	uint32_t seed = 9;
	if (!__builtin_cpu_supports("avx2")) return 0;
	for (int i = 0; i < N; i++) { a[i] = next(&seed); b[i] = next(&seed); }
	__m256i s = _mm256_setzero_si256(), k = _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0);
	while (n--)
		for (int i = 0; i < N; i += 8) {
			__m256i u = _mm256_load_si256((__m256i *)(a + i)), v = _mm256_load_si256((__m256i *)(b + i));
			u = _mm256_add_epi32(_mm256_mullo_epi32(u, v), _mm256_srlv_epi32(v, k));
			u = _mm256_permutevar8x32_epi32(_mm256_max_epu32(u, v), k);
			_mm256_store_si256((__m256i *)(a + i), u);
			s = _mm256_xor_si256(s, u);
		}
	return fold(&s, sizeof s);
}

__attribute__((target("avx2,fma"))) uint64_t fma3(int n)
{
	enum { N = 1024 };
	static double a[N] __attribute__((aligned(32))), b[N] __attribute__((aligned(32)));
	if (!__builtin_cpu_supports("fma")) return 0;
	for (int i = 0; i < N; i++) { a[i] = i * 0.25; b[i] = 1.0 / (i + 3); }
	__m256d s = _mm256_setzero_pd(), k = _mm256_set1_pd(0.999);
	while (n--)
		for (int i = 0; i < N; i += 8) {
			__m256d u = _mm256_fmadd_pd(_mm256_load_pd(a + i), k, _mm256_load_pd(b + i));
			__m256d v = _mm256_fmadd_pd(_mm256_load_pd(a + i + 4), k, _mm256_load_pd(b + i + 4));
			_mm256_store_pd(a + i, u);
			_mm256_store_pd(a + i + 4, v);
			s = _mm256_fnmadd_pd(u, v, s);
		}
	return fold(&s, sizeof s);
}

__attribute__((target("aes,sse4.1"))) uint64_t aes(int n)
{
	if (!__builtin_cpu_supports("aes")) return 0;
	__m128i key[11], x[4];
	for (int i = 0; i < 11; i++) key[i] = _mm_set1_epi32(0x01234567 * (i + 1));
	for (int i = 0; i < 4; i++) x[i] = _mm_set1_epi32(i);
	while (n--) {
		for (int i = 0; i < 4; i++) x[i] = _mm_xor_si128(x[i], key[0]);
		for (int r = 1; r < 10; r++)
			for (int i = 0; i < 4; i++) x[i] = _mm_aesenc_si128(x[i], key[r]);
		for (int i = 0; i < 4; i++) x[i] = _mm_aesenclast_si128(x[i], key[10]);
	}
	return fold(x, sizeof x);
}

// compares strings, 16 bytes a step.
__attribute__((target("sse4.2"))) uint64_t strings(int n)
{
	enum { N = 2048, LEN = 96 };
	static char a[N][LEN] __attribute__((aligned(16)));
	uint32_t seed = 77;
	uint64_t sum = 0;
	if (!__builtin_cpu_supports("sse4.2")) return 0;
	for (int i = 0; i < N; i++) {
		memset(a[i], 'x', LEN);
		a[i][40 + next(&seed) % 50] = 'a' + next(&seed) % 20;
		a[i][LEN - 1] = 0;
	}
	while (n--)
		for (int i = 0; i + 1 < N; i++) {
			const char *p = a[i], *q = a[i + 1];
			for (int o = 0; o < LEN; o += 16) {
				__m128i u = _mm_load_si128((const __m128i *)(p + o)), v = _mm_load_si128((const __m128i *)(q + o));
				enum { MODE = _SIDD_UBYTE_OPS | _SIDD_CMP_EQUAL_EACH | _SIDD_NEGATIVE_POLARITY };
				int at = _mm_cmpistri(u, v, MODE);
				if (at < 16) {
					sum += o + at;
					break;
				}
			}
		}
	return sum;
}
