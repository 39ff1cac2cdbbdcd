// The kernel of AMX where there is no AMX: over tiles that follow the manual, and as the compiler wrote it, instruction by instruction.
#if defined(SPEARSTORM_HAVE_EIGEN) && defined(SPEARSTORM_HAVE_XSIMD)

#include "spearstorm/backend/simd/kernel_amx.hpp"

#include <array>
#include <limits>

#include "emulated_tiles.hpp"
#include "gemm_definition.hpp"
#include "numbers.hpp"
#include "trapped_tiles.hpp"

namespace test {

namespace {

namespace backend = ss::backend;
namespace amx = ss::backend::amx;
namespace packing = ss::backend::packing;

constexpr auto portable = backend::detail::portable_bfloat16<ss::cpu::native>::run;
using emulated = amx::bfloat16_kernel<emulated_tiles, portable>;

/// Whole numbers from -7 to 7: their products add up exactly in float, in any order.
std::vector<float> whole_numbers(index n, std::uint32_t stream) {
  auto made = numbers<float>(n, stream);
  for (float& x : made) x = std::trunc(8 * x);
  return made;
}

backend::gemm_call product(index m, index n, index k, bool trans_a = false, bool trans_b = true) {
  return {.m = m, .n = n, .k = k, .trans_a = trans_a, .trans_b = trans_b, .lda = trans_a ? m : k, .ldb = trans_b ? k : n, .ldc = n};
}

/// Elements of `rows` by 32 that a kernel gets wrong, and of their surroundings in C that it changes.
index wrong(backend::panel_kernel const& kernel, index rows, index units, bool add) {
  index constexpr columns = backend::bfloat16_columns, ldc = columns + 5;
  index const k = 2 * units - 1, room = packing::padded(units);
  auto const a = whole_numbers(rows * k, 1), b = whole_numbers(columns * k, 2);
  std::vector<float> c(static_cast<std::size_t>((rows + 1) * ldc), 3);
  index const tall = (rows + kernel.together - 1) / kernel.together * kernel.together;
  ss::buffer<packing::unit> left(tall * packing::block_stride), right(room * columns);
  std::fill_n(left.data(), left.size(), 0x7fc07fc0u);  // NaN where nothing is packed
  packing::left<ss::bfloat16>({a.data(), rows, k, k, 1}, left.data());
  packing::panels<ss::bfloat16, columns>({b.data(), columns, k, k, 1}, 1, room, 0, room, right.data());
  {
    backend::kernel_in_use const in_use(kernel);
    kernel.run(rows, units, left.data(), right.data(), c.data(), ldc, add);
  }
  auto const want = expected(product(rows, columns, k), a, b, std::vector<float>(static_cast<std::size_t>(rows * columns)));
  index count = 0;
  for (index r = 0; r <= rows; ++r)
    for (index j = 0; j < ldc; ++j) {
      bool const inside = r < rows && j < columns;
      double const sum = inside ? want[static_cast<std::size_t>(r * columns + j)] : 3;
      count += c[static_cast<std::size_t>(r * ldc + j)] != sum + (inside && add ? 3 : 0);
    }
  return count;
}

/// A product by a given kernel through the driver.
std::vector<float> multiply(backend::panel_kernel const& kernel, backend::gemm_call const& call, std::vector<float> const& a,
                            std::vector<float> const& b, std::vector<float> c, index threads) {
  ss::thread_team team(threads);
  backend::packed_weights packs;
  backend::tile_finish const finish{};
  backend::detail::packed_product<ss::bfloat16, backend::bfloat16_columns>{call, a.data(), b.data(), c.data(), kernel, finish}.run(team,
                                                                                                                                   packs);
  return c;
}

void check_no_fault() {
  char const* const fault = tile_registers::fault.exchange(nullptr);
  INFO((fault ? fault : "no fault"));
  CHECK(fault == nullptr);
  CHECK(tile_registers::in_use == 0);
}

/// Two bfloat16 side by side.
std::uint32_t pair(float low, float high) { return ss::bfloat16(low).bits | static_cast<std::uint32_t>(ss::bfloat16(high).bits) << 16; }

}  // namespace

TEST_CASE("backend/kernel_amx: emulated tiles multiply pairs, round as the manual says and take denormals for zero") {
  tile_registers tiles;
  amx::tile_config config;
  for (int t = 0; t < 3; ++t) config.rows[t] = 1, config.row_bytes[t] = 4;
  tiles.configure(config);
  auto const dot = [&](float c, std::uint32_t a, std::uint32_t b) {
    tiles.load(0, &c, 4), tiles.load(1, &a, 4), tiles.load(2, &b, 4);
    tiles.dot(0, 1, 2);
    tiles.store(0, &c, 4);
    return c;
  };
  CHECK(dot(7, pair(2, 3), pair(5, -1)) == 14);
  CHECK(dot(1, pair(1e8f, 1), pair(1, 1)) == 1 + (1 + float(ss::bfloat16(1e8f))));
  CHECK(dot(0x1p24f, pair(1, 1), pair(1, 1)) == 0x1p24f + 2);  // the pair first: one by one would stay at 2^24
  CHECK(dot(0, pair(0x1p-130f, 0), pair(1, 1)) == 0);
  CHECK(dot(0, pair(0x1p-70f, 0), pair(0x1p-70f, 1)) == 0);
  CHECK(dot(0x1p-130f, 0, 0) == 0);
  tiles.release();
  check_no_fault();
}

TEST_CASE("backend/kernel_amx: emulated tiles fault where a processor would") {
  auto const fault_of = [](amx::tile_config const& config, auto const& then) {
    tile_registers tiles;
    tiles.configure(config);
    then(tiles);
    tiles.release();
    char const* const fault = tile_registers::fault.exchange(nullptr);
    return std::string(fault ? fault : "none");
  };
  auto const nothing = [](tile_registers&) {};
  auto const dot = [](tile_registers& t) { t.dot(0, 4, 6); };
  auto const changed = [](auto const& change) {
    auto config = amx::whole_tiles();
    change(config);
    return config;
  };
  CHECK(fault_of(amx::whole_tiles(), dot) == "none");
  CHECK(fault_of(changed([](auto& c) { c.palette = 2; }), nothing) == "ldtilecfg: unknown palette");
  CHECK(fault_of(changed([](auto& c) { c.reserved[13] = 1; }), nothing) == "ldtilecfg: a reserved byte is not zero");
  CHECK(fault_of(changed([](auto& c) { c.rows[7] = 17; }), nothing) == "ldtilecfg: too large a tile");
  CHECK(fault_of(changed([](auto& c) { c.row_bytes[8] = 64; }), nothing) == "ldtilecfg: too large a tile");
  CHECK(fault_of(changed([](auto& c) { c.rows[3] = 0; }), nothing) == "ldtilecfg: rows without bytes, or bytes without rows");
  CHECK(fault_of(changed([](auto& c) { c.palette = 0; }), dot) == "no tiles are configured");
  CHECK(fault_of(changed([](auto& c) { c.rows[4] = c.row_bytes[4] = 0; }), dot) == "the tile is not configured");
  CHECK(fault_of(changed([](auto& c) { c.row_bytes[4] = 62; }), dot) == "the tile's rows are no whole units");
  CHECK(fault_of(changed([](auto& c) { c.rows[6] = 15; }), dot) == "tdpbf16ps: tiles that do not fit together");
  CHECK(fault_of(changed([](auto& c) { c.rows[0] = 15; }), dot) == "tdpbf16ps: tiles that do not fit together");
  CHECK(fault_of(amx::whole_tiles(), [](tile_registers& t) { t.dot(0, 4, 4); }) == "tdpbf16ps: one tile twice");
}

TEST_CASE("backend/kernel_amx: any number of rows and units, and nothing beside them") {
  auto const kernel = emulated::entry();
  for (index const rows : {1, 4, 5, 15, 16, 17, 21, 31, 32, 33, 36, 37, 48, 53, 64, 100})
    for (index const units : {1, 16, 17, 128, 145})
      for (bool const add : {false, true}) {
        INFO(rows << " rows, " << units << " units, add " << add);
        CHECK(wrong(kernel, rows, units, add) == 0);
      }
  check_no_fault();
}

TEST_CASE("backend/kernel_amx: through the driver, with several tiles of C, panels that end within C and parts of the depth") {
  for (auto const& [m, n, k] : {std::array<index, 3>{150, 130, 40}, {140, 33, 513}, {5, 40, 1300}, {37, 70, 7}, {3, 520, 4200}})
    for (int flags = 0; flags < 4; ++flags) {
      auto call = product(m, n, k, flags & 1, flags & 2);
      call.beta = flags % 3;  // 0, 1, 2, 0
      auto const a = whole_numbers(m * k, 1), b = whole_numbers(n * k, 2);
      std::vector<float> const c(static_cast<std::size_t>(m * n), call.beta == 0 ? std::numeric_limits<float>::quiet_NaN() : 5.0f);
      INFO("m " << m << " n " << n << " k " << k << " transposes " << call.trans_a << call.trans_b << " beta " << call.beta);
      auto const want = expected(call, a, b, c);
      CHECK(multiply(emulated::entry(), call, a, b, c, 3) == std::vector<float>(want.begin(), want.end()));
    }
  check_no_fault();
}

TEST_CASE("backend/kernel_amx: the same bits for any number of threads") {
  auto const call = product(170, 300, 200);
  auto const a = numbers<float>(call.m * call.k, 1), b = numbers<float>(call.n * call.k, 2);
  std::vector<float> const c(static_cast<std::size_t>(call.m * call.n));
  auto const found = multiply(emulated::entry(), call, a, b, c, 1);
  CHECK(found == multiply(emulated::entry(), call, a, b, c, 3));
  check_no_fault();
}

#if defined(SPEARSTORM_AMX)

TEST_CASE("backend/kernel_amx: the instructions that were compiled do what the emulated tiles do") {
  bool const native = amx::allowed();
  trapped_tiles const tiles;
  int const before = trapped_tiles::count;
  auto const compiled = amx::bfloat16_kernel<amx::instructions, portable>::entry();
  for (index const rows : {4, 16, 21, 32, 37, 63})
    for (index const units : {17, 129})
      for (bool const add : {false, true}) {
        INFO(rows << " rows, " << units << " units, add " << add);
        CHECK(wrong(compiled, rows, units, add) == 0);
      }
  auto const call = product(170, 70, 300);
  auto const a = numbers<float>(call.m * call.k, 1), b = numbers<float>(call.n * call.k, 2);
  std::vector<float> const c(static_cast<std::size_t>(call.m * call.n));
  auto const found = multiply(compiled, call, a, b, c, 2), emulation = multiply(emulated::entry(), call, a, b, c, 2);
  if (native)
    CHECK(disagreements(found, emulation, {1e-6, 1e-5}) == 0);  // a processor may round its sums of pairs elsewhere
  else
    CHECK(found == emulation);
  CHECK((trapped_tiles::count > before) == !native);
  check_no_fault();
}

TEST_CASE("backend/kernel_amx: listed where the processor has it and the system lends it") {
  auto const kernels = backend::bfloat16_kernels<ss::cpu::native>();
  CHECK((kernels.front().name == "amx_bf16") == amx::allowed());
  CHECK((amx::supported() || !amx::allowed()));
}

#endif

}  // namespace test

#endif
