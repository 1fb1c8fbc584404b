// One page that needs no network: the template of page/, the graph as JSON, and its sections.
#include <algorithm>

#include "base/json.h"
#include "plan/page.h"
#include "plan/sections.h"

namespace tessera {
namespace {

// Inside <script>: `<` could end it, and stands in texts of JSON only, where it may be written as an escape.
Sink guarded(const Sink& sink) {
  return [&sink](std::string_view text) {
    for (size_t at = 0; at < text.size();) {
      const size_t next = std::min(text.find('<', at), text.size());
      sink(text.substr(at, next - at));
      if (next < text.size()) sink("\\u003c");
      at = next + 1;
    }
  };
}

List numbers(const std::vector<uint32_t>& values) {
  List list;
  for (uint32_t value : values) list.push_back(int64_t{value});
  return list;
}

// [{"title": ..., "layers": [{"title": ..., "kinds": [[[move, ...], ...], ...]}, ...]}, ...], moves by their number in
// the JSON.
void draw_sections(const GraphView& view, const Sink& sink) {
  const Sections all = sections_of(view);
  const auto list_of = [&](const std::vector<uint32_t>& bands) {
    List list;
    for (uint32_t band : bands) list.push_back(numbers(all.bands[band].moves));
    return list;
  };
  sink("[");
  for (const Section& section : all.sections) {
    sink(&section == &all.sections.front() ? "\n" : ",\n");
    sink("{\"title\":" + to_json(section.title, shown_json_line) + ",\"layers\":[");
    for (uint32_t layer : section.layers) {
      Map json;
      json["title"] = all.layers[layer].title;
      List kinds;
      for (const auto& kind : all.layers[layer].kinds) kinds.push_back(list_of(kind));
      json["kinds"] = std::move(kinds);
      sink((layer == section.layers.front() ? "\n" : ",\n") + to_json(json, shown_json_line));
    }
    sink("]}");
  }
  sink("]\n");
}

}  // namespace

void draw_html(const GraphView& view, const Map& head, const Sink& sink) {
  constexpr std::string_view plan_slot = "{{plan}}", sections_slot = "{{sections}}";
  const std::string_view page = page_template;
  const size_t plan = page.find(plan_slot), sections = page.find(sections_slot, plan);
  const Sink safe = guarded(sink);
  sink(page.substr(0, plan));
  draw_json(view, head, safe);
  sink(page.substr(plan + plan_slot.size(), sections - plan - plan_slot.size()));
  draw_sections(view, safe);
  sink(page.substr(sections + sections_slot.size()));
}

}  // namespace tessera
