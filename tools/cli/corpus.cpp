// spearstorm corpus: hands over to tools/make_corpus, from the source tree or from where it was installed.

#include <unistd.h>

#include <cstring>

#include "command.hpp"

namespace cli {
namespace {

/// tools/make_corpus of the source tree that holds the build folder, or share/spearstorm/make_corpus beside bin.
fs::path find_tool(std::string const& name) {
  std::error_code unknown;
  fs::path const self = fs::read_symlink("/proc/self/exe", unknown);
  for (fs::path folder = self.parent_path(); !folder.empty(); folder = folder.parent_path()) {
    for (char const* below : {"tools", "share/spearstorm"})
      if (auto const tool = folder / below / name; fs::is_regular_file(tool, unknown)) return tool;
    if (folder == folder.parent_path()) break;
  }
  throw stop{failed, "corpus: tools/" + name + " is neither in a folder above the program nor installed; it is part of the source tree"};
}

}  // namespace

void add_corpus(CLI::App& program) {
  auto* const command =
      program.add_subcommand("corpus", "Speak a corpus with flite and espeak-ng (--out DIR), or index recordings (--from FOLDER)");
  command->set_help_flag();  // tools/make_corpus answers --help itself
  command->prefix_command();
  command->callback([command] {
    std::string const tool = find_tool("make_corpus").string();
    std::vector<std::string> words = command->remaining();
    words.insert(words.begin(), tool);
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    execv(tool.c_str(), arguments.data());
    throw stop{failed, "corpus: cannot run '" + tool + "': " + std::strerror(errno)};
  });
}

}  // namespace cli
