#!/usr/bin/env python3
"""Compiles every ```cpp block with a main function in README.md and docs/*.md: documents.py ROOT BUILD."""
import pathlib
import re
import sys

import compiler

root, build = pathlib.Path(sys.argv[1]), sys.argv[2]
passed = failed = 0
for page in sorted(root.glob("README.md")) + sorted(root.glob("docs/*.md")):
    for block in re.finditer(r"```cpp\n(.*?)```", page.read_text(), re.S):
        if "int main(" not in block[1]:
            continue
        code, messages = compiler.run(build, ["-O0", "-fsyntax-only", "-x", "c++", "-"], block[1])
        passed, failed = passed + (code == 0), failed + (code != 0)
        if code != 0:
            line = page.read_text()[:block.start()].count("\n") + 1
            print(f"FAILED {page.name}, line {line}\n{messages[:3000]}")
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
