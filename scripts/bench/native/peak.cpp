// What the cores could do at best, measured beside the benchmarks: fused multiply-adds per second in float32, dot
// products of bfloat16 pairs per second (AVX512_BF16), and memory bandwidth by STREAM's triad a[i] = b[i] + s c[i].
//
//   peak THREADS    prints one line of JSON: { isa, threads, float32, bfloat16, triad } in GFLOP/s and GB/s
//
// FLOP: a multiply and an add count 1 each. Triad: 3 * 4 bytes per element, as STREAM counts it (a write that first
// reads the line moves 4 more). Each figure is the best of several rounds: a ceiling. Intrinsics are compiled per
// function and chosen at run time, so that plain g++ -O2 will do.
#include <immintrin.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

// Twelve independent accumulators hide a latency of 4 at two instructions a cycle, with room to spare.
constexpr int kChains = 12;
constexpr std::int64_t kLoops = 2'000'000;
volatile float sink;

__attribute__((target("sse4.2"))) double sseRound() {
  __m128 acc[kChains], a = _mm_set1_ps(0.999F), b = _mm_set1_ps(1e-3F);
  for (auto& v : acc) v = _mm_set1_ps(0.5F);
  for (std::int64_t i = 0; i < kLoops; ++i) {
#pragma GCC unroll 12
    for (int k = 0; k < kChains; ++k) acc[k] = _mm_add_ps(_mm_mul_ps(acc[k], a), b);
  }
  float sum = 0;
  for (auto& v : acc) sum += _mm_cvtss_f32(v);
  sink = sum;
  return 2.0 * 4 * kChains * kLoops;
}

__attribute__((target("avx2,fma"))) double avx2Round() {
  __m256 acc[kChains], a = _mm256_set1_ps(0.999F), b = _mm256_set1_ps(1e-3F);
  for (auto& v : acc) v = _mm256_set1_ps(0.5F);
  for (std::int64_t i = 0; i < kLoops; ++i) {
#pragma GCC unroll 12
    for (int k = 0; k < kChains; ++k) acc[k] = _mm256_fmadd_ps(acc[k], a, b);
  }
  float sum = 0;
  for (auto& v : acc) sum += _mm256_cvtss_f32(v);
  sink = sum;
  return 2.0 * 8 * kChains * kLoops;
}

__attribute__((target("avx512f"))) double avx512Round() {
  __m512 acc[kChains], a = _mm512_set1_ps(0.999F), b = _mm512_set1_ps(1e-3F);
  for (auto& v : acc) v = _mm512_set1_ps(0.5F);
  for (std::int64_t i = 0; i < kLoops; ++i) {
#pragma GCC unroll 12
    for (int k = 0; k < kChains; ++k) acc[k] = _mm512_fmadd_ps(acc[k], a, b);
  }
  float sum = 0;
  for (auto& v : acc) sum += _mm512_cvtss_f32(v);
  sink = sum;
  return 2.0 * 16 * kChains * kLoops;
}

// VDPBF16PS: 32 products of bfloat16 added to 16 float32 sums. 0x3f80 is 1.0, its pair 0x8000 is -0.0: sums stay small.
__attribute__((target("avx512f,avx512bf16"))) double bfloat16Round() {
  const __m512i pairs = _mm512_set1_epi32(static_cast<int>(0x80003f80U));
  const __m512bh a = reinterpret_cast<const __m512bh&>(pairs);
  __m512 acc[kChains];
  for (auto& v : acc) v = _mm512_setzero_ps();
  for (std::int64_t i = 0; i < kLoops; ++i) {
#pragma GCC unroll 12
    for (int k = 0; k < kChains; ++k) acc[k] = _mm512_dpbf16_ps(acc[k], a, a);
  }
  float sum = 0;
  for (auto& v : acc) sum += _mm512_cvtss_f32(v);
  sink = sum;
  return 2.0 * 32 * kChains * kLoops;
}

