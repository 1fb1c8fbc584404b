// Pairs that share a source at either end are one job, done by one thread; jobs are taken in the order in which the
// first end lies on disk.
#include "run/compare.h"

#include <algorithm>
#include <mutex>

#include "run/groups.h"
#include "run/threads.h"
#include "run/tiles.h"
#include "store/parallel.h"

namespace tessera {
namespace {

// The groups of one end, and in which of them each output and its moves stand.
struct Grouped {
  explicit Grouped(const CompareEnd& end)
      : groups(group_moves(end.graph, end.reader.contents())), at(end.graph.tensors.size(), none) {
    for (size_t g = 0; g < groups.size(); ++g)
      for (size_t i = 0; i < groups[g].outputs.size(); ++i) at[groups[g].outputs[i]] = {g, i};
  }
  const std::vector<uint32_t>& moves(TensorId output) const {
    static const std::vector<uint32_t> nothing;  // of an output without elements
    return at[output] == none ? nothing : groups[at[output].first].moves[at[output].second];
  }
  static constexpr std::pair<size_t, size_t> none{SIZE_MAX, 0};
  std::vector<Group> groups;
  std::vector<std::pair<size_t, size_t>> at;
};

struct Job {
  std::vector<size_t> pairs;
  std::vector<uint32_t> compares_a, compares_b;
};

std::vector<Job> jobs_of(const Grouped& a, const Grouped& b, const std::vector<OutputPair>& pairs) {
  UnionFind sets(a.groups.size() + b.groups.size());
  const auto of_b = [&](size_t g) { return static_cast<uint32_t>(a.groups.size() + g); };
  const auto is_made = [&](const OutputPair& p) { return a.at[p.a] != Grouped::none && b.at[p.b] != Grouped::none; };
  for (const OutputPair& p : pairs)
    if (is_made(p)) sets.join(static_cast<uint32_t>(a.at[p.a].first), of_b(b.at[p.b].first));
  std::vector<size_t> job_of(a.groups.size() + b.groups.size(), SIZE_MAX);
  std::vector<Job> jobs;
  const auto job = [&](uint32_t group) -> Job& {
    size_t& at = job_of[sets.find(group)];
    if (at == SIZE_MAX) {
      at = jobs.size();
      jobs.emplace_back();
    }
    return jobs[at];
  };
  for (uint32_t g = 0; g < a.groups.size(); ++g) {
    auto& compares = job(g).compares_a;
    compares.insert(compares.end(), a.groups[g].compares.begin(), a.groups[g].compares.end());
  }
  for (uint32_t g = 0; g < b.groups.size(); ++g) {
    auto& compares = job(of_b(g)).compares_b;
    compares.insert(compares.end(), b.groups[g].compares.begin(), b.groups[g].compares.end());
  }
  for (size_t i = 0; i < pairs.size(); ++i)
    if (is_made(pairs[i])) job(static_cast<uint32_t>(a.at[pairs[i].a].first)).pairs.push_back(i);
  return jobs;
}

uint64_t bytes_of(const Graph& graph, TensorId id) {
  return static_cast<uint64_t>(volume(graph.tensors[id].shape)) * byte_size(graph.tensors[id].dtype);
}

// What all threads share.
struct Comparing {
  const CompareEnd &a, &b;
  const Grouped &grouped_a, &grouped_b;
  const std::vector<OutputPair>& pairs;
  const CompareOptions& options;
  CompareResult& result;
  uint64_t total = 0, done = 0;
  CheckedStorages storages_a{a.reader}, storages_b{b.reader};
  std::mutex mutex{};  // result, done
  std::atomic<bool> stop{false};
};

class Comparer {
 public:
  Comparer(Comparing& shared, uint64_t memory)
      : shared_(shared),
        a_(shared.a.graph, shared.a.reader, shared.storages_a, native_kernel(), memory / 2),
        b_(shared.b.graph, shared.b.reader, shared.storages_b, native_kernel(), memory / 2) {}

  void run(const Job& job) {
    for (const size_t i : job.pairs)
      if (!shared_.stop) compare(i);
    look_within(shared_.a.graph, a_, job.compares_a, shared_.result.within_a);
    look_within(shared_.b.graph, b_, job.compares_b, shared_.result.within_b);
  }
  uint64_t bytes_read() { return a_.windows().bytes_read() + b_.windows().bytes_read(); }
  uint64_t compared = 0;

 private:
  void compare(size_t i) {
    const OutputPair& pair = shared_.pairs[i];
    const Tensor &a = shared_.a.graph.tensors[pair.a], &b = shared_.b.graph.tensors[pair.b];
    const auto size = static_cast<int64_t>(byte_size(a.dtype) + byte_size(b.dtype));
    const int64_t total = volume(a.shape), most = std::max<int64_t>(1, static_cast<int64_t>(2 * a_.bytes()) / size);
    Comparison comparison(a.dtype, b.dtype, shared_.options.tolerance);
    for (int64_t first = 0; first < total && !shared_.stop; first += most) {
      const int64_t count = std::min(most, total - first);
      comparison.add(first, a_.make(pair.a, shared_.grouped_a.moves(pair.a), first, count),
                     b_.make(pair.b, shared_.grouped_b.moves(pair.b), first, count));
      advance(static_cast<uint64_t>(count * size));
    }
    shared_.result.pairs[i] = comparison.found();  // of this thread alone
  }

  void look_within(const Graph& graph, Tiles& tiles, const std::vector<uint32_t>& moves,
                   std::vector<Disagreement>& found) {
    for (const uint32_t m : moves) {
      const auto bad = compare_sources(graph, tiles.windows(), graph.moves[m], tiles.bytes(), shared_.stop, compared);
      if (!bad) continue;
      const std::lock_guard lock(shared_.mutex);
      found.push_back({m, *bad});
    }
  }

  void advance(uint64_t bytes) {
    if (!shared_.options.progress) return;
    const std::lock_guard lock(shared_.mutex);
    shared_.options.progress(shared_.done += bytes, shared_.total);
  }

  Comparing& shared_;
  Tiles a_, b_;
};

}  // namespace

CompareResult compare_outputs(const CompareEnd& a, const CompareEnd& b, const std::vector<OutputPair>& pairs,
                              const CompareOptions& options) {
  const Grouped grouped_a(a), grouped_b(b);
  const std::vector<Job> jobs = jobs_of(grouped_a, grouped_b, pairs);
  CompareResult result;
  result.pairs.resize(pairs.size());
  Comparing shared{.a = a,
                   .b = b,
                   .grouped_a = grouped_a,
                   .grouped_b = grouped_b,
                   .pairs = pairs,
                   .options = options,
                   .result = result};
  for (const OutputPair& p : pairs) shared.total += bytes_of(a.graph, p.a) + bytes_of(b.graph, p.b);
  const int count = thread_count(options.threads, jobs.size());  // nothing waits for a disk to write
  std::atomic<size_t> next{0};
  run_threads(count, shared.stop, [&] {
    Comparer comparer(shared, affordable(options.memory) / static_cast<uint64_t>(count));
    for (size_t j = next++; j < jobs.size() && !shared.stop; j = next++) comparer.run(jobs[j]);
    const std::lock_guard lock(shared.mutex);
    result.bytes_read += comparer.bytes_read();
    result.compared += comparer.compared;
  });
  shared.storages_a.finish(options.threads);
  shared.storages_b.finish(options.threads);
  for (auto* within : {&result.within_a, &result.within_b}) std::ranges::sort(*within, {}, &Disagreement::move);
  return result;
}

}  // namespace tessera
