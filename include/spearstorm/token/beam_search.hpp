#pragma once
// Beam search of one utterance, on the host: which hypotheses live, which have ended, when no better one can come.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "spearstorm/core/error.hpp"

namespace SPEARSTORM_NS::token {

struct beam_options {
  index beam_size = 4;        ///< spear-tts-pytorch
  double length_penalty = 0;  ///< alpha: ranked by log_prob / length^alpha. 0: by log_prob, as spear-tts-pytorch; above 0 favours long ones
  index n_best = 1;           ///< how many hypotheses are wanted, at most beam_size
  index max_length = 2048;    ///< tokens, the end included; what has not ended by then is taken as it is
  std::int32_t eos = -1;      ///< the id that ends a hypothesis; below 0: none does
};

/// A hypothesis without its eos.
struct hypothesis {
  std::vector<std::int32_t> ids{};
  double log_prob = 0;  ///< of the ids, and of the eos where it has ended
  bool ended = false;
  double score = 0;  ///< log_prob / length^alpha, the eos counted; set by `best`
};

/// How the live hypotheses of a step follow from those before: row i goes on from row parents[i] with ids[i].
struct beam_step {
  std::vector<index> parents;
  std::vector<std::int32_t> ids;
};

/// @math score = log_prob / max(length, 1)^alpha
inline double beam_score(double log_prob, index length, double alpha) {
  return alpha == 0 ? log_prob : log_prob / std::pow(static_cast<double>(std::max<index>(length, 1)), alpha);
}

/// One utterance's beams. A step ranks all continuations of all live hypotheses together. Of the first beam_size those that end are
/// kept aside and take no more part; the first beam_size that do not end live on. Of equal ones the lower parent, then the lower id comes first.
///
///   beam_search beams(options);                    one live hypothesis, empty
///   while (!beams.done()) step = beams.advance_(log_probs);  one row of log probabilities for each live one
///   beams.best();
class beam_search {
 public:
  /// @throws value_error where an option is out of range
  explicit beam_search(beam_options of) : of_(of), live_(1) {
    check_range<index>("beam_search", "beam_size", of.beam_size, 1, 1 << 20);
    check_range<index>("beam_search", "n_best", of.n_best, 1, of.beam_size);
    check_range<index>("beam_search", "max_length", of.max_length, 0, 1 << 30);
    if (!std::isfinite(of.length_penalty)) fail<value_error>("beam_search: length_penalty = ", of.length_penalty, ", expected a number");
  }

  std::vector<hypothesis> const& live() const { return live_; }
  std::vector<hypothesis> const& ended() const { return ended_; }

  /// @shape log_probs (live, vocab), -inf for what may not follow
  /// @throws shape_error where rows are not those of the live hypotheses, numeric_error where one is nan or above 0, value_error where all is done
  beam_step advance_(std::span<std::vector<double> const> log_probs) {
    if (done()) fail<value_error>("beam_search: advance after the last step, expected a call only while not done");
    check_size("beam_search", "log_probs", "rows", static_cast<index>(log_probs.size()), "the beam", static_cast<index>(live_.size()));
    auto const ranked = candidates(log_probs);
    beam_step step;
    std::vector<hypothesis> next;
    for (std::size_t i = 0; i < ranked.size(); ++i) {
      hypothesis made = live_[static_cast<std::size_t>(ranked[i].parent)];
      made.log_prob = ranked[i].log_prob;
      if (ranked[i].id == of_.eos) {
        if (static_cast<index>(i) < of_.beam_size) made.ended = true, ended_.push_back(std::move(made));
      } else if (static_cast<index>(next.size()) < of_.beam_size) {
        made.ids.push_back(ranked[i].id);
        next.push_back(std::move(made));
        step.parents.push_back(ranked[i].parent);
        step.ids.push_back(ranked[i].id);
      }
    }
    live_ = std::move(next);
    ++length_;
    sort(ended_);
    if (static_cast<index>(ended_.size()) > of_.n_best) ended_.resize(static_cast<std::size_t>(of_.n_best));
    return step;
  }

  /// Whether nothing that can still come would change the n best: exact, whatever the penalty.
  bool done() const {
    if (live_.empty() || length_ >= of_.max_length) return true;
    if (static_cast<index>(ended_.size()) < of_.n_best) return false;
    double best = -std::numeric_limits<double>::infinity();  // log_prob only falls; a length lies between the next one and the last
    for (hypothesis const& h : live_)
      best = std::max(
          {best, beam_score(h.log_prob, length_ + 1, of_.length_penalty), beam_score(h.log_prob, of_.max_length, of_.length_penalty)});
    return best <= ended_.back().score;
  }

  /// The n best of what has ended and, at max_length, of what lives; best first.
  std::vector<hypothesis> best() const {
    auto all = ended_;
    if (length_ >= of_.max_length || static_cast<index>(all.size()) < of_.n_best) all.insert(all.end(), live_.begin(), live_.end());
    sort(all);
    if (static_cast<index>(all.size()) > of_.n_best) all.resize(static_cast<std::size_t>(of_.n_best));
    return all;
  }

 private:
  struct candidate {
    double log_prob;
    index parent;
    std::int32_t id;
  };
  /// The first 2 beam_size continuations: at most beam_size of them end, one a parent.
  std::vector<candidate> candidates(std::span<std::vector<double> const> log_probs) const {
    std::vector<candidate> all;
    for (std::size_t r = 0; r < log_probs.size(); ++r) {
      check_size("beam_search", "log_probs of a row", "vocab", static_cast<index>(log_probs[r].size()), "the first row",
                 static_cast<index>(log_probs[0].size()));
      for (std::size_t v = 0; v < log_probs[r].size(); ++v) {
        double const p = log_probs[r][v];
        if (!(p <= 1e-6)) fail<numeric_error>("beam_search: log_prob of token ", v, " is ", p, ", expected at most 0");
        if (p > -std::numeric_limits<double>::infinity())
          all.push_back({live_[r].log_prob + std::min(p, 0.0), static_cast<index>(r), static_cast<std::int32_t>(v)});
      }
    }
    auto const first = static_cast<std::ptrdiff_t>(std::min(all.size(), static_cast<std::size_t>(2 * of_.beam_size)));
    std::partial_sort(all.begin(), all.begin() + first, all.end(), [](candidate const& l, candidate const& r) {
      return l.log_prob != r.log_prob ? l.log_prob > r.log_prob : l.parent != r.parent ? l.parent < r.parent : l.id < r.id;
    });
    all.resize(static_cast<std::size_t>(first));
    return all;
  }
  /// By falling score; of equal ones the one that was there first.
  void sort(std::vector<hypothesis>& all) const {
    for (hypothesis& h : all) h.score = beam_score(h.log_prob, static_cast<index>(h.ids.size()) + h.ended, of_.length_penalty);
    std::stable_sort(all.begin(), all.end(), [](hypothesis const& l, hypothesis const& r) { return l.score > r.score; });
  }

  beam_options of_;
  std::vector<hypothesis> live_, ended_;
  index length_ = 0;
};

}  // namespace SPEARSTORM_NS::token
