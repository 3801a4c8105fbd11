#include "broker/config/document.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <utility>

namespace penstock::config {
namespace {

constexpr size_t kMaxDepth = 16;

Place PlaceOf(const YAML::Mark& mark) {
  return {.line = std::max(mark.line, 0) + 1, .column = std::max(mark.column, 0) + 1};
}

// Builds the tree from the parser's events: the library's own tree would resolve aliases and hide duplicate keys.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& file, Problems& problems) : file_(file), problems_(problems) {}

  /// Nothing when the text used what is refused altogether.
  std::optional<Node> TakeRoot() { return unsound_ ? std::nullopt : std::optional<Node>(std::move(root_)); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 2) Refuse(PlaceOf(mark), "a second document starts here; keep one configuration per file");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    RefuseAnchor(mark, anchor);
    Leaf(Node::Kind::kNothing, PlaceOf(mark), "");
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Refuse(PlaceOf(mark), "aliases (*name) are not supported; write the value out");
    Leaf(Node::Kind::kNothing, PlaceOf(mark), "");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    RefuseAnchor(mark, anchor);
    RefuseTag(mark, tag);
    Leaf(Node::Kind::kScalar, PlaceOf(mark), value);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Start(Node::Kind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { End(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Start(Node::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { End(); }

 private:
  // A list or map that is being read. In a map, names and values take turns.
  struct Open {
    Node node;
    bool has_name = false;
    std::string name;
    Place name_place;
    bool duplicate = false;
  };

  void Refuse(Place place, std::string_view what) {
    unsound_ = true;
    problems_.Add(file_, place, "", what);
  }

  void RefuseAnchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) Refuse(PlaceOf(mark), "anchors (&name) are not supported; remove it");
  }

  void RefuseTag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;  // the parser's marks for untagged values
    Refuse(PlaceOf(mark), "tags (!name) are not supported; remove it");
  }

  void Start(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    RefuseAnchor(mark, anchor);
    RefuseTag(mark, tag);
    if (open_.size() >= kMaxDepth) {
      throw YAML::ParserException(mark, absl::StrCat("nested deeper than ", kMaxDepth, " levels"));
    }
    Open open;
    open.node.kind = kind;
    open.node.place = PlaceOf(mark);
    open_.push_back(std::move(open));
  }

  void End() {
    Node node = std::move(open_.back().node);
    open_.pop_back();
    Put(std::move(node));
  }

  void Leaf(Node::Kind kind, Place place, std::string text) {
    Node node;
    node.kind = kind;
    node.place = place;
    node.text = std::move(text);
    Put(std::move(node));
  }

  void Put(Node node) {
    if (open_.empty()) {
      if (documents_ == 1) root_ = std::move(node);
    } else if (open_.back().node.kind == Node::Kind::kList) {
      open_.back().node.items.push_back(std::move(node));
    } else if (open_.back().has_name) {
      PutValue(open_.back(), std::move(node));
    } else {
      PutName(open_.back(), node);
    }
  }

  void PutName(Open& open, const Node& node) {
    open.has_name = true;
    open.name = node.text;
    open.name_place = node.place;
    open.duplicate = false;
    if (node.kind != Node::Kind::kScalar) {
      Refuse(node.place, "a key must be a plain name");
      open.duplicate = true;  // drop its value
    } else if (const Node* earlier = Find(open.node, node.text)) {
      problems_.Add(file_, node.place, "",
                    absl::StrCat("duplicate key ", Quoted(node.text), "; it has a value in line ", earlier->place.line,
                                 " already: keep one of them"));
      open.duplicate = true;
    }
  }

  void PutValue(Open& open, Node node) {
    open.has_name = false;
    if (open.duplicate) return;
    open.node.members.push_back({std::move(open.name), open.name_place, std::move(node)});
  }

  const std::string& file_;
  Problems& problems_;
  std::vector<Open> open_;
  Node root_;
  bool unsound_ = false;
  int documents_ = 0;
};

// The parser's words are terse: say what a person would look for.
std::string Advice(const std::string& text) {
  if (absl::StrContains(text, "nested deeper") || absl::StrContains(text, "deep")) return "no configuration needs that";
  return "look for a missing colon, quote or bracket, or for indentation that does not line up, here or further up";
}

// Tabs give the parser's most puzzling message, so they are looked for first.
bool RefuseTabs(std::string_view text, const std::string& file, Problems& problems) {
  int line = 1;
  for (size_t at = 0; at < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view content = text.substr(at, end - at);
    const size_t first = content.find_first_not_of(' ');
    if (first != std::string_view::npos && content[first] == '\t' &&
        content.find_first_not_of(" \t\r", first) != std::string_view::npos) {
      problems.Add(file, {line, static_cast<int>(first) + 1}, "",
                   "a tab in the indentation; YAML allows only spaces there");
      return true;
    }
    at = end + 1;
  }
  return false;
}

// One level down a path, and how much of the path that was.
struct Step {
  const Node* node;
  Place place;
  size_t length;
};

std::optional<Step> StepToItem(const Node& list, std::string_view path) {
  size_t index = 0;
  const auto parsed = std::from_chars(path.data() + 1, path.data() + path.size(), index);
  if (parsed.ec != std::errc() || index >= list.items.size()) return std::nullopt;
  return Step{&list.items[index], list.items[index].place, static_cast<size_t>(parsed.ptr - path.data()) + 1};
}

// The longest key wins, for names may have dots.
std::optional<Step> StepToMember(const Node& map, std::string_view path) {
  std::optional<Step> longest;
  for (const Member& member : map.members) {
    if (!path.starts_with(member.key)) continue;
    const std::string_view rest = path.substr(member.key.size());
    const bool whole = rest.empty() || rest.front() == '.' || rest.front() == '[';
    if (!whole || (longest && longest->length >= member.key.size())) continue;
    longest = Step{&member.value, member.place, member.key.size()};
  }
  return longest;
}

}  // namespace

const Node* Find(const Node& map, std::string_view key) {
  const auto found =
      std::find_if(map.members.begin(), map.members.end(), [&](const Member& member) { return member.key == key; });
  return found == map.members.end() ? nullptr : &found->value;
}

Place PlaceOf(const Node& root, std::string_view path) {
  const Node* node = &root;
  Place place = root.place;
  while (!path.empty()) {
    if (path.front() == '.') path.remove_prefix(1);
    const std::optional<Step> step = path.starts_with('[') ? StepToItem(*node, path) : StepToMember(*node, path);
    if (!step) break;
    node = step->node;
    place = step->place;
    path.remove_prefix(std::min(step->length, path.size()));
  }
  return place;
}

std::optional<Node> ParseDocument(std::string_view text, const std::string& file, Problems& problems) {
  if (text.size() > kMaxFileBytes) {
    problems.Add(file, {}, "", "the file is larger than 1 MiB; no configuration needs that");
    return std::nullopt;
  }
  if (text.find('\0') != std::string_view::npos) {
    problems.Add(file, {}, "", "the file has a NUL byte; save it as UTF-8 text");
    return std::nullopt;
  }
  if (RefuseTabs(text, file, problems)) return std::nullopt;
  std::istringstream stream{std::string(text)};
  TreeBuilder tree(file, problems);
  try {  // the library throws; nothing of that leaves this function
    YAML::Parser parser(stream);
    // Two at most: the second is refused anyway, and on some texts (", a") the parser finds new ones for ever.
    if (parser.HandleNextDocument(tree)) parser.HandleNextDocument(tree);
  } catch (const YAML::Exception& error) {
    problems.Add(file, PlaceOf(error.mark), "", absl::StrCat("not YAML: ", error.msg, "; ", Advice(error.msg)));
    return std::nullopt;
  }
  return tree.TakeRoot();
}

}  // namespace penstock::config
