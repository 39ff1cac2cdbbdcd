#pragma once
// What the sub-commands share: each file adds one to the program, and runs it when CLI11 calls back.

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>

#include "spearstorm/core/error.hpp"

namespace cli {

namespace ss = spearstorm;
namespace fs = std::filesystem;
using ss::index;

/// Exit codes: what the user can mend by another command line or another file, and everything else.
inline constexpr int failed = 1, bad_input = 2, interrupted = 130;

/// Ends the program with a code and, where there is one, a line of text.
struct stop {
  int code;
  std::string text = {};
};

void add_corpus(CLI::App& program);
void add_tokenize(CLI::App& program);
void add_train(CLI::App& program);
void add_evaluate(CLI::App& program);
void add_generate(CLI::App& program);
void add_respeak(CLI::App& program);
void add_resynthesize(CLI::App& program);
void add_train_text(CLI::App& program);
void add_evaluate_text(CLI::App& program);
void add_label(CLI::App& program);
void add_speak(CLI::App& program);
void add_convert(CLI::App& program);
void add_inspect(CLI::App& program);

/// An option that shows its default in the help.
template <class T>
CLI::Option* option(CLI::App& command, std::string const& name, T& value, std::string const& help) {
  return command.add_option(name, value, help)->capture_default_str();
}

}  // namespace cli
