// With odr_b.cpp: two units of one program that both include every header; a function that is not inline does not link.
#include <string_view>

#include "all_headers.hpp"

char const* other_version();

int main() { return std::string_view{other_version()} == SPEARSTORM_VERSION ? 0 : 1; }
