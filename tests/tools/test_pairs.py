#!/usr/bin/env python3
"""Pair sets of spear-tts-pytorch through tools/convert: test_pairs.py. Ends in `N passed, N failed, N skipped`.

The files' bytes are also what train/pair_file.test.cpp expects. `tools/convert pairs` itself is tried where torch is: in this Python, in
$SPEARSTORM_ORACLE, or in build/oracle (tools/oracle/setup); elsewhere those tests are skipped.
"""
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import pathlib
import struct
import sys
import tempfile
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]


def torch_is_here():
    """Goes on in a Python that has torch where there is one."""
    if importlib.util.find_spec("torch") and importlib.util.find_spec("safetensors"):
        return True
    for python in filter(None, (os.environ.get("SPEARSTORM_ORACLE"), ROOT / "build" / "oracle" / "bin" / "python")):
        if pathlib.Path(python).exists() and not os.environ.get("SPEARSTORM_PAIRS_TEST"):
            os.environ["SPEARSTORM_PAIRS_TEST"] = "1"
            os.execv(python, [str(python), __file__, *sys.argv[1:]])
    return False


TORCH = torch_is_here()
sys.path.insert(0, str(ROOT / "tools"))
sys.dont_write_bytecode = True
import pairs_layout  # noqa: E402


