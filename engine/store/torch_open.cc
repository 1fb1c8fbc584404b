// One bare file as a checkpoint: a dict of weights, or the only rank of a Megatron checkpoint.
#include "base/error.h"
#include "base/text.h"
#include "store/megatron_rank.h"

namespace tessera {
namespace {

Contents describe(const std::filesystem::path& path, const char* of) {
  Contents about;
  about.format = of;
  about.root = path;
  about.places = {PlaceInfo{}};
  return about;
}

std::unique_ptr<Reader> open_rank(const std::filesystem::path& path, TorchFile file) {
  MegatronRank rank = read_megatron_rank(std::move(file));
  const Mesh mesh = mesh_of_arguments(rank, single_place);
  if (mesh != single_place || rank.chunks > 1)
    fail_world(format("{}: one of several ranks or stages of a checkpoint: name its folder", rank.file));
  Contents about = describe(path, "torch");
  about.side = "mcore";
  about.has_config = rank.args.has_value();
  about.config = rank.args ? std::move(*rank.args) : Map();
  about.config["checkpoint_version"] = rank.version;
  if (rank.iteration) about.config["iteration"] = *rank.iteration;
  rank.reader->describe(std::move(about));
  return std::move(rank.reader);
}

}  // namespace

std::unique_ptr<Reader> open_torch_file(const std::filesystem::path& path) {
  TorchFile file = read_torch_file(path);
  const std::string name = show_path(path);
  const PickleTree& tree = file.tree;
  if (!tree.is(tree.root, PickleKind::dict))
    fail_world(format("{}: its value is of kind {}, not a dict of tensors", name, name_of(tree.at(tree.root).kind)));
  if (is_megatron_dict(tree)) return open_rank(path, std::move(file));

  StateDict state = state_dict(tree, tree.root, false, name);
  Contents about = describe(path, "bin");
  about.warnings = std::move(file.warnings);
  for (const std::string& where : state.unnamed)
    about.warnings.push_back(format("{}: tensors in a list or an object{} have no name and are not read", name,
                                    where.empty() ? "" : format(" at `{}`", where)));
  if (state.unnamed_count > state.unnamed.size())
    about.warnings.push_back(
        format("{}: so it is in {} more places", name, state.unnamed_count - state.unnamed.size()));
  auto reader = std::make_unique<TorchReader>(std::move(file.archive), std::move(about));
  for (StateTensor& tensor : state.tensors) reader->add(tree, std::move(tensor), 0);
  return reader;
}

}  // namespace tessera
