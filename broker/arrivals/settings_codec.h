// The engine's settings as bytes, exactly: what a boot began with must be there when its decisions are replayed,
// whatever the configuration says by then. No secrets: settings have none.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "broker/core/settings.h"

namespace penstock::arrivals {

/// Appends to `out`.
void EncodeSettings(const core::EngineSettings& settings, std::string* out);
/// DATA_LOSS when the bytes are not exactly one EngineSettings.
absl::StatusOr<core::EngineSettings> DecodeSettings(std::string_view bytes);

}  // namespace penstock::arrivals
