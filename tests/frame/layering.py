#!/usr/bin/env python3
"""A folder includes only folders with a lower number, and an outside library only through its door: layering.py ROOT."""
import sys

import headers

LAYERS = [["core"], ["runtime"], ["backend"], ["expr"], ["tape"], ["ops"], ["nn", "token", "optim", "io", "dsp", "text"], ["codec"],
          ["soundstorm", "spear_tts", "soundstream", "hubert"], ["train", "bench"]]
NUMBER = {folder: number for number, folders in enumerate(LAYERS) for folder in folders}
DOORS = {"EIGEN": ["backend/simd", "backend/thrust", "interop/eigen", "dsp/fft"], "XSIMD": ["backend/simd"], "THRUST": ["backend/thrust"],
         "XTENSOR": ["interop/xtensor", "io/"], "SNDFILE": ["io/"], "SOXR": ["dsp/"], "JSON": ["io/"], "PNG": ["io/"],
         "MPI": ["train/"], "CUDA": ["backend/thrust", "train/"], "UTF8PROC": ["text/"], "ESPEAK": ["text/"], "CLI": []}

tree, passed, failed = headers.Tree(sys.argv[1]), 0, 0
for name in tree.names:
    path = name.removeprefix("spearstorm/")
    folder = path.split("/")[0] if "/" in path else ""  # "" for the umbrellas, which like interop may include anything
    wrong = []
    if folder not in NUMBER and folder not in ("", "interop"):
        wrong.append(f"folder {folder} has no number in tests/frame/layering.py")
    for to, line, _ in tree.includes(name):
        other = to.removeprefix("spearstorm/").split("/")[0]
        library = headers.library_of(to)
        if to.startswith("spearstorm/") and to not in tree.names:
            wrong.append(f"line {line} includes {to}, which does not exist")
        elif to.startswith("spearstorm/") and folder in NUMBER and other != folder and NUMBER.get(other, 99) >= NUMBER[folder]:
            wrong.append(f"line {line} includes {to}, but only folders below {folder} are allowed")
        elif library and not any(path.startswith(door) for door in DOORS[library]):
            wrong.append(f"line {line} includes {to}, whose doors are: {', '.join(DOORS[library]) or 'none'}")
    passed, failed = passed + (not wrong), failed + bool(wrong)
    for text in wrong:
        print(f"FAILED {name}: {text}")
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
