// spearstorm: corpus, tokens, training, generation from the command line. One file a sub-command.

#include <cstdio>

#include "command.hpp"

namespace {

int complain(int code, std::string const& text) {
  std::fflush(stdout);
  std::fprintf(stderr, "spearstorm: %s\n", text.c_str());
  return code;
}

int run(int argc, char** argv) {
  CLI::App program(
      "SoundStorm and SPEAR-TTS from the command line: speak or index a corpus, learn a codec, train, generate.\n"
      "In this order: corpus, tokenize, train, evaluate, respeak, generate; then train-text, speak. `spearstorm COMMAND --help` says more.",
      "spearstorm");
  program.require_subcommand(1);
  program.set_version_flag("--version", "spearstorm " SPEARSTORM_VERSION);
  program.failure_message(CLI::FailureMessage::simple);
  cli::add_corpus(program);
  cli::add_tokenize(program);
  cli::add_train(program);
  cli::add_evaluate(program);
  cli::add_generate(program);
  cli::add_respeak(program);
  cli::add_resynthesize(program);
  cli::add_train_text(program);
  cli::add_evaluate_text(program);
  cli::add_label(program);
  cli::add_speak(program);
  cli::add_convert(program);
  cli::add_inspect(program);
  try {
    program.parse(argc, argv);
  } catch (CLI::Success const& wanted) {  // --help, --version
    return program.exit(wanted);
  } catch (CLI::ParseError const& bad) {
    std::string text = bad.what();
    for (char& c : text)
      if (c == '\n') c = ' ';
    return complain(cli::bad_input, text + " (see --help)");
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) try { return run(argc, argv); } catch (cli::stop const& end) {
  return end.text.empty() ? end.code : complain(end.code, end.text);
} catch (spearstorm::io_error const& bad) {
  return complain(cli::failed, bad.what());
} catch (spearstorm::numeric_error const& bad) {
  return complain(cli::failed, bad.what());
} catch (spearstorm::error const& bad) {
  return complain(cli::bad_input, bad.what());
} catch (std::bad_alloc const&) {
  return complain(cli::failed, "out of memory");
} catch (std::exception const& bad) {
  return complain(cli::failed, bad.what());
}
