#include "sim/tariffs/evaluation.h"

namespace penstock::sim {

void Serially(size_t count, const std::function<void(size_t)>& job) {
  for (size_t i = 0; i < count; ++i) job(i);
}

}  // namespace penstock::sim
