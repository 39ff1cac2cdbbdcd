// The second unit, see odr_a.cpp.
#include "all_headers.hpp"

char const* other_version();
char const* other_version() { return SPEARSTORM_VERSION; }
