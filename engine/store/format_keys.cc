// The few keys that formats write by themselves.
#include "store/format_keys.h"

#include <algorithm>
#include <array>
#include <map>

#include "store/megatron_stages.h"

namespace tessera {
namespace {

constexpr std::array<std::pair<MeshDim, const char*>, 4> size_keys = {{
    {MeshDim::tp, "tensor_model_parallel_size"},
    {MeshDim::pp, "pipeline_model_parallel_size"},
    {MeshDim::ep, "expert_model_parallel_size"},
    {MeshDim::etp, "expert_tensor_parallel_size"},
}};

constexpr std::array<std::string_view, 28> keys = {"dtype",
                                                   "torch_dtype",
                                                   "transformers_version",
                                                   "params_dtype",
                                                   "fp16",
                                                   "bf16",
                                                   "iteration",
                                                   "checkpoint_version",
                                                   "consumed_train_samples",
                                                   "consumed_valid_samples",
                                                   "tensor_model_parallel_size",
                                                   "pipeline_model_parallel_size",
                                                   "expert_model_parallel_size",
                                                   "expert_tensor_parallel_size",
                                                   "virtual_pipeline_model_parallel_size",
                                                   "num_layers_per_virtual_pipeline_stage",
                                                   "num_virtual_stages_per_pipeline_rank",
                                                   "decoder_first_pipeline_num_layers",
                                                   "decoder_last_pipeline_num_layers",
                                                   "pipeline_model_parallel_layout",
                                                   "account_for_embedding_in_pipeline_split",
                                                   "account_for_loss_in_pipeline_split",
                                                   "model_parallel_size",
                                                   "data_parallel_size",
                                                   "world_size",
                                                   "rank",
                                                   "local_rank",
                                                   "_name_or_path"};

DType usual_dtype(const OutputSpec& spec) {
  std::map<DType, double> elements;
  for (const OutTensor& t : spec.tensors) {
    if (!is_float(t.dtype)) continue;
    double n = 1;
    for (int64_t d : t.shape) n *= double(d);
    elements[t.dtype] += n;
  }
  const auto most = std::max_element(elements.begin(), elements.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == elements.end() ? DType::f32 : most->first;
}

void add_arguments(OutputSpec& spec, DType dtype) {
  Map& args = spec.config;
  args["params_dtype"] = Opaque{"dtype", "torch." + std::string(info(dtype).torch)};
  args["fp16"] = dtype == DType::f16;
  args["bf16"] = dtype == DType::bf16;
  for (const auto& [dim, key] : size_keys) args[key] = int64_t{spec.mesh[size_t(dim)]};
  const int32_t chunks = spec.mesh[size_t(MeshDim::vpp)];
  args["virtual_pipeline_model_parallel_size"] = chunks > 1 ? Value(int64_t{chunks}) : Value();
  say_stages(args, spec.stages, spec.mesh);
  for (const auto& [key, value] :
       {std::pair{"data_parallel_size", 1}, {"rank", 0}, {"consumed_train_samples", 0}, {"consumed_valid_samples", 0}})
    if (!args.find(key)) args[key] = value;
  args["iteration"] = spec.iteration;
}

}  // namespace

void add_format_keys(OutputSpec& spec) {
  const DType dtype = usual_dtype(spec);
  if (spec.format == "torch" || spec.format == "torch_dist") {
    add_arguments(spec, dtype);
  } else {
    const char* key = spec.config.find("torch_dtype") ? "torch_dtype" : "dtype";
    spec.config[key] = std::string(info(dtype).torch);
  }
}

bool is_format_key(std::string_view key) { return std::find(keys.begin(), keys.end(), key) != keys.end(); }

}  // namespace tessera
