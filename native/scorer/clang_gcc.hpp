// What the kernels use of GCC and clang does not have; included before them when clang compiles them (scripts/plain-units.mjs).
#pragma once

// Lane i is that of number places[i] of both vectors in a row. The places are constants: clang makes one instruction of it.
template <class Vector, class Places>
[[gnu::always_inline]] inline Vector __builtin_shuffle(Vector a, Vector b, Places places) {
  constexpr int kLanes = sizeof(Vector) / sizeof(a[0]);
  Vector result;
  for (int i = 0; i < kLanes; ++i) result[i] = places[i] < kLanes ? a[places[i]] : b[places[i] - kLanes];
  return result;
}
