#include "sim/search/manifest.h"

#include <gtest/gtest.h>

namespace penstock::sim {
namespace {

TEST(Manifest, SaysWhatAResultWasMadeOfInAFixedOrder) {
  Manifest manifest;
  manifest.command = "sim tune --objective revenue";
  manifest.versions["penstock"] = "0.1.0";
  manifest.seeds["search"] = {1};
  manifest.seeds["full"] = {1, 2};
  manifest.parameters["objective"] = "revenue";
  manifest.AddInput("scenario.yaml", "");
  manifest.AddResult("tariff.yaml", "abc");
  EXPECT_EQ(ManifestJson(manifest), R"({
  "command": "sim tune --objective revenue",
  "inputs": {
    "scenario.yaml": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
  },
  "parameters": {
    "objective": "revenue"
  },
  "results": {
    "tariff.yaml": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
  },
  "seeds": {
    "full": [
      1,
      2
    ],
    "search": [
      1
    ]
  },
  "versions": {
    "penstock": "0.1.0"
  }
}
)");
}

TEST(Manifest, OtherBytesMakeAnotherManifest) {
  Manifest one;
  Manifest other;
  one.AddInput("trace.csv", "1,2");
  other.AddInput("trace.csv", "1,3");
  EXPECT_NE(ManifestJson(one), ManifestJson(other));
}

TEST(Manifest, ANameThatIsNoTextDoesNotBreakIt) {
  Manifest manifest;
  manifest.parameters["file"] = "\xff.csv";
  EXPECT_NE(ManifestJson(manifest).find(".csv"), std::string::npos);
}

}  // namespace
}  // namespace penstock::sim
