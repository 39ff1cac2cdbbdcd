"""Reads compare_cases.json: a case takes what it does not say from the one that it is `like`."""

import json
import pathlib

FILE = pathlib.Path(__file__).resolve().parent / "compare_cases.json"


def read_cases(file=FILE):
    """Each case by its name, in the order of the file, with its dtype ("f32" where none is given) and its peers."""
    raw = json.loads(pathlib.Path(file).read_text())
    return {name: {"dtype": "f32", "peers": ["eager", "compiled"], **raw.get(of.get("like"), {}), **of} for name, of in raw.items()}
