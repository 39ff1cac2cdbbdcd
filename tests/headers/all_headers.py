#!/usr/bin/env python3
"""Prints an #include line for every header whose libraries are there: all_headers.py ROOT [-DSPEARSTORM_HAVE_...]..."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "frame"))
import headers  # noqa: E402

have = [arg.removeprefix("-DSPEARSTORM_HAVE_") for arg in sys.argv[2:]]
print("#pragma once")
for name in headers.Tree(sys.argv[1]).usable(have):
    print(f'#include "{name}"')
