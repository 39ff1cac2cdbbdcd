// What the thrust path would cost on GPUs at least: the verbs of whole jobs are counted with shape_only<thrust_device<...>>, which computes
// nothing, and each takes the larger of its FLOPs over the peak and its bytes over the memory's bandwidth, and a launch. Not measured.
//
//   bench_roofline [--launch-us 3]
//
// prints the table of docs/gpu.md.

#include "common.hpp"
#include "far_memory.hpp"
#include "random_ids.hpp"
#include "spearstorm/backend/counted.hpp"
#include "spearstorm/optim/adamw.hpp"
#include "spearstorm/optim/gradient_slab.hpp"
#include "spearstorm/soundstorm.hpp"

#if !defined(SPEARSTORM_TEST_THRUST)
int main() {
  std::puts("bench_roofline: built without thrust");
  return 2;
}
#else

namespace {

namespace ss = spearstorm;
using ss::index;

/// Peaks of the vendor's data sheets, dense: A100 SXM 80 GB, H100 SXM 80 GB.
struct gpu {
  char const* name;
  double bf16, tf32, f32, bytes;
};
constexpr gpu gpus[] = {{"A100", 312e12, 156e12, 19.5e12, 2.039e12}, {"H100", 989e12, 495e12, 67e12, 3.35e12}};

struct job {
  std::string name;
  ss::soundstorm_shape shape;
  index frames, batch;
  enum { forward, generation, training } does;
};

/// Counts of one call of f.
template <class Exec, class F>
ss::counters counts_of(ss::workspace<Exec>& work, ss::roofline machine, F const& f) {
  auto& counts = *work.exec().counts;
  counts = {};
  counts.machine = machine;
  f();
  return counts;
}

/// A forward pass with one level's logits of all frames, a whole generation with 16 passes for the first level, or a training step.
template <class Exec>
ss::counters run(job const& of, ss::roofline machine) {
  ss::workspace<Exec> work;
  ss::soundstorm::model<ss::dynamic_soundstorm, Exec> model{work, of.shape};
  auto const codes = bench_run::random_ids(ss::token::code_array({of.batch, of.frames, of.shape.num_quantizers}), of.shape.codebook_size);
  if (of.does == job::generation)
    return counts_of(work, machine, [&] { model.generate(work, {.num_latents = of.frames, .batch_size = of.batch, .steps = 16}); });
  if (of.does == job::training) {
    ss::optim::adamw<Exec> adam;
    ss::optim::gradient_slab<Exec> slab(model);
    return counts_of(work, machine, [&] {
      ss::recording<Exec> ctx{work};
      ctx.gradients(model.loss(ctx, {.codes = codes}).total, slab);
      adam.step_(work, model, slab, 1.0);
    });
  }
  ss::array<std::int32_t, ss::axes::rows<>> rows({of.batch * of.frames});
  for (index i = 0; i < rows.size(); ++i) rows.data()[i] = static_cast<std::int32_t>(i);
  std::vector<index> offsets(static_cast<std::size_t>(of.shape.num_quantizers) + 1, rows.size());
  offsets[0] = 0;
  return counts_of(work, machine, [&] {
    ss::inference<Exec> ctx{work};
    model.net.logits(ctx, model.net.trunk(ctx, ctx.upload(codes)), ctx.upload(rows), offsets);
  });
}

ss::soundstorm_shape shape(index dim, index depth, index heads) {
  return {.codebook_size = 1024,
          .num_quantizers = 12,
          .body = {.dim = dim, .depth = depth, .dim_head = 64, .heads = heads, .conv_kernel_size = 5}};
}

}  // namespace

int main(int count, char** words) {
  double launch = 3e-6;
  if (count == 3 && std::string(words[1]) == "--launch-us") {
    launch = std::atof(words[2]) * 1e-6;
  } else if (count != 1) {
    std::fprintf(stderr, "%s [--launch-us 3]\n", words[0]);
    return 2;
  }
  std::vector<job> const jobs{{"forward pass, dim 512, depth 6, 500 frames", shape(512, 6, 8), 500, 1, job::forward},
                              {"forward pass, paper's size, 1500 frames", shape(1024, 12, 16), 1500, 1, job::forward},
                              {"generation, paper's size, 30 s, 27 passes", shape(1024, 12, 16), 1500, 1, job::generation},
                              {"training step, dim 512, depth 4, 256 frames, batch 2", shape(512, 4, 8), 256, 2, job::training},
                              {"training step, paper's size, 1500 frames, batch 8", shape(1024, 12, 16), 1500, 8, job::training}};
  std::puts("| job | GPU | precision | verbs | GFLOP | GB | products | element-wise | at least |\n|---|---|---|---|---|---|---|---|---|");
  for (auto const& of : jobs)
    for (auto const& on : gpus) {
      auto const row = [&]<class Precision>(std::type_identity<Precision>, char const* name, double peak) {
        using exec = ss::shape_only<test::far<ss::thrust_device<Precision>>>;  // memory as on a device: so are the tiles of attention
        auto const c = run<exec>(of, {.flops_per_second = peak, .bytes_per_second = on.bytes, .launch_seconds = launch});
        std::printf("| %s | %s | %s | %td | %.0f | %.2f | %.2f ms | %.2f ms | %.2f ms |\n", of.name.c_str(), on.name, name, c.calls,
                    c.flops * 1e-9, c.bytes * 1e-9, c.product_seconds * 1e3, c.element_seconds * 1e3,
                    (c.product_seconds + c.element_seconds) * 1e3);
        std::fflush(stdout);
      };
      row(std::type_identity<ss::f32>{}, "f32", on.f32);
      row(std::type_identity<ss::tf32>{}, "tf32", on.tf32);
      row(std::type_identity<ss::bf16_mixed>{}, "bf16_mixed", on.bf16);
    }
  return 0;
}

#endif
