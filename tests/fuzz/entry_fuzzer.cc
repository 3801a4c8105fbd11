// Any bytes either decode to an entry that encodes to exactly them, or are refused; and books refuse or apply any entry
// without crashing and stay in balance. Run for long by hand: build/clang-tsa/entry_fuzzer -max_total_time=600
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "admission/vocabulary/check.h"
#include "ledger/books.h"
#include "ledger/entry.h"
#include "tests/ledger/random_day.h"
#include "tests/ledger/small_world.h"

namespace penstock::ledger {
namespace {

void DecodesOrRefuses(std::string_view bytes) {
  const absl::StatusOr<Entry> entry = Decode(bytes);
  if (!entry.ok()) return;
  std::string again;
  Encode(*entry, &again);
  PENSTOCK_CHECK(again == bytes);

  static const Books opened = BooksOf(OpeningEntries());
  Books books = opened;
  PENSTOCK_CHECK(books.Apply(Granted({1, 1}, kNoon)).ok());
  const Books before = books;
  const absl::Status applied = books.Apply(*entry);
  PENSTOCK_CHECK(applied.ok() || books == before);
  PENSTOCK_CHECK(books.CheckInvariants().ok());
}

}  // namespace
}  // namespace penstock::ledger

// The name is libFuzzer's.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  penstock::ledger::DecodesOrRefuses({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
