// One function a verb: it adds its subcommand; when the user chose it, its action runs and says the exit status.
#pragma once
#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <string>

#include "engine.h"

namespace tessera::cli {

// Options that every verb has, and how things are shown.
struct Global {
  bool json = false, quiet = false, verbose = false, no_sandbox = false;
  std::string color = "auto", progress = "auto";
  std::vector<std::string> rules_dirs;
  std::function<int()> action;

  bool use_color() const;
  bool use_progress() const;
  RuleFolders folders() const;
  // From now on nothing is opened but these (empty ones are none), what lies around them, and rule files (confine.h);
  // with `libtorch`, what that and a device's driver open when they are used first.
  void confine_to(const std::vector<std::string>& read, const std::string& written = "", bool libtorch = false) const;
};

void add_convert(CLI::App& app, Global& global);
void add_check(CLI::App& app, Global& global);
void add_plan(CLI::App& app, Global& global);
void add_explain(CLI::App& app, Global& global);
void add_inspect(CLI::App& app, Global& global);
void add_diff(CLI::App& app, Global& global);
void add_verify(CLI::App& app, Global& global);
void add_init(CLI::App& app, Global& global);
void add_families(CLI::App& app, Global& global);

// What convert and plan share: rules, sides, mesh, dialect, dtype, --set.
struct RequestOptions {
  Request request;
  std::string dialect, dtype, pad_fill = "zero";
  std::vector<std::string> settings, places;
  std::map<std::string, int> mesh{{"tp", 0}, {"pp", 0}, {"vpp", 0}, {"ep", 0}, {"etp", 0}};

  void add_to(CLI::App& verb);
  Request finish(const Global& global) const;  // Error(usage) for what cannot be read
};

// --set KEY=VALUE: JSON, else text.
std::pair<std::string, Value> setting(const std::string& text);
// Prints a report: JSON on stdout if asked, else its lines; warnings to stderr.
void show(const Report& report, const Session& session, const Global& global);
// Lines of one kind to stderr: with those that were shown `before` no more than Diagnostics::most; the rest is counted.
void show_some(const char* kind, const std::vector<std::string>& lines, size_t before = 0);
// What is told of an exception that is nobody's refusal; made without memory.
const char* plain_text(const std::exception& error);
// Whatever it was made of: no control character reaches a terminal.
void print_line(std::FILE* stream, const std::string& line);
// Runs an action; prints what was refused; the exit status.
int guarded(Session& session, const Global& global, const std::function<int()>& action);
uint64_t size_option(const std::string& option, const std::string& text);

}  // namespace tessera::cli
