// A journal entry as JSON, for `penstock ledger export`.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "ledger/entry.h"

namespace penstock::cli {

/// "type" first, then the entry's fields under the names of ledger/entry.h: times RFC 3339 with up to nine digits,
/// money decimal text, work in milli-nt, digests hex; tables by token kind hold what is not zero. Of a tariff the main
/// fields, and all of it as the hex of its canonical bytes; likewise of a type that has no words here yet.
nlohmann::ordered_json ToJson(const ledger::Entry& entry);

}  // namespace penstock::cli
