// The one place where secrets come from.
#pragma once

#include <cstddef>
#include <string>

namespace penstock::auth {

/// n bytes from the operating system's generator (OpenSSL RAND_bytes). Ends the process when there are none.
std::string RandomBytes(size_t n);

}  // namespace penstock::auth
