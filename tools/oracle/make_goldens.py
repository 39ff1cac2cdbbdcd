#!/usr/bin/env python
"""Makes tests/golden/*.safetensors with the pinned reference (see setup); tests/golden/README.md says what the files hold.

  make_goldens.py [--out FOLDER]     write the files
  make_goldens.py --check [FOLDER]   make them anew in memory and compare with those in the folder
"""

import argparse
import pathlib
import sys

import torch

import reference
from golden import Golden
from golden_models import model_goldens
from golden_ops import op_goldens

DEFAULT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=DEFAULT)
    parser.add_argument("--check", type=pathlib.Path, nargs="?", const=DEFAULT)
    options = parser.parse_args()

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    goldens = [*op_goldens(), *model_goldens()]
    if options.check:
        wrong = [line for golden in goldens for line in golden.differences(options.check)]
        print("\n".join(wrong) or f"oracle: {len(goldens)} files agree with {reference.versions()}")
        sys.exit(1 if wrong else 0)
    options.out.mkdir(parents=True, exist_ok=True)
    total = sum(golden.save(options.out) for golden in goldens)
    print(f"oracle: {len(goldens)} files, {total} bytes, by {reference.versions()}")


if __name__ == "__main__":
    main()
