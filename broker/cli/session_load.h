// Load for a daemon over Admission.Session: the same shape and figures as load_run, in batches over a few streams.
//
// A pair's Complete travels in a later message than its Admit. Messages go out as soon as there is something to send
// and the one before is on its way, so batches grow with the load up to `batch`. Open loop: an Admit's latency counts
// from its scheduled moment.
#pragma once

#include "broker/cli/load_run.h"

namespace penstock::cli {

struct SessionShape {
  int streams = 1;
  int batch = 256;  // items in a message at most
};

LoadFigures RunSessionLoad(const Connection& daemon, const LoadShape& shape, const SessionShape& session,
                           const std::atomic<bool>& stop, const std::function<void(const LoadFigures&)>& each_second);

}  // namespace penstock::cli