// Three arrays a thread, 192 MiB in all: beyond any cache of the machines meant here.
struct Triad {
  std::vector<float> a, b, c;
  explicit Triad(std::size_t n) : a(n, 0.0F), b(n, 1.0F), c(n, 2.0F) {}
  double round() {
    float* __restrict out = a.data();
    const float *x = b.data(), *y = c.data();
    const std::size_t n = a.size();
    const __m128 three = _mm_set1_ps(3.0F);  // SSE2, which every x86-64 has; -O2 alone would leave the loop scalar
    for (std::size_t i = 0; i + 4 <= n; i += 4)
      _mm_storeu_ps(out + i, _mm_add_ps(_mm_loadu_ps(x + i), _mm_mul_ps(three, _mm_loadu_ps(y + i))));
    sink = out[n / 2];
    return 12.0 * static_cast<double>(n);
  }
};

void pin(const std::vector<int>& cores, int thread) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cores[static_cast<std::size_t>(thread) % cores.size()], &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

std::vector<int> allowed() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof(set), &set);
  std::vector<int> cores;
  for (int i = 0; i < CPU_SETSIZE; ++i)
    if (CPU_ISSET(i, &set)) cores.push_back(i);
  return cores;
}

/** The best rate of `rounds` rounds, all threads starting each of them together. */
double best(int threads, int rounds, const std::function<std::function<double()>(int)>& make) {
  const auto cores = allowed();
  std::barrier gate(threads);
  std::vector<double> seconds(static_cast<std::size_t>(threads * rounds));
  std::vector<double> work(static_cast<std::size_t>(threads));
  std::vector<std::thread> team;
  for (int t = 0; t < threads; ++t) {
    team.emplace_back([&, t] {
      pin(cores, t);
      const auto round = make(t);
      round();  // warm-up: clocks, pages
      for (int r = 0; r < rounds; ++r) {
        gate.arrive_and_wait();
        const auto began = Clock::now();
        work[static_cast<std::size_t>(t)] = round();
        seconds[static_cast<std::size_t>(r * threads + t)] =
            std::chrono::duration<double>(Clock::now() - began).count();
      }
    });
  }
  for (auto& thread : team) thread.join();
  double total = 0, rate = 0;
  for (const double w : work) total += w;
  for (int r = 0; r < rounds; ++r) {
    const auto first = seconds.begin() + r * threads;
    rate = std::max(rate, total / *std::max_element(first, first + threads));
  }
  return rate / 1e9;
}

double bestOf(int threads, double (*round)()) {
  return best(threads, 9, [round](int) { return round; });
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::max(1, std::atoi(argv[1])) : 1;
  __builtin_cpu_init();
  const bool wide = __builtin_cpu_supports("avx512f") != 0;
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  const char* isa = wide ? "avx512" : avx2 ? "avx2" : "sse";
  const double float32 = bestOf(threads, wide ? avx512Round : avx2 ? avx2Round : sseRound);
  std::printf(R"({"isa":"%s","threads":%d,"float32":%.2f,)", isa, threads, float32);
  if (__builtin_cpu_supports("avx512bf16") != 0) {
    std::printf(R"("bfloat16":%.2f,)", bestOf(threads, bfloat16Round));
  } else {
    std::printf(R"("bfloat16":null,)");
  }
  const std::size_t elements = (std::size_t{64} << 20) / sizeof(float) / static_cast<std::size_t>(threads);
  std::vector<Triad*> arrays(static_cast<std::size_t>(threads));
  const double triad = best(threads, 5, [&](int t) {
    auto*& own = arrays[static_cast<std::size_t>(t)];
    own = new Triad(elements);  // first touched by the thread that uses it
    return [own] { return own->round(); };
  });
  for (auto* each : arrays) delete each;
  std::printf(R"("triad":%.2f})"
              "\n",
              triad);
}
