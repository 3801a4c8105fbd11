#include "broker/auth/random_bytes.h"

#include <openssl/rand.h>

#include "admission/vocabulary/check.h"

namespace penstock::auth {

std::string RandomBytes(size_t n) {
  std::string bytes(n, '\0');
  PENSTOCK_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(n)) == 1);
  return bytes;
}

}  // namespace penstock::auth
