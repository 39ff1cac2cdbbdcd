#!/usr/bin/env python3
"""The golden files stay small enough to live in the repository: golden_size.py ROOT."""
import pathlib
import sys

MOST = 5_000_000
sizes = {path.name: path.stat().st_size for path in (pathlib.Path(sys.argv[1]) / "tests/golden").glob("*.safetensors")}
total = sum(sizes.values())
print(f"{len(sizes)} golden files, {total} bytes of at most {MOST}; the largest: {', '.join(sorted(sizes, key=sizes.get)[-3:])}")
sys.exit(not 0 < total < MOST)
