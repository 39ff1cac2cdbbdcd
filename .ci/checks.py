#!/usr/bin/env python3
"""All checks: tools/test with g++, mutants that its tests must notice, then clang with the address and undefined behaviour sanitizers, two threads
under the thread sanitizer, and nvcc where it exists.

Every step prints its time; the last line is `N passed, N failed` over all steps. Logs are kept in build*/logs.
"""
import os
import pathlib
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
from steps import ROOT, Steps  # noqa: E402

BARE = ["-Dexamples=false", "-Dbench=false", "-Dtools=false"]
steps = Steps(ROOT / "build-ci/logs")


def environment(**extra):
    return dict(os.environ, **extra)


def main():
    steps.run("tools/test", [ROOT / "tools/test"], show="")
    steps.run("mutants", [ROOT / "tools/mutants"], show="caught")
    clang()
    threads()
    cuda()
    steps.finish()


def clang():
    """All programs compiled by clang; the layers' tests run under the address and undefined behaviour sanitizers, all but [slow] cases.

    Of the latter's checks those are left out whose code costs most to compile and whose faults the former meets as well.
    """
    flags = "-fno-sanitize=null,vptr,object-size -fno-sanitize-recover=undefined -g1"
    options = ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Doptimization=0", "-Dbench=false"]
    if steps.configure("build-clang", *options, env=environment(CXX="clang++", CXXFLAGS=flags)):
        steps.build("build-clang")
        steps.meson_test("build-clang", "--timeout-multiplier", "3", "--test-args", "~[slow]", suite="layers")


def threads():
    if any((ROOT / "tests/tsan").glob("*.cpp")) and steps.configure("build-tsan", "-Db_sanitize=thread", "-Db_lundef=false", *BARE,
                                                                    env=environment(CXXFLAGS="-g1")):
        steps.build("build-tsan", *targets("build-tsan", r"tests/tsan_\w+"), warnings=False)
        # without random addresses where that is allowed: the sanitizer of g++ 12 does not know all of them
        fixed = [f"--wrapper={shutil.which('setarch')} -R"] if steps.works(["setarch", "-R", "true"]) else []
        steps.meson_test("build-tsan", *fixed, suite="tsan")


def cuda():
    nvcc = shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc"
    if not os.access(nvcc, os.X_OK):
        steps.say("nvcc is not here: its link is skipped")
    elif any((ROOT / "tests/nvcc").glob("*.cu")):
        path = f"{os.path.dirname(nvcc)}:{os.environ['PATH']}"
        if steps.configure("build-cuda", "-Dcuda=enabled", *BARE, env=environment(PATH=path)):
            steps.build("build-cuda", *targets("build-cuda", r"tests/nvcc/nvcc_\w+"), env=environment(PATH=path))


def targets(build, pattern):
    listing = steps.output(["ninja", "-C", build, "-t", "targets", "all"])
    return sorted(set(re.findall(rf"^({pattern}): ", listing, re.M)))


main()