def program(name):
    loader = importlib.machinery.SourceFileLoader(name, str(ROOT / "tools" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def read(content):
    """Metadata and tensors of a safetensors file."""
    length, = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + length])
    metadata = header.pop("__metadata__")
    data = content[8 + length:]
    values = {}
    for name, about in header.items():
        begin, end = about["data_offsets"]
        assert about["dtype"] == "I32" and about["shape"] == [(end - begin) // 4], name
        values[name] = list(struct.unpack(f"<{(end - begin) // 4}i", data[begin:end]))
    return metadata, values


class Layout(unittest.TestCase):
    def test_rows_are_counted_as_the_package_does(self):
        self.assertEqual(pairs_layout.order(["10.pt", "b.pt", "2.pt", "0.pt"]), ["0.pt", "2.pt", "10.pt", "b.pt"])

    def test_split_by_hand(self):
        split = lambda row, delimiter=-1: pairs_layout.split(row, delimiter, 50, 20, "row")  # noqa: E731
        self.assertEqual(split([5, 0, 5, -1, 0, 7]), ([5, 0, 5], [0, 7]))
        self.assertEqual(split([5, 50, -1, 7, 20, 3, 3]), ([5], [7]))  # eos and what stands behind it (faults 25 and 58)
        self.assertEqual(split([5, -1, -1, -1, 7]), ([5], [7]))  # padded with the delimiter
        self.assertEqual(split([-1]), ([], []))
        self.assertEqual(split([5, 49, 7], 49), ([5], [7]))
        with self.assertRaisesRegex(pairs_layout.PairsError, "row: no delimiter -1, expected audio ids, -1, text ids"):
            split([5, 7])

    def test_only_trailing_padding_goes(self):
        self.assertEqual(pairs_layout.without_padding([0, 7, 0, 8, 0, 0], 0), [0, 7, 0, 8])  # fault 34: text id 0 is an ordinary one
        self.assertEqual(pairs_layout.without_padding([0, 0], 0), [])
        self.assertEqual(pairs_layout.without_padding([0, 0], None), [0, 0])

    def test_the_bytes_are_those_of_pair_file_hpp(self):
        (name, content), = pairs_layout.shards([([8, 0, 8], [3, 0]), ([], [1])], 9, 4, "tëst", 1024)
        self.assertEqual(name, "pairs-00000-rank-0-of-1.safetensors")
        header = ('{"__metadata__":{"first_row":"0","format":"spearstorm.pairs","format_version":"1","made_by":"tëst",'
                  '"num_semantic_token_ids":"9","num_text_token_ids":"4","rank":"0","rows":"2","rows_of_set":"2","run_lengths":"0","shard":"0",'
                  '"size":"1"},"semantic":{"dtype":"I32","shape":[3],"data_offsets":[0,12]},'
                  '"semantic_begin":{"dtype":"I32","shape":[3],"data_offsets":[12,24]},'
                  '"text":{"dtype":"I32","shape":[3],"data_offsets":[24,36]},'
                  '"text_begin":{"dtype":"I32","shape":[3],"data_offsets":[36,48]}}').encode()
        header += b" " * (-len(header) % 8)
        self.assertEqual(content, struct.pack("<Q", len(header)) + header + struct.pack("<12i", 8, 0, 8, 0, 3, 3, 3, 0, 1, 0, 2, 3))

    def test_shards_follow_each_other(self):
        made = [read(content) for _, content in pairs_layout.shards([([n], [n, n]) for n in range(5)], 9, 9, "test", 2)]
        self.assertEqual([(m["shard"], m["first_row"], m["rows"], m["rows_of_set"]) for m, _ in made],
                         [("0", "0", "2", "5"), ("1", "2", "2", "5"), ("2", "4", "1", "5")])
        self.assertEqual([values["text"] for _, values in made], [[0, 0, 1, 1], [2, 2, 3, 3], [4, 4]])
        self.assertEqual(made[1][1]["text_begin"], [0, 2, 4])


@unittest.skipUnless(TORCH, "torch is not installed; tools/oracle/setup installs it, or SPEARSTORM_ORACLE names a Python that has it")
class Convert(unittest.TestCase):
    def setUp(self):
        held = tempfile.TemporaryDirectory(prefix="spearstorm-pairs-")
        self.addCleanup(held.cleanup)
        self.at = pathlib.Path(held.name)
        (self.at / "from").mkdir()

    def pairs(self, rows, *words, code=0):
        """Saves the rows and runs `tools/convert pairs`, one import of torch for all: what it says on stderr."""
        import torch
        for name, row in rows.items():
            torch.save(torch.tensor(row), self.at / "from" / name)
        line = ["tools/convert", "pairs", self.at / "from", self.at / "to", "--num-semantic-token-ids", 50, "--num-text-token-ids", 20, *words]
        ended = 0
        with mock.patch.object(sys, "argv", [str(word) for word in line]), contextlib.redirect_stderr(io.StringIO()) as said:
            try:
                program("convert").main()
            except SystemExit as end:
                ended = end.code
        self.assertEqual(ended, code, said.getvalue())
        return said.getvalue()

    def test_a_folder_of_rows(self):
        rows = {f"{n}.pt": [n, 0, 50, -1, 0, 7, 20] for n in range(11)}
        self.pairs(dict(rows, **{"3.pt": [4, -1]}), "--shard-rows", "8", "--made-by", "me")
        self.assertEqual(sorted(path.name for path in (self.at / "to").iterdir()),
                         ["pairs-00000-rank-0-of-1.safetensors", "pairs-00001-rank-0-of-1.safetensors"])
        metadata, values = read((self.at / "to" / "pairs-00000-rank-0-of-1.safetensors").read_bytes())
        self.assertEqual(metadata["made_by"], "me")
        self.assertEqual(values["semantic"], [0, 0, 1, 0, 2, 0, 4, 4, 0, 5, 0, 6, 0, 7, 0])
        self.assertEqual(values["text_begin"], [0, 2, 4, 6, 6, 8, 10, 12, 14])
        _, values = read((self.at / "to" / "pairs-00001-rank-0-of-1.safetensors").read_bytes())
        self.assertEqual(values["semantic"], [8, 0, 9, 0, 10, 0])

    def test_padding_by_option(self):
        self.pairs({"0.pt": [9, 1, 9, 9, 30, 2, 0, 2, 0, 0]}, "--delimiter-id", "30", "--audio-pad-id", "9", "--text-pad-id", "0")
        _, values = read((self.at / "to" / "pairs-00000-rank-0-of-1.safetensors").read_bytes())
        self.assertEqual((values["semantic"], values["text"]), ([9, 1], [2, 0, 2]))

    def test_errors_name_the_file_and_write_nothing(self):
        self.assertIn("holds no .pt file", self.pairs({}, code=2))
        good = {"0.pt": [1, -1, 1]}
        self.assertIn("1.pt': no delimiter -1", self.pairs(dict(good, **{"1.pt": [1, 1]}), code=2))
        self.assertIn("1.pt': semantic id 1 is 51, expected 0 to 49", self.pairs(dict(good, **{"1.pt": [1, 51, -1, 1]}), code=2))
        self.assertIn("1.pt': text id 0 is 21, expected 0 to 19", self.pairs(dict(good, **{"1.pt": [1, -1, 21]}), code=2))
        self.assertIn("holds a torch.float32 tensor of shape (2,), expected ids", self.pairs(dict(good, **{"1.pt": [1.5, -1.0]}), code=2))
        self.assertIn("shard_rows = 0, expected 1 to", self.pairs(dict(good, **{"1.pt": [-1]}), "--shard-rows", "0", code=2))
        (self.at / "from" / "2.pt").write_bytes(b"no rows")
        self.assertIn("2.pt' is no .pt file of ids", self.pairs({}, code=2))
        self.assertFalse((self.at / "to").exists())
        (self.at / "from" / "2.pt").unlink()
        self.pairs(good)
        self.assertIn("holds *.safetensors already", self.pairs(good, code=2))


if __name__ == "__main__":
    loader = unittest.defaultTestLoader
    suite = unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in (Layout, Convert))
    result = unittest.TextTestRunner(stream=sys.stdout).run(suite)
    bad = len(result.failures) + len(result.errors)
    print(f"{max(result.testsRun - bad - len(result.skipped), 0)} passed, {bad} failed, {len(result.skipped)} skipped")
    sys.exit(bad > 0)
