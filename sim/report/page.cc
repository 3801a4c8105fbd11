#include "sim/report/page.h"

#include "sim/report/style.h"

namespace penstock::sim::report {
namespace {

// The policy forbids what a self-contained file has no need of: scripts and anything from elsewhere.
void Head(const Page& page, Markup& html) {
  html.Open("head");
  html.Empty("meta", {{"charset", "utf-8"}});
  html.Empty("meta",
             {{"http-equiv", "Content-Security-Policy"},
              {"content", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"}});
  html.Empty("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
  html.Empty("meta", {{"name", "color-scheme"}, {"content", "light dark"}});
  html.Element("title", {}, page.heading);
  html.Open("style");
  html.Append(Style());
  html.Close();
  html.Close();
}

void Contents(const std::vector<Section>& sections, Markup& html) {
  html.Open("nav", {{"aria-label", "Contents"}});
  html.Open("ul");
  for (const Section& section : sections) {
    if (section.body.empty()) continue;
    html.Open("li");
    html.Element("a", {{"href", "#" + section.id}}, section.title);
    html.Close();
  }
  html.Close();
  html.Close();
}

bool AnySection(const std::vector<Section>& sections) {
  for (const Section& section : sections) {
    if (!section.body.empty()) return true;
  }
  return false;
}

}  // namespace

std::string PageHtml(const Page& page) {
  Markup html;
  html.Append("<!DOCTYPE html>\n");
  html.Open("html", {{"lang", "en"}});
  Head(page, html);
  html.Open("body");
  html.Open("header");
  html.Element("h1", {}, page.heading);
  if (!page.subtitle.empty()) html.Element("p", {{"class", "subtitle"}}, page.subtitle);
  html.Close();
  html.Open("main");
  html.Append(page.opening);
  if (AnySection(page.sections)) Contents(page.sections, html);
  for (const Section& section : page.sections) {
    if (!section.body.empty()) html.Append(SectionHtml(section));
  }
  html.Close();
  html.Element("footer", {}, "Written by Penstock's simulator. Intervals are shown as mean ± half width.");
  html.Close();
  html.Close();
  return html.Take();
}

}  // namespace penstock::sim::report
