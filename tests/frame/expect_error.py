#!/usr/bin/env python3
"""Demands that FILE does not compile and that the sentence of its first line appears: expect_error.py BUILD FILE."""
import pathlib
import sys

import compiler

sentence = pathlib.Path(sys.argv[2]).read_text().splitlines()[0].removeprefix("// expect-error:").strip()
code, messages = compiler.run(sys.argv[1], ["-O0", "-fsyntax-only", sys.argv[2]])
if code == 0 or not sentence or sentence not in " ".join(messages.split()):
    sys.exit(f"expected: {sentence}\nthe compiler {'accepted the file' if code == 0 else 'said:'}\n{messages[:4000]}")
