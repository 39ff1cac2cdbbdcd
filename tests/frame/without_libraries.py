#!/usr/bin/env python3
"""Configures, builds and runs test executables as on a machine without the optional libraries: without_libraries.py ROOT COMPILER...

The system's include folder is replaced by one of links to all of its entries but those of the optional libraries, because
disabled Meson features alone would leave them visible to __has_include.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

HIDDEN = {"eigen3", "xsimd", "xtensor", "xtl", "thrust", "cub", "sndfile.h", "sndfile.hh", "soxr.h", "soxr-lsr.h", "nlohmann", "CLI", "png.h",
          "libpng", "libpng16", "mpi.h", "utf8proc.h", "espeak", "espeak-ng"}
LAYERS = ["core", "runtime", "tape", "text"]

root, cxx = pathlib.Path(sys.argv[1]), sys.argv[2:]


def run(*words):
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(str(word) for word in words)}\n{done.stdout[-6000:]}\n0 passed, 1 failed")
    return done.stdout


with tempfile.TemporaryDirectory() as temporary:
    folder = pathlib.Path(temporary)
    listing = run(*cxx, "-x", "c++", "-E", "-v", "/dev/null")
    flags = ["-nostdinc", "-nostdinc++"]
    for number, include in enumerate(re.search(r"<\.\.\.> search starts here:\n(.*?)End of search", listing, re.S)[1].split()):
        shown = folder / f"include{number}"
        shown.mkdir()
        for entry in pathlib.Path(include).iterdir():
            if entry.name not in HIDDEN:
                (shown / entry.name).symlink_to(entry)
        flags += ["-isystem", shown]
    wrapper = folder / "cxx"  # a compiler of its own, so that Meson's probes do not see the libraries either
    wrapper.write_text("#!/bin/sh\nexec " + " ".join(map(str, cxx + flags)) + ' "$@"\n')
    wrapper.chmod(0o755)
    run("env", f"CXX={wrapper}", "meson", "setup", folder / "build", root, "-Dauto_features=disabled", "-Dexamples=false", "-Dbench=false",
        "-Dtools=false")
    known = run("ninja", "-C", folder / "build", "-t", "targets", "all")
    programs = [f"tests/{layer}_tests" for layer in LAYERS if f"tests/{layer}_tests:" in known]
    if programs:
        run("ninja", "-C", folder / "build", *programs)
    for program in programs:
        print(program, "->", run(folder / "build" / program).strip().splitlines()[-1])
    print(f"{len(programs)} passed, 0 failed")
