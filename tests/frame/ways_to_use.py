#!/usr/bin/env python3
"""Builds and runs tests/install/user.cpp with a bare -I, from an installed prefix with pkg-config and with CMake's find_package, and with
spearstorm as a Meson subproject: ways_to_use.py ROOT COMPILER..."""
import os
import pathlib
import subprocess
import sys
import tempfile

root, cxx = pathlib.Path(sys.argv[1]), sys.argv[2:]
user = root / "tests/install/user.cpp"
project = """project('user', 'cpp', default_options: ['cpp_std=c++20'])
executable('user', 'user.cpp', dependencies: dependency('spearstorm', fallback: 'spearstorm'))
"""


def run(*words, **options):
    words = [str(word) for word in words]
    done = subprocess.run(words, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def compile_and_run(folder, flags):
    run(*cxx, "-std=c++20", user, "-o", folder / "user", *flags)
    return run(folder / "user")


def bare(folder):
    return compile_and_run(folder, ["-I", root / "include", "-pthread"])


def install(folder):
    prefix = folder / "prefix"
    run("meson", "setup", folder / "build", root, f"--prefix={prefix}", "--libdir=lib", "-Dtests=false", "-Dexamples=false", "-Dbench=false",
        "-Dtools=false")
    run("meson", "install", "-C", folder / "build")
    return prefix


def pkg_config(folder):
    prefix = install(folder)
    search = dict(os.environ, PKG_CONFIG_PATH=str(prefix / "lib/pkgconfig"))
    flags = run("pkg-config", "--cflags", "--libs", "spearstorm", env=search).split()
    assert f"-I{prefix}/include" in flags, flags
    return compile_and_run(folder, flags)


def cmake(folder, components="", version="0.2"):
    """Moved behind its back: a package must not remember where it was installed."""
    prefix = folder / "moved"
    install(folder).rename(prefix)
    for file in (user, user.parent / "CMakeLists.txt"):
        (folder / file.name).write_text(file.read_text())
    run("cmake", "-S", folder, "-B", folder / "out", f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={cxx[-1]}", "-DCMAKE_BUILD_TYPE=Release",
        f"-DWANTED_COMPONENTS={components}", f"-DWANTED_VERSION={version}")
    run("cmake", "--build", folder / "out")
    return run(folder / "out/user")


def cmake_with_simd(folder):
    return cmake(folder, "simd")


def cmake_refuses(folder):
    """A version that is not compatible and a component that does not exist are named."""
    said = []
    for wanted in ({"version": "0.9"}, {"components": "gpu"}):
        try:
            (folder / str(len(said))).mkdir()
            cmake(folder / str(len(said)), **wanted)
        except RuntimeError as reason:
            said.append(str(reason))
    assert len(said) == 2 and "0.2.0" in said[0] and "no component 'gpu', expected simd" in " ".join(said[1].split()), said
    return "refused"


def subproject(folder):
    (folder / "subprojects").mkdir()
    (folder / "subprojects/spearstorm").symlink_to(root)
    (folder / "user.cpp").write_text(user.read_text())
    (folder / "meson.build").write_text(project)
    run("meson", "setup", folder / "build", folder)
    run("ninja", "-C", folder / "build")
    return run(folder / "build/user")


failed = 0
ways = (bare, pkg_config, cmake, cmake_with_simd, cmake_refuses, subproject)
for way in ways:
    with tempfile.TemporaryDirectory() as folder:
        try:
            print(way.__name__, "->", way(pathlib.Path(folder)).strip().splitlines()[-1])
        except (RuntimeError, AssertionError, IndexError) as reason:
            failed += 1
            print(f"FAILED {way.__name__}: {reason}")
print(f"{len(ways) - failed} passed, {failed} failed")
sys.exit(failed > 0)
