#!/usr/bin/env python3
"""Tests of the corpus tools that need no synthesizer and no recogniser: corpus_tools.py ROOT."""
import importlib.machinery
import importlib.util
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(sys.argv.pop(1)).resolve() / "tools"
sys.path.insert(0, str(TOOLS))
sys.dont_write_bytecode = True

import corpus_audio  # noqa: E402
import corpus_grammar  # noqa: E402


def program(name):
    loader = importlib.machinery.SourceFileLoader(name, str(TOOLS / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


recognize = program("recognize")


class Align(unittest.TestCase):
    def test_by_hand(self):
        self.assertEqual(recognize.align("a b c".split(), "a b c".split()), (0, 0, 0))
        self.assertEqual(recognize.align("a b c".split(), "a x c".split()), (1, 0, 0))
        self.assertEqual(recognize.align("a b c".split(), "a c".split()), (0, 1, 0))
        self.assertEqual(recognize.align("a c".split(), "a b c d".split()), (0, 0, 2))
        self.assertEqual(recognize.align([], ["a"]), (0, 0, 1))
        self.assertEqual(recognize.align(["a", "b"], []), (0, 2, 0))

    def test_cost_is_the_edit_distance(self):
        rng = random.Random(1)

        def distance(a, b):
            if not a or not b:
                return len(a) + len(b)
            return min(distance(a[1:], b[1:]) + (a[0] != b[0]), distance(a[1:], b) + 1, distance(a, b[1:]) + 1)

        for _ in range(100):
            a, b = ([rng.choice("xyz") for _ in range(rng.randrange(6))] for _ in range(2))
            substitutions, deletions, insertions = recognize.align(a, b)
            self.assertEqual(substitutions + deletions + insertions, distance(a, b))
            self.assertEqual(len(a) - deletions + insertions, len(b))


class Grammar(unittest.TestCase):
    def test_draws_what_it_says(self):
        grammar = corpus_grammar.Grammar("grammar g; public <a> = /9/ one <b> | two; // comment | three\n<b> = ( x | y ) [ z ];")
        rng, counts = random.Random(1), {}
        for _ in range(2000):
            sentence = grammar.draw(rng)
            counts[sentence] = counts.get(sentence, 0) + 1
        self.assertEqual(set(counts), {"one x", "one y", "one x z", "one y z", "two"})
        self.assertLess(abs(counts["two"] - 200), 60)  # one in ten
        self.assertEqual(grammar.words(), {"one", "two", "x", "y", "z"})

    def test_refuses(self):
        for text in ("<a> = b;", "public <a> = <b>;", "public <a> = x | ;", "public <a> = ( x;", "public <a> = x ];", "public <a> = x <a>;",
                     "public <a> = x; <a> = y;", "x"):
            with self.assertRaises(corpus_grammar.GrammarError, msg=text):
                corpus_grammar.Grammar(text)

    def test_the_split_sees_words_alone(self):
        self.assertEqual(corpus_grammar.normalized("  What's THIS, then? "), "what's this then")
        for number in range(200):
            self.assertEqual(corpus_grammar.held_out(f"Say {number}!", 10), corpus_grammar.held_out(f"say  {number}", 10))
        held = sum(corpus_grammar.held_out(f"sentence {number}", 10) for number in range(5000))
        self.assertLess(abs(held - 500), 100)
        self.assertFalse(corpus_grammar.held_out("x", 0))
        self.assertTrue(corpus_grammar.held_out("x", 100))


class Audio(unittest.TestCase):
    def test_headers(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "a.wav"
            corpus_audio.atomic_write(str(path), corpus_audio.wav_bytes(struct.pack("<3h", 1, -2, 3), 8000))
            self.assertEqual(corpus_audio.duration(path), (8000, 3))
            self.assertEqual([p.name for p in path.parent.iterdir()], ["a.wav"])
            # STREAMINFO of 44100 Hz, 2 channels, 16 bits, 1000 samples
            info = bytes(10) + (44100 << 44 | 1 << 41 | 15 << 36 | 1000).to_bytes(8, "big") + bytes(16)
            path.write_bytes(b"fLaC\x80\x00\x00\x22" + info)
            self.assertEqual(corpus_audio.duration(path), (44100, 1000))
            for bad in (b"", b"RIFF", b"fLaC", b"RIFF\0\0\0\0WAVEdata\0\0\0\0"):
                path.write_bytes(bad)
                with self.assertRaises(corpus_audio.AudioError):
                    corpus_audio.duration(path)


class Index(unittest.TestCase):
    def test_a_folder_of_recordings(self):
        with tempfile.TemporaryDirectory() as folder:
            spoken, out = pathlib.Path(folder) / "spoken" / "anna", pathlib.Path(folder) / "corpus"
            spoken.mkdir(parents=True)
            for name in ("one", "two"):
                (spoken / f"{name}.wav").write_bytes(corpus_audio.wav_bytes(bytes(3200), 16000))
            (spoken / "one.txt").write_text("Turn the\nlight on.\n")
            run = subprocess.run([sys.executable, TOOLS / "make_corpus", "--out", out, "--from", spoken.parent, "--valid", "0"],
                                 capture_output=True, text=True, check=False)
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertEqual((out / "manifest.tsv").read_text().splitlines(),
                             ["path\tsplit\tvoice\tsample_hz\tsamples\ttext", "../spoken/anna/one.wav\ttrain\tanna\t16000\t1600\tTurn the light on.",
                              "../spoken/anna/two.wav\ttrain\tanna\t16000\t1600\t"])


if __name__ == "__main__":
    unittest.main()
