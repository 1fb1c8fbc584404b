// Bands by union-find over the moves; what is alike by a signature in which numbers of names do not stand.
#include "plan/sections.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <unordered_map>

#include "base/text.h"
#include "base/text_hash.h"
#include "plan/folded.h"

namespace tessera {
namespace {

constexpr auto dim = [](MeshDim d) { return static_cast<size_t>(d); };

class Groups {
 public:
  explicit Groups(size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), 0u); }
  uint32_t root(uint32_t id) {
    while (parent_[id] != id) id = parent_[id] = parent_[parent_[id]];
    return id;
  }
  void join(uint32_t a, uint32_t b) { parent_[root(a)] = root(b); }

 private:
  std::vector<uint32_t> parent_;
};

// Equal texts for equal things.
class Signature {
 public:
  void put(int64_t number) { text_.append(reinterpret_cast<const char*>(&number), sizeof number); }
  void put(const std::vector<int64_t>& numbers) {
    put(int64_t(numbers.size()));
    for (int64_t n : numbers) put(n);
  }
  void put(const Span& span) {
    put(span.source);
    put(int64_t{span.begin} << 32 | span.end);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

uint32_t intern(TextMap<uint32_t>& known, const std::string& text) {
  return known.try_emplace(text, uint32_t(known.size())).first->second;
}

class Sectioner {
 public:
  explicit Sectioner(const GraphView& view)
      : view_(view), from_(places_of(view.model.from)), to_(places_of(view.model.to)), by_source_(from_.size() == 1) {}

  Sections run() {
    make_bands();
    for (uint32_t band = 0; band < out_.bands.size(); ++band) place(band);
    for (uint32_t layer = 0; layer < out_.layers.size(); ++layer) place_layer(layer);
    for (Section& section : out_.sections) section.title = title(section);
    return std::move(out_);
  }

 private:
  const Move& move(uint32_t position) const { return view_.graph.moves[view_.moves[position]]; }

  void make_bands() {
    Groups groups(view_.graph.tensors.size());
    for (uint32_t index : view_.moves) {
      const Move& move = view_.graph.moves[index];
      if (move.from != none_id && move.to != none_id) groups.join(move.from, move.to);
    }
    std::vector<uint32_t> band_of(view_.graph.tensors.size(), none_id);
    for (uint32_t i = 0; i < view_.moves.size(); ++i) {
      uint32_t& band = band_of[groups.root(move(i).from != none_id ? move(i).from : move(i).to)];
      if (band == none_id) {
        band = uint32_t(out_.bands.size());
        out_.bands.emplace_back();
      }
      out_.bands[band].moves.push_back(i);
    }
  }

  void place(uint32_t band) {
    const std::vector<TensorId> tensors = tensors_of(view_, out_.bands[band]);
    const std::string title = layer_title(tensors);
    const auto [at, added] = layer_ids_.try_emplace(title, uint32_t(out_.layers.size()));
    if (added) {
      out_.layers.push_back({title, {}});
      kinds_.emplace_back();
    }
    std::vector<uint32_t>& kinds = kinds_[at->second];
    const uint32_t kind = intern(band_kinds_, signature(out_.bands[band], tensors));
    const auto known = std::ranges::find(kinds, kind);
    auto& bands = out_.layers[at->second].kinds;
    if (known == kinds.end()) {
      kinds.push_back(kind);
      bands.emplace_back();
    }
    bands[size_t(std::ranges::find(kinds, kind) - kinds.begin())].push_back(band);
  }

  // Numbers of layers are global at an end of one place; else they count within a stage, which is said then. Tensors of
  // several layers (a stack of them) stand outside of layers.
  std::string layer_title(const std::vector<TensorId>& tensors) const {
    std::string title;
    bool found = false;
    for (const bool source : {by_source_, !by_source_}) {
      for (TensorId id : tensors) {
        const Tensor& tensor = view_.tensor(id);
        if (tensor.output == source) continue;
        const std::string one = title_of(tensor);
        if (found && one != title) return "";
        title = one;
        found = true;
      }
      if (found) return title;
    }
    return title;
  }
  std::string title_of(const Tensor& tensor) const {
    const std::string layer(layer_of(tensor.name));
    const EndSpec& end = tensor.output ? view_.model.to : view_.model.from;
    if (layer.empty() || end.mesh[dim(MeshDim::pp)] * end.mesh[dim(MeshDim::vpp)] == 1) return layer;
    const Coordinates& at = (tensor.output ? to_ : from_)[tensor.place];
    std::string title = format("{} on pp{}", layer, at[dim(MeshDim::pp)]);
    if (end.mesh[dim(MeshDim::vpp)] > 1) title += format(" vpp{}", at[dim(MeshDim::vpp)]);
    return title;
  }

  std::string signature(const Band& band, const std::vector<TensorId>& tensors) const {
    Signature out;
    std::unordered_map<TensorId, int64_t> local;
    for (TensorId id : tensors) {
      local.emplace(id, int64_t(local.size()));
      const Tensor& tensor = view_.tensor(id);
      const Coordinates& at = (tensor.output ? to_ : from_)[tensor.place];
      out.put(int64_t(tensor.dtype) << 1 | tensor.output);
      out.put(tensor.shape);
      out.put(tensor.why);
      out.put(int64_t{at[dim(MeshDim::tp)]} << 32 | at[dim(MeshDim::etp)]);
    }
    for (uint32_t position : band.moves) {
      const Move& one = move(position);
      out.put(int64_t(one.op) << 1 | one.pad);
      out.put(one.why);
      for (TensorId id : {one.from, one.to}) out.put(id == none_id ? -1 : local.at(id));
      for (uint32_t id : {one.program, one.fill}) out.put(int64_t{id});
      for (const auto* numbers : {&one.box->shape, &one.box->from.strides, &one.box->to.strides}) out.put(*numbers);
      for (int64_t offset : {one.box->from.offset, one.box->to.offset}) out.put(offset);
    }
    return out.text();
  }

  void place_layer(uint32_t layer) {
    Signature out;
    for (size_t i = 0; i < kinds_[layer].size(); ++i) {
      out.put(kinds_[layer][i]);
      out.put(int64_t(out_.layers[layer].kinds[i].size()));
    }
    const uint32_t section = intern(layer_kinds_, out.text());
    if (section == out_.sections.size()) out_.sections.emplace_back();
    out_.sections[section].layers.push_back(layer);
  }

  std::string title(const Section& section) const {
    std::vector<std::string> titles;
    for (uint32_t layer : section.layers) titles.push_back(out_.layers[layer].title);
    std::vector<std::string> folded;
    for (const FoldedName& one : fold_names(titles)) folded.push_back(one.text);
    return folded == std::vector<std::string>{""} ? "outside of the layers" : join(folded, ", ");
  }

  const GraphView& view_;
  std::vector<Coordinates> from_, to_;
  bool by_source_;
  Sections out_;
  TextMap<uint32_t> layer_ids_, band_kinds_, layer_kinds_;
  std::vector<std::vector<uint32_t>> kinds_;  // by layer: what Layer::kinds[i] is
};

}  // namespace

std::string_view layer_of(std::string_view name) {
  for (size_t begin = 0; begin < name.size();) {
    const size_t end = std::min(name.find('.', begin), name.size());
    const std::string_view segment = name.substr(begin, end - begin);
    if (!segment.empty() && segment.find_first_not_of("0123456789") == segment.npos) return name.substr(0, end);
    begin = end + 1;
  }
  return {};
}

std::vector<TensorId> tensors_of(const GraphView& view, const Band& band) {
  std::vector<TensorId> tensors;
  std::unordered_map<TensorId, bool> seen;
  for (uint32_t position : band.moves) {
    const Move& move = view.graph.moves[view.moves[position]];
    for (TensorId id : {move.from, move.to})
      if (id != none_id && seen.try_emplace(id, true).second) tensors.push_back(id);
  }
  return tensors;
}

Sections sections_of(const GraphView& view) { return Sectioner(view).run(); }

}  // namespace tessera
