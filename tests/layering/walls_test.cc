// Three parts: how a file is read, that every rule bites (fixtures/<rule>/ holds files that break it, each guilty line
// marked `breaks: <rule>`), and the house itself.
#include "tests/layering/walls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace penstock::layering {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAreArray;

const fs::path kProject = PENSTOCK_SOURCE_DIR;
const fs::path kFixtures = kProject / "tests/layering/fixtures";

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  for (const Token& token : ReadSource("", text).tokens) words.push_back(token.text);
  return words;
}

TEST(ReadSource, SkipsCommentsAndWhatStringsSay) {
  EXPECT_THAT(Words("a // float\nb /* float\n */ c"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Words("a // carried over \\\n float\nb"), ElementsAre("a", "b"));
  EXPECT_THAT(Words(R"(f("float \" // float", 'f', '\'', "/*") g)"), ElementsAre("f", "(", ",", ",", ",", ")", "g"));
}

TEST(ReadSource, SkipsRawStringsUpToTheirOwnDelimiter) {
  EXPECT_THAT(Words("x = R\"--(float \" )\" float)--\"; y"), ElementsAre("x", "=", ";", "y"));
  EXPECT_THAT(Words("u8R\"(float)\" y"), ElementsAre("y"));
}

TEST(ReadSource, TakesADigitSeparatorForNoCharacter) {
  EXPECT_THAT(Words("1'000'000 + 'x' + 0xF'Fu"), ElementsAre("1'000'000", "+", "+", "0xF'Fu"));
  EXPECT_THAT(Words("1.5e-3 .5f 0x1p-2 0xe-1 a.b"),
              ElementsAre("1.5e-3", ".5f", "0x1p-2", "0xe", "-", "1", "a", ".", "b"));
}

TEST(ReadSource, CountsLinesAcrossCommentsAndStrings) {
  const Source source = ReadSource("", "/*\n\n*/ a R\"(\n)\" b\n#include <c>\nd");
  ASSERT_EQ(source.tokens.size(), 3U);
  EXPECT_EQ(source.tokens[0].line, 3);
  EXPECT_EQ(source.tokens[1].line, 4);
  EXPECT_EQ(source.tokens[2].line, 6);
  ASSERT_EQ(source.includes.size(), 1U);
  EXPECT_EQ(source.includes[0].line, 5);
}

TEST(ReadSource, FindsIncludesButNotThoseInComments) {
  const Source source =
      ReadSource("", "#include \"a/b.h\" // why\n  #  include <c>\n// #include <d>\n#include MACRO\n");
  ASSERT_EQ(source.includes.size(), 3U);
  EXPECT_EQ(source.includes[0].path, "a/b.h");
  EXPECT_TRUE(source.includes[0].quoted);
  EXPECT_EQ(source.includes[1].path, "c");
  EXPECT_FALSE(source.includes[1].quoted);
  EXPECT_EQ(source.includes[2].path, "");
}

std::string Slurp(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

std::vector<fs::path> FilesBelow(const fs::path& top) {
  std::vector<fs::path> files;
  for (auto it = fs::recursive_directory_iterator(top); it != fs::recursive_directory_iterator(); ++it) {
    const std::string name = it->path().filename();
    const bool skipped = name.starts_with(".") || (it.depth() == 0 && name.starts_with("build"));
    if (it->is_directory() && skipped) it.disable_recursion_pending();
    if (it->is_regular_file()) files.push_back(it->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// "path:line rule", so that what was expected and what was found compare as text.
std::string Mark(std::string_view path, int line, std::string_view rule) {
  return std::string(path) + ":" + std::to_string(line) + " " + std::string(rule);
}

struct Verdict {
  std::vector<std::string> expected;
  std::vector<std::string> found;
};

// A fixture stands for the path below its folder, without the .txt that keeps it from compilers and formatters.
Verdict JudgeFixtures(const fs::path& folder) {
  Verdict verdict;
  for (const fs::path& file : FilesBelow(folder)) {
    const std::string path = fs::relative(file, folder).replace_extension().string();
    const std::string text = Slurp(file);
    for (const Finding& finding : Check(ReadSource(path, text))) {
      verdict.found.push_back(Mark(path, finding.line, finding.rule));
    }
    std::istringstream lines(text);
    int number = 1;
    for (std::string line; std::getline(lines, line); ++number) {
      const std::string marker = "breaks: ";
      const size_t at = line.find(marker);
      if (at != std::string::npos) verdict.expected.push_back(Mark(path, number, line.substr(at + marker.size())));
    }
  }
  return verdict;
}

class Rules : public ::testing::TestWithParam<std::string_view> {};

TEST_P(Rules, BiteWhereAFixtureBreaksThemAndNowhereElse) {
  const Verdict verdict = JudgeFixtures(kFixtures / GetParam());
  ASSERT_FALSE(verdict.expected.empty()) << "no fixture breaks this rule";
  for (const std::string& mark : verdict.expected) EXPECT_TRUE(mark.ends_with(GetParam())) << mark;
  EXPECT_THAT(verdict.found, UnorderedElementsAreArray(verdict.expected));
}

INSTANTIATE_TEST_SUITE_P(Walls, Rules, ::testing::ValuesIn(RuleNames()), [](const auto& parameter) {
  std::string name(parameter.param);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(Fixtures, ThatAreCleanPass) {
  const Verdict verdict = JudgeFixtures(kFixtures / "clean");
  EXPECT_THAT(verdict.expected, IsEmpty());
  EXPECT_THAT(verdict.found, IsEmpty());
}

TEST(Findings, NameThePlaceTheRuleAndWhatToDoInstead) {
  const auto findings =
      Check(ReadSource("ledger/meters.cc", "#include \"admission/vocabulary/work.h\"\n\ndouble peak;"));
  ASSERT_EQ(findings.size(), 1U);
  const std::string text = Describe(findings[0]);
  EXPECT_TRUE(text.starts_with("ledger/meters.cc:3: [integers-only] uses double. Instead: count in integers")) << text;
}

TEST(TheHouse, KeepsItsWalls) {
  std::vector<std::string> seen;
  for (const fs::path& file : FilesBelow(kProject)) {
    const std::string path = fs::relative(file, kProject).string();
    const std::string kind = file.extension().string();
    EXPECT_FALSE(kind == ".cpp" || kind == ".cxx" || kind == ".hpp" || kind == ".inc")
        << path << ": the walls read .h and .cc; rename it to one of these.";
    if (kind != ".h" && kind != ".cc" && kind != ".proto") continue;
    seen.push_back(path);
    for (const Finding& finding : Check(ReadSource(path, Slurp(file)))) ADD_FAILURE() << Describe(finding);
  }
  EXPECT_THAT(seen, Contains("admission/vocabulary/time.h"));
  EXPECT_THAT(seen, Contains("tests/layering/walls_test.cc"));
}

}  // namespace
}  // namespace penstock::layering
