// A YAML text as a plain tree with places. What a configuration has no use for and an attacker has, is refused here:
// anchors and aliases, tags, duplicate keys, keys that are no names, several documents, depth, sheer size.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/problems.h"

namespace penstock::config {

constexpr size_t kMaxFileBytes = 1 << 20;

struct Member;

struct Node {
  enum class Kind { kNothing, kScalar, kList, kMap };
  Kind kind = Kind::kNothing;
  Place place;
  std::string text;             // of a scalar
  std::vector<Node> items;      // of a list
  std::vector<Member> members;  // of a map, in the order of the text, each key once
};

struct Member {
  std::string key;
  Place place;
  Node value;
};

/// The value of a key, or null.
const Node* Find(const Node& map, std::string_view key);

/// The place of a path such as "pools[0].burndown.output", or of the nearest part of it that exists.
Place PlaceOf(const Node& root, std::string_view path);

/// Nothing when the text is not YAML, or uses what is refused here; `problems` says why. Duplicate keys are noted there
/// too, but reading can go on with the first of them.
std::optional<Node> ParseDocument(std::string_view text, const std::string& file, Problems& problems);

}  // namespace penstock::config
