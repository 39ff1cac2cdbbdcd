#!/usr/bin/env python3
"""Checks the cases of bench/compare and the table that it writes, without running any."""
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench"
sys.dont_write_bytecode = True
sys.path.insert(0, str(BENCH))
import compare_table  # noqa: E402
from compare_cases import FILE, read_cases  # noqa: E402

CASES = read_cases()
PREFIXES = ("soundstorm_forward_paper_bf16", "soundstorm_forward_512", "soundstorm_generate_512", "soundstorm_generate_paper",
            "soundstorm_train_512", "soundstorm_train_128", "gemm_f32", "gemm_bf16", "attention", "elementwise", "adamw",
            "text_to_semantic_generate", "text_to_semantic_train")
DAY = datetime.date(2026, 1, 2)


def line(case, ours=10.0, **more):
    return {"case": case, "dtype": "f32", "threads": 2, "ours_ms": ours, "peer": "pytorch 2.15 eager", "peer_ms": 2345.6, "ratio": 2.5,
            "ours_mb": 100.4, "peer_mb": 800.0, "busy": 0.0, **more}


class Cases(unittest.TestCase):
    def test_each_name_of_the_list_has_a_case(self):
        for prefix in PREFIXES:
            self.assertTrue(any(name.startswith(prefix) for name in CASES), prefix)

    def test_names_tell_the_dtype(self):
        for name, case in CASES.items():
            self.assertIn(case["dtype"], ("f32", "bf16", "int8"), name)
            for dtype in ("bf16", "int8"):
                self.assertEqual(case["dtype"] == dtype, f"_{dtype}" in name, name)

    def test_like_names_a_case_that_is_like_none(self):
        raw = json.loads(FILE.read_text())
        for name, of in raw.items():
            if "like" in of:
                self.assertNotIn("like", raw[of["like"]], name)
            self.assertTrue(CASES[name]["does"] and CASES[name]["work"], name)

    def test_networks_come_in_both_precisions(self):
        for name, case in CASES.items():
            if name.startswith(("soundstorm", "text_to_semantic", "attention")) and case["dtype"] == "f32":
                self.assertEqual({**CASES[name + "_bf16"], "dtype": "f32", "like": ""}, {**case, "like": ""})

    def test_peers_are_known(self):
        for name, case in CASES.items():
            self.assertEqual(case["peers"][0], "eager", name)
            self.assertLessEqual(set(case["peers"]), {"eager", "compiled", "numpy", "eigen"}, name)

    def test_the_program_lists_the_cases_of_a_prefix(self):
        done = subprocess.run([sys.executable, BENCH / "compare", "--list", "--case", "gemm_bf16"], capture_output=True, text=True, check=True)
        self.assertEqual([row.split()[0] for row in done.stdout.splitlines()], [name for name in CASES if name.startswith("gemm_bf16")])
        done = subprocess.run([sys.executable, BENCH / "compare", "--case", "nothing"], capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("no case starts with 'nothing'", done.stderr)


class Table(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.page = self.folder / "page.md"
        self.page.write_text(f"before\n{compare_table.BEGIN}\n{compare_table.END}\nafter\n")

    def write(self, lines, versions=("spearstorm 0.2.0, g++ 12.2.0", "torch 2.15.0")):
        compare_table.write_table(self.page, lines, versions, ["adamw", "gemm", "train"], DAY)
        text = self.page.read_text()
        self.assertTrue(text.startswith(f"before\n{compare_table.BEGIN}\n") and text.endswith(f"{compare_table.END}\nafter\n"))
        self.assertEqual([path.name for path in self.folder.iterdir()], ["page.md"])
        return [row for row in text.splitlines() if row.startswith("| `")]

    def test_a_row_tells_all(self):
        rows = self.write([line("gemm", 0.01234)])
        self.assertEqual(rows, ["| `gemm` | f32 | 2 | 0.0123 ms | 2.35 s | pytorch 2.15 eager | 2.50 | 100 MB, 800 MB | 2026-01-02 |"])
        text = self.page.read_text()
        self.assertIn("Last run: 2026-01-02.", text)
        self.assertIn("Versions: spearstorm 0.2.0, g++ 12.2.0, torch 2.15.0.", text)
        self.assertIn(f"Processor: {compare_table.processor()}.", text)

    def test_a_case_takes_its_own_place_and_leaves_the_others(self):
        self.write([line("train"), line("gemm")])
        rows = self.write([line("adamw"), line("gemm", 20.0), line("gemm", 30.0, threads=1), line("gemm", 40.0, dtype="bf16")])
        self.assertEqual([row.split(" | ")[0] for row in rows], ["| `adamw`", "| `gemm`", "| `gemm`", "| `gemm`", "| `train`"])
        self.assertIn("| 1 | 30.0 ms |", rows[1])
        self.assertEqual(sum("| 10.0 ms |" in row for row in rows), 2)  # adamw and train; gemm's was written over

    def test_rows_of_other_versions_go(self):
        self.write([line("train")])
        self.assertEqual(len(self.write([line("gemm")], ["spearstorm 0.2.0, g++ 12.2.0", "torch 2.16.0"])), 1)
        self.assertIn("torch 2.16.0", self.page.read_text())
        self.assertEqual(len(self.write([line("train")], ["spearstorm 0.2.0, NumPy 2.0.0"])), 2)

    def test_others_on_the_machine_are_told(self):
        self.assertIn("2.50 (busy 0.30)", self.write([line("gemm", busy=0.3)])[0])

    def test_a_page_without_marks_stays(self):
        self.page.write_text("nothing here\n")
        with self.assertRaisesRegex(ValueError, "has no line"):
            compare_table.write_table(self.page, [line("gemm")], ["torch 2.15.0"], [], DAY)
        self.assertEqual(self.page.read_text(), "nothing here\n")

    def test_a_page_that_is_not_there_is_made(self):
        compare_table.write_table(self.folder / "new.md", [line("gemm")], ["torch 2.15.0"], [], DAY)
        self.assertIn("`gemm`", (self.folder / "new.md").read_text())

    def test_times_have_three_digits(self):
        self.assertEqual([compare_table.in_words(ms) for ms in (0.0123, 0.123, 1.234, 12.34, 123.4, 1234, 123456)],
                         ["0.0123 ms", "0.123 ms", "1.23 ms", "12.3 ms", "123 ms", "1.23 s", "123 s"])


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=0).result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(failed > 0)
