#!/usr/bin/env python3
"""Compares the package columns of docs/options.md with the packages' own signatures: check_options.py, with the oracle's Python."""
import inspect
import pathlib
import sys

import reference

VERSIONS = ("0.4.11", "0.5.0", "0.6.1")
OWNERS = {"Conformer": ("Conformer", "__init__"), "ConformerBlock": ("ConformerBlock", "__init__"), "ConformerWrapper": ("ConformerWrapper", "__init__"),
          "ConformerWrapper.forward": ("ConformerWrapper", "forward"), "SoundStorm": ("SoundStorm", "__init__"),
          "SoundStorm.generate": ("SoundStorm", "generate"), "SoundStorm.forward": ("SoundStorm", "forward")}
WHOLE = [owner for owner in OWNERS if owner != "ConformerBlock"]  # its options are the Conformer's, but for one


def signatures():
    """{(owner, option): {version: default}}"""
    found = {}
    for version in VERSIONS:
        module = reference.load(version).soundstorm
        for owner, (kind, name) in OWNERS.items():
            for option in inspect.signature(inspect.unwrap(getattr(getattr(module, kind), name))).parameters.values():
                if option.name not in ("self", "kwargs"):
                    default = "required" if option.default is inspect.Parameter.empty else repr(option.default)
                    found.setdefault((owner, option.name), {})[version] = default
    return found


def main():
    page = pathlib.Path(__file__).resolve().parents[2] / "docs/options.md"
    table = {}
    for line in page.read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) >= 7 and cells[0] in OWNERS:
            table[cells[0], cells[1]] = tuple(cells[2:5])
    wrong = []
    for key, defaults in signatures().items():
        expected = tuple(defaults.get(version, "-") for version in VERSIONS)
        if key in table and table[key] != expected:
            wrong.append(f"{key[0]}({key[1]}): the page says {table[key]}, the packages {expected}")
        if key not in table and key[0] in WHOLE:
            wrong.append(f"{key[0]}({key[1]}) is missing from the page")
    print("\n".join(wrong) or f"options: {len(table)} rows agree with the packages")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
