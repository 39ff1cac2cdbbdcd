#!/usr/bin/env python
"""Makes tests/golden/*.safetensors with the pinned reference (see setup); tests/golden/README.md says what the files hold.

  make_goldens.py [--out FOLDER]     write the files
  make_goldens.py --check [FOLDER]   make them anew in memory and compare with those in the folder
  --only NAME                        those whose name begins so
"""

import argparse
import pathlib
import sys

import torch

import reference
from golden import Golden
from golden_clip import clip_goldens
from golden_generate import generate_goldens
from golden_layers import layer_goldens
from golden_models import model_goldens
from golden_ops import op_goldens
from golden_soundstorm import soundstorm_goldens
from golden_spear_tts import spear_tts_goldens
from golden_spear_tts_generate import spear_tts_generate_goldens
from golden_training import training_goldens

DEFAULT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden"


def made_by():
    return f"soundstorm-pytorch {', '.join(reference.GENERATIONS)}, {reference.spear_versions()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=DEFAULT)
    parser.add_argument("--check", type=pathlib.Path, nargs="?", const=DEFAULT)
    parser.add_argument("--only", default="")
    options = parser.parse_args()

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    makers = {op_goldens: "op_", layer_goldens: "", model_goldens: "", soundstorm_goldens: "soundstorm_", training_goldens: "soundstorm_steps_",
              generate_goldens: "soundstorm_generate_", clip_goldens: "clip_", spear_tts_goldens: "spear_tts_",
              spear_tts_generate_goldens: "spear_tts_generate_"}  # and how the names of theirs begin
    wanted = lambda begin: begin.startswith(options.only) or options.only.startswith(begin)  # noqa: E731
    goldens = [golden for make, begin in makers.items() if wanted(begin) for golden in make() if golden.name.startswith(options.only)]
    if options.check:
        wrong = [line for golden in goldens for line in golden.differences(options.check)]
        print("\n".join(wrong) or f"oracle: {len(goldens)} files agree with {made_by()}")
        sys.exit(1 if wrong else 0)
    options.out.mkdir(parents=True, exist_ok=True)
    total = sum(golden.save(options.out) for golden in goldens)
    print(f"oracle: {len(goldens)} files, {total} bytes, by {made_by()}")


if __name__ == "__main__":
    main()
