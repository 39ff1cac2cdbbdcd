#!/usr/bin/env python3
"""Lists the files under DIR whose name ends in SUFFIX, relative to DIR, sorted, one a line.

With a third argument, prints them as #include lines below that prefix: list_sources.py include/spearstorm .hpp spearstorm
"""
import pathlib
import sys

folder, suffix = pathlib.Path(sys.argv[1]), sys.argv[2]
for path in sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*" + suffix)):
    print(f'#include "{sys.argv[3]}/{path}"' if len(sys.argv) > 3 else path)
