// Reading a map of the configuration field by field. Every reader notes what is wrong and answers a stand-in, so that
// reading goes on and finds the rest; whoever calls discards the result when there were problems.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/document.h"
#include "broker/config/problems.h"

namespace penstock::config {

/// A file that is being read.
struct Source {
  std::string file;
  const Node& root;
  Problems& problems;
};

struct IntegerField {
  std::string_view name;
  int64_t min = 0;
  int64_t max = 0;
  std::optional<int64_t> otherwise;  // when it is left out; nothing: it is required
  std::string_view example;
};

/// Scaled by 10^decimals, as are its bounds.
struct DecimalField {
  std::string_view name;
  int decimals = 0;
  int64_t min = 0;
  int64_t max = 0;
  std::optional<int64_t> otherwise;
  std::string_view example;
  std::string_view why_no_finer;     // why more decimals are refused
  std::string_view range_note = {};  // what to do instead of going out of range
};

/// "12.5%", in thousandths, as are its bounds.
struct PercentField {
  std::string_view name;
  int64_t min = 0;
  int64_t max = 0;
  std::optional<int64_t> otherwise;
  std::string_view example;
};

struct TextField {
  std::string_view name;
  std::optional<std::string_view> otherwise;
  std::string_view example;
};

struct ChoiceField {
  std::string_view name;
  std::span<const std::string_view> choices;
  std::optional<size_t> otherwise;
};

/// One map. Its destructor notes keys that nobody asked for: ask for every key that is known, on every path.
class Section {
 public:
  /// `node` may turn out to be no map: that is noted, with the example.
  Section(const Source& source, const Node& node, std::string path, std::string_view example);
  ~Section();
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

  const Source& source() const { return source_; }
  const Node& node() const { return node_; }
  const std::string& path() const { return path_; }
  std::string PathOf(std::string_view key) const;

  /// Whether the key is there with a value; asking makes it known.
  bool Has(std::string_view key);
  const Node* Optional(std::string_view key);
  /// Notes when it is missing, with "for example `key: example`" (unless an unknown key looks like it misspelt).
  const Node* Required(std::string_view key, std::string_view example);

  int64_t Integer(const IntegerField& field);
  int64_t DecimalNumber(const DecimalField& field);
  int64_t Percent(const PercentField& field);
  std::string Text(const TextField& field);
  /// A name: 1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit.
  std::string EntityName(std::string_view key, std::string_view example);
  size_t Choice(const ChoiceField& field);
  /// Names; empty when the key is left out. An empty list or a name given twice is noted.
  std::vector<std::string> Names(std::string_view key, std::string_view example);
  /// Calls `read` with every element of a list and its path.
  using ReadElement = std::function<void(const Node& node, const std::string& path)>;
  void List(std::string_view key, const ReadElement& read, bool required, std::string_view example);

  /// Notes a problem at the key's value (at the map when it has none).
  void Complain(std::string_view key, std::string_view what);

 private:
  const Source& source_;
  const Node& node_;
  const std::string path_;
  const bool is_map_;
  struct Missing {
    std::string_view key;
    std::string what;
  };
  std::string HintFor(std::string_view unknown);

  std::vector<std::string_view> known_;
  std::vector<Missing> missing_;
};

/// The readers behind Section, for values that stand elsewhere than under a key of a map.
std::optional<int64_t> ReadInteger(const Source& source, const Node& node, const std::string& path,
                                   const IntegerField& field);
std::optional<int64_t> ReadPercent(const Source& source, const Node& node, const std::string& path,
                                   const PercentField& field);
std::optional<std::string> ReadName(const Source& source, const Node& node, const std::string& path);
/// Notes it when the text is no name.
bool CheckName(const Source& source, Place place, const std::string& path, std::string_view name);

}  // namespace penstock::config
