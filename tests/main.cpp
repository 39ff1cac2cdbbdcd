// The main function of every test executable: with Catch2 version 2 compiled here once, with version 3 taken from its library.

#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
