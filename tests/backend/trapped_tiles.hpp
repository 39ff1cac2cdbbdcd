#pragma once
// The AMX instructions of a compiled program, carried out by `tile_registers` where the processor refuses them: it raises SIGILL, and what it
// stopped at is decoded as the Intel 64 manual encodes it (volume 2, chapter 2: VEX, ModRM and SIB bytes).

#include "emulated_tiles.hpp"

#if defined(SPEARSTORM_AMX)
#include <signal.h>
#include <ucontext.h>

namespace test {

/// One instruction with a three-byte VEX prefix of map 0F38, 128 bits, W0: all of AMX.
struct tile_instruction {
  unsigned char const* at;
  greg_t const* registers;

  bool known() const { return at[0] == 0xc4 && (at[1] & 31) == 2 && (at[2] & 0x84) == 0; }
  int prefix() const { return at[2] & 3; }  // 0 none, 2 F3, 3 F2
  int operation() const { return at[3]; }
  int third() const { return ~at[2] >> 3 & 15; }
  int mode() const { return at[4] >> 6; }
  int reg() const { return at[4] >> 3 & 7; }
  int rm() const { return at[4] & 7; }
  bool has_sib() const { return mode() != 3 && rm() == 4; }

  greg_t value(int number) const {
    static constexpr int places[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                       REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    return registers[places[number]];
  }
  int base_number() const { return (has_sib() ? at[5] & 7 : rm()) | (at[1] & 0x20 ? 0 : 8); }
  int index_number() const { return (at[5] >> 3 & 7) | (at[1] & 0x40 ? 0 : 8); }
  bool no_base() const { return mode() == 0 && (base_number() & 7) == 5; }  // a displacement alone, from the next instruction without SIB
  int displacement_bytes() const { return mode() == 1 ? 1 : mode() == 2 || no_base() ? 4 : 0; }
  int bytes() const { return mode() == 3 ? 5 : 5 + has_sib() + displacement_bytes(); }

  greg_t displacement() const {
    unsigned char const* const from = at + 5 + has_sib();
    std::int32_t wide = 0;
    if (displacement_bytes() == 1) return static_cast<signed char>(*from);
    if (displacement_bytes() == 4) std::memcpy(&wide, from, 4);
    return wide;
  }
  greg_t stride() const { return index_number() == 4 ? 0 : value(index_number()) << (at[5] >> 6); }
  void* memory() const {
    greg_t const base = !no_base() ? value(base_number()) : has_sib() ? 0 : reinterpret_cast<greg_t>(at + bytes());
    return reinterpret_cast<void*>(base + displacement());
  }

  /// @returns whether it is one of AMX's
  bool run(tile_registers& tiles) const {
    if (!known()) return false;
    switch (operation() << 4 | prefix()) {
      case 0x490:
        if (mode() == 3) return tiles.release(), at[4] == 0xc0;
        return tiles.configure(*static_cast<spearstorm::backend::amx::tile_config const*>(memory())), true;
      case 0x493: return tiles.zero(reg()), mode() == 3;
      case 0x4b3: return tiles.load(reg(), memory(), stride()), has_sib();
      case 0x4b2: return tiles.store(reg(), memory(), stride()), has_sib();
      case 0x5c2: return tiles.dot(reg(), rm(), third()), mode() == 3;
      default: return false;
    }
  }
};

/// While it lives AMX instructions work on every processor.
class trapped_tiles {
 public:
  static inline std::atomic<int> count = 0;  ///< of instructions that were emulated

  trapped_tiles() {
    struct sigaction action = {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGILL, &action, &before_);
  }
  trapped_tiles(trapped_tiles const&) = delete;
  trapped_tiles& operator=(trapped_tiles const&) = delete;
  ~trapped_tiles() { sigaction(SIGILL, &before_, nullptr); }

 private:
  static void handle(int, siginfo_t*, void* context) {
    auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    tile_instruction const stopped{reinterpret_cast<unsigned char const*>(registers[REG_RIP]), registers};
    if (stopped.run(tile_registers::of_this_thread())) {
      registers[REG_RIP] += stopped.bytes();
      ++count;
    } else {
      signal(SIGILL, SIG_DFL);  // raised again on return
    }
  }
  struct sigaction before_ = {};
};

}  // namespace test
#endif
