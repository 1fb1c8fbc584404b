// What both printings of an explanation say in the same words.
#include "explaining.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "plan/values.h"

namespace tessera {

const char* omission_kind(Omission::Kind kind) {
  constexpr const char* kinds[] = {"pad", "unused", "copy"};
  return kinds[static_cast<size_t>(kind)];
}

const char* omission_text(Omission::Kind kind) {
  constexpr const char* texts[] = {"a pad, which holds nothing", "the other side has no use for it",
                                   "a further copy with value operations of its own: its name and shape are checked"};
  return texts[static_cast<size_t>(kind)];
}

std::string value_text(const FillValue& value) {
  return value.is_integer && !value.at ? format("{}", value.integer) : show_float(value.constant);
}

std::string place_text(const ExplainContext& context, Span span) {
  if (!span.known()) return "";
  return format("{}:{}", context.sources.name(span.source), context.sources.position(span).line);
}

std::vector<std::string> steps_text(const ExplainContext& context, const Move& move) {
  std::vector<std::string> texts;
  if (move.program == none_id) return texts;
  for (const ScalarStep& step : context.prepared.plan.graph.programs[move.program]) texts.push_back(to_text(step));
  return texts;
}

std::vector<RuleId> rules_of(const Graph& graph, const Explanation& explanation) {
  std::vector<RuleId> rules;
  const auto add = [&](RuleId rule) {
    if (std::ranges::find(rules, rule) == rules.end()) rules.push_back(rule);
  };
  for (const uint32_t i : explanation.moves) add(graph.moves[i].why);
  for (const uint32_t i : explanation.omissions) add(graph.omissions[i].why);
  return rules;
}

std::vector<RuleLine> rule_lines(const ExplainContext& context, const Explanation& explanation, RuleId rule) {
  std::map<std::pair<SourceId, uint32_t>, RuleLine> lines;
  const auto add = [&](Span span) {
    if (!span.known()) return;
    const uint32_t line = context.sources.position(span).line;
    std::string text = context.sources.line_around(span);
    text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
    lines.try_emplace({span.source, line}, RuleLine{place_text(context, span), std::move(text)});
  };
  for (const ToldTensor& tensor : explanation.tensors)
    for (const Laying& laying : tensor.layings)
      if (laying.rule == rule) add(laying.address->text.span);
  for (const uint32_t i : explanation.moves)
    if (const Move& move = context.prepared.plan.graph.moves[i]; move.why == rule) add(move.span);
  if (lines.empty()) add(context.prepared.rules.set.rules[rule].span);
  std::vector<RuleLine> sorted;
  for (auto& [at, line] : lines) sorted.push_back(std::move(line));
  return sorted;
}

}  // namespace tessera
