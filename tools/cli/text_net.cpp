#include "text_net.hpp"

#include <algorithm>

#include "spearstorm/spear_tts/generate.hpp"
#include "spearstorm/train/checkpoint.hpp"
#include "spearstorm/train/progress.hpp"
#include "text_net_type.hpp"

namespace cli {

std::vector<std::string> symbols_of(std::vector<std::string> const& texts, std::size_t voices) {
  auto made = ss::text::character_tokenizer::learn(texts).symbols();
  std::u32string own;
  for (std::size_t v = 0; v < voices; ++v) own += static_cast<char32_t>(0xE000 + v);  // no text has these: they are for private use
  auto const of_voices = ss::text::character_tokenizer::of(ss::text::to_utf8(own));
  made.insert(made.end(), of_voices.symbols().begin(), of_voices.symbols().end());
  return made;
}

index text_about::voice_number(std::string const& voice) const {
  if (voice.empty()) return 0;
  auto const found = std::ranges::find(voices, voice);
  if (found != voices.end()) return found - voices.begin() + 1;
  std::string known;
  for (auto const& name : voices) known += (known.empty() ? "" : ", ") + name;
  ss::fail<ss::value_error>("voice '", voice, "' is unknown, expected one of: ", known);
}

ss::token::sequence text_about::encode(ss::text::character_tokenizer const& tokenizer, std::string const& text,
                                       std::string const& voice) const {
  ss::token::sequence made;
  index const number = voice_number(voice);
  if (tells_voice && number == 0) ss::fail<ss::value_error>("text: no voice is given, and the network was trained with them");
  if (tells_voice) made.push_back(static_cast<std::int32_t>(symbols.size() - voices.size()) + static_cast<std::int32_t>(number) - 1);
  for (auto id : tokenizer.encode(text, "text")) made.push_back(id);
  return made;
}

ss::io::json to_json(text_about const& about) {
  auto durations = ss::io::json::array();
  for (auto const& each : about.durations) durations.push_back(each.frames());
  return {{"task", about.task},
          {"symbols", about.symbols},
          {"voices", about.voices},
          {"tells_voice", about.tells_voice},
          {"mean_durations", durations},
          {"sample_hz", about.sample_hz},
          {"downsample_factor", about.downsample_factor}};
}

text_about text_about_of(ss::io::json const& configuration, std::string const& where) {
  if (!configuration.contains("text"))
    ss::fail<ss::format_error>(where, "the checkpoint says nothing of its ids ('text' is missing): `spearstorm train-text` writes it");
  try {
    auto const& from = configuration["text"];
    std::vector<ss::token::mean_durations> durations;
    for (auto const& frames : from.at("mean_durations")) durations.emplace_back(frames.get<std::vector<double>>());
    return {.task = from.at("task").get<std::string>(),
            .symbols = from.at("symbols").get<std::vector<std::string>>(),
            .voices = from.at("voices").get<std::vector<std::string>>(),
            .tells_voice = from.at("tells_voice").get<bool>(),
            .durations = std::move(durations),
            .sample_hz = from.at("sample_hz").get<index>(),
            .downsample_factor = from.at("downsample_factor").get<index>()};
  } catch (ss::io::json::exception const& bad) {
    ss::fail<ss::format_error>(where, "'text' in the configuration: ", bad.what());
  }
}

text_about read_text_about(fs::path const& checkpoint) {
  return text_about_of(ss::train::read_checkpoint_info(checkpoint).configuration, "'" + checkpoint.string() + "': ");
}

struct trained_text_net::parts {
  ss::workspace<exec> work;
  text_about about;
  ss::text::character_tokenizer tokenizer;
  text_net_type net;

  parts(fs::path const& checkpoint, ss::spear_tts::package_configuration const& from, std::uint64_t seed, index threads)
      : work({.seed = seed, .threads = threads}),
        about(read_text_about(checkpoint)),
        tokenizer(about.symbols),
        net(work, from.shape, from.options) {
    ss::train::load_model_(checkpoint, net);
    ss::check_size("train-text", "the tokenizer", "symbols", tokenizer.size(), "the network", net.shape.num_text_token_ids);
    work.restore_({.seed = seed});
  }
};

trained_text_net::trained_text_net(fs::path const& checkpoint, std::uint64_t seed, index threads)
    : parts_(std::make_unique<parts>(checkpoint, ss::train::read_text_to_semantic(checkpoint), seed, threads)) {}
trained_text_net::~trained_text_net() = default;

text_about const& trained_text_net::about() const { return parts_->about; }
ss::text::character_tokenizer const& trained_text_net::tokenizer() const { return parts_->tokenizer; }
ss::text_to_semantic_shape const& trained_text_net::shape() const { return parts_->net.shape; }

ss::spear_tts::generated trained_text_net::generate(ss::token::id_array const& source, ss::spear_tts::token_kind from,
                                                    ss::spear_tts::token_kind to, ss::spear_tts::generate_options const& options) {
  return ss::spear_tts::generate(parts_->net, parts_->work, source, from, to, options);
}

double trained_text_net::loss(std::vector<ss::token::sequence> const& sources, std::vector<ss::token::sequence> const& targets,
                              ss::spear_tts::token_kind from, ss::spear_tts::token_kind to, index batch) {
  double sum = 0, count = 0;
  for (std::size_t at = 0; at < sources.size(); at += static_cast<std::size_t>(batch)) {
    std::size_t const n = std::min(static_cast<std::size_t>(batch), sources.size() - at);
    ss::inference<exec> ctx{parts_->work};
    auto const made = parts_->net.loss_of(
        ctx, {ss::token::pad_rows(std::span(sources).subspan(at, n)), ss::token::pad_rows(std::span(targets).subspan(at, n))}, from, to,
        {});
    auto const rows = static_cast<double>(made.rows.targets.size());
    sum += ctx.item(made.tokens) * rows, count += rows;
  }
  return count > 0 ? sum / count : 0;
}

std::vector<ss::token::sequence> generate_all(trained_text_net& net, std::vector<ss::token::sequence> const& sources,
                                              ss::spear_tts::token_kind from, ss::spear_tts::token_kind to,
                                              ss::spear_tts::generate_options options, index batch) {
  std::vector<ss::token::sequence> made;
  auto const rows = static_cast<index>(sources.size());
  ss::train::progress_bar bar((rows + batch - 1) / batch);
  for (index at = 0, done = 0; at < rows; at += batch) {
    auto const n = static_cast<std::size_t>(std::min(batch, rows - at));
    options.first_example = at;
    auto const some = net.generate(ss::token::pad_rows(std::span(sources).subspan(static_cast<std::size_t>(at), n)), from, to, options);
    for (std::size_t i = 0; i < n; ++i) made.push_back(ss::token::row_of(some.ids, static_cast<index>(i)));
    bar.update(++done);
  }
  return made;
}

}  // namespace cli
