#!/usr/bin/env python3
"""Compares the package columns of docs/options.md with the packages' own signatures: check_options.py. Skipped where the oracle's Python is not."""
import importlib.util
import inspect
import operator
import os
import pathlib
import sys
import types

import interpreter

interpreter.find()
import golden_clip  # noqa: E402
import reference  # noqa: E402

# A class stands for its constructor. Each owner is told whole, but for PARTLY.
SOUNDSTORM = ("Conformer", "ConformerBlock", "ConformerWrapper", "ConformerWrapper.forward", "SoundStorm", "LogitHead", "SoundStorm.generate",
              "SoundStorm.forward")
SPEAR_TTS = ("TextToSemantic", "TextToSemantic.forward", "TextToSemantic.generate", "TextToSemantic.freeze_encoder_below_layer", "top_k", "top_p",
             "Transformer", "Transformer.forward", "Attention", "Attention.forward", "FeedForward", "SpeechSpeechPretrainWrapper",
             "SpeechSpeechPretrainWrapper.forward", "SemanticToTextWrapper", "SemanticToTextWrapper.forward", "TextToSemanticWrapper",
             "TextToSemanticWrapper.forward", "SemanticToTextDatasetGenerator", "SemanticToTextDatasetGenerator.forward")
DATA = ("GeneratedAudioTextDataset",)
CLIP = ("SimpleTokenizer", "SimpleTokenizer.tokenize", "SimpleTokenizer.decode")
PARTLY = ("ConformerBlock",)  # its options are the Conformer's, but for one


def spear_tts_data():
    """spear_tts_pytorch/data.py alone: the package that the reference loads has a stand-in for the trainer that brings it."""
    path = pathlib.Path(reference.spear_tts().__file__).with_name("data.py")
    spec = importlib.util.spec_from_file_location("spear_tts_data", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def undecorated(function):
    """What was written with def; spear-tts-pytorch's eval_decorator leaves no trace but the closure."""
    function = inspect.unwrap(function)
    while isinstance(function, types.FunctionType) and "fn" in function.__code__.co_freevars:
        function = inspect.unwrap(function.__closure__[function.__code__.co_freevars.index("fn")].cell_contents)
    return function


def shown(default):
    if default is inspect.Parameter.empty:
        return "required"
    if isinstance(default, str) and os.path.isabs(default):
        return "its own"  # a file beside the code
    return default.__name__ if callable(default) else repr(default)


def options_of(module, owner):
    """{option: default}"""
    found = operator.attrgetter(owner)(module)
    parameters = inspect.signature(undecorated(found.__init__ if inspect.isclass(found) else found)).parameters.values()
    return {p.name: shown(p.default) for p in parameters if p.name != "self" and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}


def tables():
    """Each: the package's version of every column, and the owners of its rows in the modules that have them."""
    yield [(reference.load(version).soundstorm, SOUNDSTORM) for version in reference.GENERATIONS]
    yield [(reference.spear_tts(), SPEAR_TTS)]
    yield [(spear_tts_data(), DATA)]
    yield [(golden_clip.tokenizer_module(), CLIP)]


def main():
    page = pathlib.Path(__file__).resolve().parents[2] / "docs/options.md"
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.read_text().splitlines() if line.startswith("| ")]
    wrong, count = [], 0
    for columns in tables():
        expected = {}
        for at, (module, owners) in enumerate(columns):
            for owner in owners:
                for option, default in options_of(module, owner).items():
                    expected.setdefault((owner, option), ["-"] * len(columns))[at] = default
        told = {(row[0], row[1]): row[2:2 + len(columns)] for row in rows if row[0] in columns[0][1]}
        count += len(told)
        for owner, option in sorted(told.keys() | expected.keys()):
            found, wanted = told.get((owner, option)), expected.get((owner, option))
            if wanted is None:
                wrong.append(f"{owner}({option}) is on the page, the package has no such option")
            elif found is None and owner not in PARTLY:
                wrong.append(f"{owner}({option}) is missing from the page")
            elif found is not None and found != wanted:
                wrong.append(f"{owner}({option}): the page says {', '.join(found)}, the package {', '.join(wanted)}")
    print("\n".join(wrong) or f"options: {count} rows agree with the packages")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
