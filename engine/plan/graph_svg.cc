// A picture of the graph: sources left, outputs right, the rule of each move between. One band below the other, so no
// two lines of different bands cross; layers that are alike are drawn once, with a count. Nothing but this file is
// needed.
#include <algorithm>

#include "base/text.h"
#include "plan/svg_bands.h"

namespace tessera {
namespace {

// In pixels.
constexpr int width = 1240, margin = 24, node_width = 440, rule_width = 200;
constexpr int node_height = 36, gap = 6, band_gap = 14, heading_height = 40, title_height = 64;
constexpr int left_x = margin, rule_x = (width - rule_width) / 2, right_x = width - margin - node_width;
constexpr size_t name_room = 56, detail_room = 58, rule_room = 26;  // characters
constexpr size_t most_bands = 300;

constexpr const char* style = R"(<style>
svg {
  --page: #ffffff; --ink: #1c2330; --soft: #667085; --line: #8fa3c7; --card: #f4f6fa; --edge: #cdd5e3;
  --in: #2f6fdb; --out: #12805c; --rule: #fff6e0; --rule-edge: #e0b458;
}
@media (prefers-color-scheme: dark) {
  svg {
    --page: #12161e; --ink: #e6eaf2; --soft: #98a3b8; --line: #56698f; --card: #1b212d; --edge: #323c4f;
    --in: #6ea3ff; --out: #4cc79a; --rule: #2f2815; --rule-edge: #a3813a;
  }
}
text { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: var(--ink); }
.page { fill: var(--page); }
.title { font-size: 17px; font-weight: 600; }
.heading { font-size: 14px; font-weight: 600; }
.soft { fill: var(--soft); font-size: 10.5px; }
.node { fill: var(--card); stroke: var(--edge); }
.in { fill: var(--in); }
.out { fill: var(--out); }
.rule { fill: var(--rule); stroke: var(--rule-edge); }
.compared { stroke-dasharray: 4 3; }
path { fill: none; stroke: var(--line); stroke-width: 1.4; }
.band:hover path { stroke: var(--in); stroke-width: 2; }
.divide { stroke: var(--edge); }
</style>
)";

std::string xml(std::string_view raw) {
  std::string out;
  for (char c : raw) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

// Lines of text from files, whole, safe in XML.
std::string safe(std::string_view raw) {
  std::vector<std::string> shown;
  for (const std::string& line : split(std::string(raw), '\n')) shown.push_back(escape(line, 4000));
  return xml(join(shown, "\n"));
}

// Cut in the middle: both ends of a name tell the most.
std::string fitted(std::string_view raw, size_t room) {
  const std::string text = escape(raw, 4000);
  if (characters(text) <= room) return xml(text);
  size_t head = text.size() * room / characters(text) / 2, tail = text.size() - head;
  const auto inside = [&](size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80; };
  while (head > 0 && inside(head)) --head;
  while (tail < text.size() && inside(tail)) ++tail;
  return xml(text.substr(0, head)) + "\u2026" + xml(text.substr(tail));
}

int column_height(size_t count) { return int(count) * (node_height + gap) - gap; }

class Picture {
 public:
  Picture(const GraphView& view, const Sink& sink)
      : view_(view), sink_(sink), sections_(sections_of(view)), places_(view.model) {}

  void run(const std::string& title) {
    collect();
    sink_(format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\">\n",
                 width, height()));
    sink_(style);
    sink_("<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n");
    head(title);
    int y = title_height;
    for (const Shown& shown : shown_) y = section(shown, y);
    if (left_out_ > 0)
      sink_(
          format("<text class=\"soft\" x=\"{}\" y=\"{}\">... and {} more groups of tensors: narrow the picture with "
                 "--layer or --name</text>\n",
                 margin, y + 20, left_out_));
    sink_("</svg>\n");
  }

 private:
  struct Shown {
    const Section* section = nullptr;
    std::vector<SvgBand> bands;
  };

  static int band_height(const SvgBand& band) {
    return std::max(
        {column_height(band.left.size()), column_height(band.rules.size()), column_height(band.right.size())});
  }
  int height() const {
    int sum = title_height + margin + (left_out_ > 0 ? 30 : 0);
    for (const Shown& shown : shown_) {
      sum += heading_height;
      for (const SvgBand& band : shown.bands) sum += band_height(band) + band_gap;
    }
    return sum;
  }

  void collect() {
    size_t bands = 0;
    for (const Section& section : sections_.sections) {
      Shown shown{&section, {}};
      for (size_t kind = 0; kind < sections_.layers[section.layers[0]].kinds.size(); ++kind) {
        if (bands++ >= most_bands) {
          ++left_out_;
          continue;
        }
        std::vector<uint32_t> alike;
        for (uint32_t layer : section.layers) {
          const auto& more = sections_.layers[layer].kinds[kind];
          alike.insert(alike.end(), more.begin(), more.end());
        }
        shown.bands.push_back(svg_band(view_, sections_, alike, places_));
      }
      if (!shown.bands.empty()) shown_.push_back(std::move(shown));
    }
  }

  void text(const char* kind, int x, int y, const std::string& xml_text, bool right = false) {
    sink_(format("<text class=\"{}\" x=\"{}\" y=\"{}\"{}>{}</text>\n", kind, x, y, right ? " text-anchor=\"end\"" : "",
                 xml_text));
  }

  void head(const std::string& title) {
    const Costs costs = costs_of(view_);
    const Verdict& verdict = view_.graph.verdict;
    text("title", margin, 32, safe(title));
    text("soft", margin, 52,
         safe(format("{} tensors read ({}), {} written ({}), {} moves; {}{}", costs.sources,
                     show_bytes(costs.bytes_read), costs.outputs, show_bytes(costs.bytes_written), costs.moves,
                     grade_name(verdict.grade), verdict.reason.empty() ? "" : ": " + verdict.reason)));
  }

  int section(const Shown& shown, int y) {
    const size_t count = shown.section->layers.size();
    sink_(format("<line class=\"divide\" x1=\"{}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>\n", margin, width - margin, y + 6,
                 y + 6));
    text("heading", margin, y + 26, fitted(shown.section->title, 100));
    if (count > 1) text("soft", width - margin, y + 26, format("{} alike, drawn once", count), true);
    y += heading_height;
    for (const SvgBand& one : shown.bands) y = band(one, y);
    return y;
  }

  int band(const SvgBand& band, int y) {
    const int height = band_height(band);
    const auto top = [&](size_t count) { return y + (height - column_height(count)) / 2; };
    const int left = top(band.left.size()), middle = top(band.rules.size()), right = top(band.right.size());
    sink_("<g class=\"band\">\n");
    for (const auto& [from, rule, to] : band.lines) {
      const char* kind = band.rules[size_t(rule)].writes ? "move" : "compared";
      const int at = center(middle, rule);
      if (from >= 0) line(kind, left_x + node_width, center(left, from), rule_x, at);
      if (to >= 0) line(kind, rule_x + rule_width, at, right_x, center(right, to));
    }
    for (size_t i = 0; i < band.left.size(); ++i)
      node(band.left[i], left_x, center(left, int(i)) - node_height / 2, false);
    for (size_t i = 0; i < band.right.size(); ++i)
      node(band.right[i], right_x, center(right, int(i)) - node_height / 2, true);
    for (size_t i = 0; i < band.rules.size(); ++i) rule(band.rules[i], center(middle, int(i)) - node_height / 2);
    sink_("</g>\n");
    return y + height + band_gap;
  }

  static int center(int top, int index) { return top + index * (node_height + gap) + node_height / 2; }

  void line(const char* kind, int x, int y, int to_x, int to_y) {
    const int half = (x + to_x) / 2;
    sink_(format("<path class=\"{}\" d=\"M{} {}C{} {} {} {} {} {}\"/>\n", kind, x, y, half, y, half, to_y, to_x, to_y));
  }

  void node(const SvgNode& node, int x, int y, bool output) {
    sink_(format("<g><title>{}</title><rect class=\"node\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"5\"/>",
                 safe(node.tip), x, y, node_width, node_height));
    sink_(format("<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"4\" height=\"{}\" rx=\"2\"/>\n", output ? "out" : "in",
                 output ? x + node_width - 4 : x, y, node_height));
    text("name", x + 10, y + 15, fitted(node.name, name_room));
    text("soft", x + 10, y + 29, fitted(node.detail, detail_room));
    if (node.count > 1) text("soft", x + node_width - 10, y + 29, format("\u00d7{}", node.count), true);
    sink_("</g>\n");
  }

  void rule(const SvgRule& rule, int y) {
    sink_(
        format("<g><title>{}</title><rect class=\"rule{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"17\"/>\n",
               safe(rule.tip), rule.writes ? "" : " compared", rule_x, y, rule_width, node_height));
    sink_(format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>", width / 2, y + 15,
                 fitted(rule.name, rule_room)));
    sink_(format("<text class=\"soft\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text></g>\n", width / 2, y + 29,
                 fitted(rule.detail, rule_room)));
  }

  const GraphView& view_;
  const Sink& sink_;
  Sections sections_;
  PlaceTexts places_;
  std::vector<Shown> shown_;
  size_t left_out_ = 0;
};

}  // namespace

void draw_svg(const GraphView& view, const std::string& title, const Sink& sink) { Picture(view, sink).run(title); }

}  // namespace tessera
