// Floating point and packed programs: scalar and packed SSE2 double, packed integer, x87.
#include <emmintrin.h>
#include <math.h>
#include <string.h>
#include "bench.h"

static uint64_t bits(double d)
{
	uint64_t u;
	memcpy(&u, &d, 8);
	return u;
}

// scalar: three bodies that attract each other.
uint64_t scalar(int n)
{
	double x[3] = {0, 1, -1}, y[3] = {0, 0.5, -0.5}, vx[3] = {0, 0.1, -0.1}, vy[3] = {0.01, -0.2, 0.2}, m[3] = {10, 1, 1};
	while (n--) {
		for (int i = 0; i < 3; i++)
			for (int j = i + 1; j < 3; j++) {
				double dx = x[i] - x[j], dy = y[i] - y[j], d2 = dx * dx + dy * dy + 0.01, g = 0.001 / (d2 * sqrt(d2));
				vx[i] -= dx * m[j] * g; vy[i] -= dy * m[j] * g;
				vx[j] += dx * m[i] * g; vy[j] += dy * m[i] * g;
			}
		for (int i = 0; i < 3; i++) { x[i] += 0.001 * vx[i]; y[i] += 0.001 * vy[i]; }
	}
	return bits(x[0] + y[1] + x[2]);
}

uint64_t packed(int n)
{
	enum { N = 1024 };
	static double a[N] __attribute__((aligned(16))), b[N] __attribute__((aligned(16)));
	__m128d s = _mm_setzero_pd(), k = _mm_set1_pd(0.999);
	for (int i = 0; i < N; i++) { a[i] = i * 0.5; b[i] = 1.0 / (i + 1); }
	while (n--)
		for (int i = 0; i < N; i += 4) {
			__m128d u = _mm_load_pd(a + i), v = _mm_load_pd(a + i + 2);
			u = _mm_add_pd(_mm_mul_pd(u, k), _mm_load_pd(b + i));
			v = _mm_add_pd(_mm_mul_pd(v, k), _mm_load_pd(b + i + 2));
			_mm_store_pd(a + i, u);
			_mm_store_pd(a + i + 2, v);
			s = _mm_add_pd(s, _mm_sub_pd(u, v));
		}
	double r[2];
	_mm_storeu_pd(r, s);
	return bits(r[0] + r[1]);
}

uint64_t packedint(int n)
{
	enum { N = 4096 };
	static uint8_t a[N] __attribute__((aligned(16))), b[N] __attribute__((aligned(16)));
	uint32_t seed = 5;
	__m128i s = _mm_setzero_si128();
	for (int i = 0; i < N; i++) { a[i] = next(&seed); b[i] = next(&seed); }
	while (n--)
		for (int i = 0; i < N; i += 16) {
			__m128i u = _mm_load_si128((__m128i *)(a + i)), v = _mm_load_si128((__m128i *)(b + i));
			__m128i w = _mm_avg_epu8(u, v);
			s = _mm_add_epi64(s, _mm_sad_epu8(w, v));
			s = _mm_add_epi32(s, _mm_madd_epi16(_mm_unpacklo_epi8(u, v), _mm_unpackhi_epi8(v, u)));
			_mm_store_si128((__m128i *)(a + i), _mm_adds_epu8(w, _mm_cmpgt_epi8(u, v)));
		}
	uint64_t r[2];
	_mm_storeu_si128((__m128i *)r, s);
	return r[0] ^ r[1];
}

uint64_t x87(int n)
{
	long double x = 0.5L, y = 0.25L, s = 0;
	for (int i = 0; i < n; i++) {
		for (int k = 0; k < 20; k++) {
			x = 3.7L * x * (1 - x);
			y = y * 0.99L + x * 0.01L;
			s += x / (y + 1);
		}
	}
	return bits((double)s);
}
