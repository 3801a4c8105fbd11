// A made-up journal in which everything happens: boots clean and unclean, names, tariffs, grants, progress, settlements
// on time, late, of lost grants, voids and expiries, all of the market, hours
// of silence. Every entry is one that Books accept.
#pragma once

#include <cstdint>
#include <vector>

#include "ledger/books.h"
#include "ledger/entry.h"

namespace penstock::ledger {

/// For books that remember so many ends.
std::vector<Entry> RandomDay(uint64_t seed, int steps, size_t remembered_ends = kRememberedEnds);

/// Books with these entries applied; crashes on one that is refused.
Books BooksOf(const std::vector<Entry>& entries);

}  // namespace penstock::ledger
