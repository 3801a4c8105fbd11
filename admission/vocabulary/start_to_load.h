// Memory that is not in the cache takes as long as hundreds of instructions: let it be on its way early.
#pragma once

#include <cstddef>

namespace penstock {

constexpr size_t kCacheLine = 64;

/// Lets the cache line of an address be on its way. The empty statement keeps gcc from taking a function that does only
/// this for one without effect, and dropping its calls.
inline void StartToLoad(const void* at) {
  __builtin_prefetch(at, 1);
  __asm__ volatile("" : : "r"(at));
}

/// The same for all lines of an object.
template <class T>
void StartToLoadAll(const T* object) {
  const auto* bytes = reinterpret_cast<const char*>(object);
  for (size_t at = 0; at < sizeof(T); at += kCacheLine) StartToLoad(bytes + at);
}

}  // namespace penstock
