// What the verbs share: finding rules, reading options, showing reports and refusals.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "base/json.h"
#include "base/path.h"
#include "base/suggest.h"
#include "base/text.h"
#include "confine.h"
#include "verbs.h"

namespace tessera::cli {
namespace {

bool chosen(const std::string& when, bool automatic) { return when == "always" || (when == "auto" && automatic); }

void print_error(const char* message, bool color) {
  std::fprintf(stderr, "%s%s\n", color ? "\033[31;1merror:\033[0m " : "error: ", message);
}

}  // namespace

std::pair<std::string, Value> setting(const std::string& text) {
  const size_t equal = text.find('=');
  if (equal == 0 || equal == std::string::npos) fail_usage(format("--set {}: wants KEY=VALUE", escape(text)));
  const std::string value = text.substr(equal + 1);
  try {
    return {text.substr(0, equal), parse_json(value, "--set")};
  } catch (const Error&) {
    return {text.substr(0, equal), Value(value)};
  }
}

bool Global::use_color() const {
  const char* no = std::getenv("NO_COLOR");
  return chosen(color, isatty(STDERR_FILENO) && !(no && *no));
}

bool Global::use_progress() const { return !quiet && chosen(progress, isatty(STDERR_FILENO)); }

RuleFolders Global::folders() const {
  RuleFolders found;
  for (const std::string& folder : rules_dirs) found.folders.emplace_back(folder);
  if (const char* set = std::getenv("TESSERA_RULES"))
    for (const std::string& folder : split(set, ':'))
      if (!folder.empty()) found.folders.emplace_back(folder);
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  if (error == std::errc::no_such_file_or_directory) return found;
  if (error) fail_world(format("/proc/self/exe: cannot find the installed rules: {}", error.message()));
  for (const auto& folder : {path_in(program, "../share/tessera/rules"), path_in(program, "../../rules")})
    if (std::filesystem::is_directory(folder)) {
      found.folders.push_back(plain_path(folder));
      break;
    }
  return found;
}

void Global::confine_to(const std::vector<std::string>& read, const std::string& written, bool libtorch) const {
  if (no_sandbox) return;
  Needs needs{{"/proc/self", "/sys/devices/system/cpu"}, {}};  // memory in use, number of processors
  const auto add = [&](const std::filesystem::path& path) {
    for (auto& one : read_reach(path)) needs.read.push_back(std::move(one));
  };
  for (const std::string& path : read)
    if (!path.empty()) add(path);
  for (const auto& folder : folders().folders) add(folder);
  if (libtorch) {
    needs.read.insert(needs.read.end(), {"/proc", "/sys", "/etc", "/usr", "/lib", "/lib64", "/opt"});
    needs.write.emplace_back("/dev");
  }
  if (!written.empty()) needs.write.push_back(write_reach(written));
  confine(needs);
}

void RequestOptions::add_to(CLI::App& verb) {
  verb.add_option("--rules", request.rules, "a rule file, or a family's name");
  verb.add_option("--from", request.from, "side of the source");
  verb.add_option("--to", request.to, "side of the target");
  verb.add_option("--dialect", dialect, "spelling of the target side: names with commas, or none");
  for (auto& [name, size] : mesh)
    verb.add_option("--" + name, size, "the target's " + name + " size")->check(CLI::Range(1, 65536))->type_name("N");
  verb.add_option("--place", places, "placement table, as pp=6,9,9,8");
  verb.add_option("--dtype", dtype, "fp32, fp16, bf16: of floating weights");
  verb.add_option("--pad-fill", pad_fill, "zero, or repeat the last index")->check(CLI::IsMember({"zero", "repeat"}));
  verb.add_option("--set", settings, "KEY=VALUE: an option or configuration key")->allow_extra_args(false);
}

Request RequestOptions::finish(const Global& global) const {
  Request made = request;
  made.folders = global.folders();
  if (!dialect.empty()) made.dialects = split(dialect, ',');
  for (const auto& [name, size] : mesh)
    if (size > 0) made.mesh[name] = size;
  for (const std::string& place : places) {
    const size_t equal = place.find('=');
    if (equal == std::string::npos) fail_usage(format("--place {}: wants DIM=COUNTS", escape(place)));
    made.place[place.substr(0, equal)] = place.substr(equal + 1);
  }
  if (!dtype.empty()) {
    made.dtype = dtype_by_word(dtype);
    if (!made.dtype || !is_float(*made.dtype))
      fail_usage(format("--dtype {}: wants fp32, fp16 or bf16{}", escape(dtype),
                        did_you_mean(dtype, {"fp32", "fp16", "bf16", "fp64", "float32", "float16", "bfloat16"})));
  }
  made.pad_repeat = pad_fill == "repeat";
  for (const std::string& text : settings) made.settings.insert(setting(text));
  return made;
}

void show_some(const char* kind, const std::vector<std::string>& lines, size_t before) {
  const size_t some = std::min(lines.size(), Diagnostics::most - before);
  for (size_t i = 0; i < some; ++i) std::fprintf(stderr, "%s: %s\n", kind, escape(lines[i], 2000).c_str());
  if (some < lines.size()) std::fprintf(stderr, "%s: and %zu more\n", kind, lines.size() - some);
}

void show(const Report& report, const Session& session, const Global& global) {
  if (!global.quiet) {
    if (session.warnings.warning_count())
      std::fputs(render(session.warnings, session.sources, global.use_color()).c_str(), stderr);
    show_some("warning", report.warnings, std::min(Diagnostics::most, session.warnings.warning_count()));
  }
  if (global.json) {
    std::printf("%s\n", to_json(report.json, shown_json).c_str());
  } else if (!global.quiet) {
    for (const std::string& line : report.lines) print_line(stdout, line);
  }
}

const char* plain_text(const std::exception& error) {
  const bool memory = dynamic_cast<const std::bad_alloc*>(&error) != nullptr;
  return memory ? "out of memory; a smaller --memory may help" : error.what();
}

void print_line(std::FILE* stream, const std::string& line) try {
  std::fprintf(stream, "%s\n", escape_lines(line).c_str());
} catch (const std::bad_alloc&) {  // what was done stays done
  std::fputs("(too little memory to show this line)\n", stream);
}

int guarded(Session& session, const Global& global, const std::function<int()>& action) {
  try {
    return action();
  } catch (const Refused& refused) {
    std::fputs(render(refused.diagnostics, session.sources, global.use_color()).c_str(), stderr);
    return 1;
  } catch (const Error& error) {
    print_error(escape_lines(error.what()).c_str(), global.use_color());
    return int(error.fault());
  } catch (const std::bad_alloc& error) {
    print_error(plain_text(error), global.use_color());
    return 3;
  } catch (const std::exception& error) {
    print_error(escape_lines(plain_text(error)).c_str(), global.use_color());
    return 3;
  }
}

uint64_t size_option(const std::string& option, const std::string& text) {
  const auto size = parse_size(text);
  if (!size) fail_usage(format("{} {}: wants a size such as 5GB, 500MB, 2GiB", option, escape(text)));
  return *size;
}

}  // namespace tessera::cli
