// Projections on disk: a RocksDB of their own beside the journal's. Apart, because a write of many rows must not stand
// in the way of the journal's next one, because what is damaged here must not keep the journal from opening, and
// because the folder may then be removed at any time: everything in it follows from the journal.
#pragma once

#include <memory>
#include <string>

#include "ledger/projections.h"

namespace rocksdb {
class Env;
}

namespace penstock::ledger {

/// Never fails: where it cannot be opened, Read says why with DATA_LOSS, and Clear removes what is there and begins
/// anew. A missing folder is an empty store; a reader creates nothing and may not write.
std::unique_ptr<ProjectionStore> OpenRocksDbProjections(const std::string& path, bool read_only, rocksdb::Env* env);

}  // namespace penstock::ledger
