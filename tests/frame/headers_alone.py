#!/usr/bin/env python3
"""Compiles every header alone, included twice in one unit: headers_alone.py ROOT BUILD.

A header that passed is not compiled again until it, one that it includes, or the command changes (stamps below BUILD/headers_alone).
"""
import concurrent.futures
import hashlib
import pathlib
import sys

import compiler
import headers

root, build = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
tree, command = headers.Tree(root), compiler.command(build)
have = [word.removeprefix("-DSPEARSTORM_HAVE_") for word in command if word.startswith("-DSPEARSTORM_HAVE_")]
stamps = build / "headers_alone"
stamps.mkdir(exist_ok=True)


def check(name):
    digest = hashlib.sha256(" ".join(command).encode())
    for part in tree.closure(name):
        digest.update((tree.include / part).read_bytes())
    stamp = stamps / name.replace("/", "-")
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return True, ""
    unit = f'#include "{name}"\n#include "{name}"\n'
    code, messages = compiler.run(build, ["-Werror", "-O0", "-fsyntax-only", "-x", "c++", "-"], unit)
    if code == 0:
        stamp.write_text(digest.hexdigest())
    return code == 0, messages


usable = tree.usable(have)
for name in tree.names:
    if name not in usable:
        print(f"skipped {name}: needs {', '.join(sorted(tree.needs(name) - set(have)))}")
failed = 0
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    for name, (passed, messages) in zip(usable, pool.map(check, usable)):
        if not passed:
            failed += 1
            print(f"FAILED {name}\n{messages[:3000]}")
print(f"{len(usable) - failed} passed, {failed} failed")
sys.exit(failed > 0)
