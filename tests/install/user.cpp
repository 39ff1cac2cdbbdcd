// What a user's first file may look like; tests/frame/ways_to_use.py builds it with bare -I, with pkg-config and as a Meson subproject.
#include <spearstorm/core/axes.hpp>
#include <spearstorm/runtime/array.hpp>

#include <iostream>

namespace ss = spearstorm;

int main() {
  std::cout << "spearstorm " << SPEARSTORM_VERSION << " " << ss::to_string(ss::axis_list<ss::axes::batch<2>, ss::axes::dim<4>>{}, {2, 4})
            << "\n";
}
