// A bug crashes. PENSTOCK_CHECK stays on in release builds; it is for what cannot happen, never for bad input.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace penstock {

[[noreturn]] inline void CheckFailed(const char* what, const char* file, int line) {
  std::fprintf(stderr, "penstock: internal error: %s (%s:%d)\n", what, file, line);
  std::abort();
}

}  // namespace penstock

#define PENSTOCK_CHECK(condition)                              \
  do {                                                         \
    if (!(condition)) [[unlikely]]                             \
      ::penstock::CheckFailed(#condition, __FILE__, __LINE__); \
  } while (false)
