#!/usr/bin/env python3
"""The command-line program from recordings to generated sound, on tones: command_line.py PROGRAM. Ends in `N passed, N failed`."""
import array
import json
import math
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import wave

PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve()
SMALL = ["--dim", "16", "--depth", "1", "--heads", "2", "--dim-head", "8", "--kernel", "3", "--batch", "4", "--max-frames", "24", "--warmup", "5", "--threads", "2"]
TEXT = ["--dim", "16", "--source-depth", "1", "--target-depth", "2", "--heads", "2", "--dim-head", "8", "--batch", "4", "--warmup", "5", "--threads", "2"]
SPOKEN = ["--prompt-frames", "10", "--first-level-weight", "3", "--cond-drop-prob", "0.2"]


def run(*words, code=0):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == code, f"{words} ended with {done.returncode}, expected {code}\n{done.stdout}{done.stderr}"
    return done.stdout if code == 0 else done.stderr


def save_tones(path, rng, hz=16000, seconds=1.0):
    """Half a second of one tone, then another."""
    first, second = rng.choice((220, 440, 880)), rng.choice((330, 660, 1320))
    count = int(hz * seconds)
    samples = array.array("h", (round(8000 * math.sin(2 * math.pi * (first if i < count // 2 else second) * i / hz)) for i in range(count)))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, hz, count, "NONE", ""))
        file.writeframes(samples.tobytes())


class CommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.held = tempfile.TemporaryDirectory(prefix="spearstorm-command-line-")
        cls.at = pathlib.Path(cls.held.name)
        (cls.at / "spoken").mkdir()
        rng = random.Random(1)
        for number in range(24):
            save_tones(cls.at / "spoken" / f"{number:02d}.wav", rng, 8000 if number == 0 else 16000)  # one that must be resampled
        run("corpus", "--out", cls.at / "corpus", "--from", cls.at / "spoken", "--valid", "25")
        cls.told = run("tokenize", "--corpus", cls.at / "corpus", "--out", cls.at / "tokens", "--levels", "2", "--codes", "8", "--semantic-clusters", "12")
        run("train", "--tokens", cls.at / "tokens", "--out", cls.at / "run", "--steps", "30", "--unconditioned", *SMALL)
        run("train", "--tokens", cls.at / "tokens", "--out", cls.at / "spoken-run", "--steps", "60", *SPOKEN, *SMALL)

    @classmethod
    def tearDownClass(cls):
        cls.held.cleanup()

    def test_tokenize_tells_of_its_levels(self):
        self.assertIn("level 1:", self.told)
        self.assertIn("unigram entropy", self.told)
        self.assertEqual(self.told.count("of 8 codes used"), 4)
        self.assertEqual(self.told.count("of 12 clusters used"), 2)

    def test_tokenize_with_a_given_codec_gives_the_same_tokens(self):
        run("tokenize", "--corpus", self.at / "corpus", "--out", self.at / "again", "--codec", self.at / "tokens/codec.safetensors",
            "--semantic", self.at / "tokens/semantic.safetensors", "--threads", "1")
        for name in ("codec", "semantic", "train", "valid"):
            self.assertEqual(*((self.at / folder / f"{name}.safetensors").read_bytes() for folder in ("again", "tokens")), msg=name)

    def test_tokenize_without_semantic_tokens(self):
        told = run("tokenize", "--corpus", self.at / "corpus", "--out", self.at / "plain", "--codec", self.at / "tokens/codec.safetensors", "--semantic-clusters", "0")
        self.assertNotIn("clusters", told)
        self.assertFalse((self.at / "plain/semantic.safetensors").exists())
        self.assertIn("num_semantic_token_ids = 0", run("inspect", self.at / "plain/train.safetensors"))

    def test_training_learns(self):
        lines = [json.loads(line) for line in (self.at / "run/log.jsonl").read_text().splitlines()]
        losses = [line["loss"] for line in lines if "loss" in line]
        self.assertEqual(len(losses), 3)
        self.assertLess(losses[-1], 0.9 * losses[0])
        self.assertTrue((self.at / "run/codec.safetensors").exists())

    def test_repeated_it_gives_the_same_bits(self):
        run("train", "--tokens", self.at / "tokens", "--out", self.at / "twin", "--steps", "60", *SPOKEN, *SMALL[:-1], "1")
        name = "checkpoint-00000060.safetensors"
        self.assertEqual((self.at / "twin" / name).read_bytes(), (self.at / "spoken-run" / name).read_bytes())

    def test_control_c_saves_and_the_same_command_goes_on(self):
        folder = self.at / "stopped"
        command = [PROGRAM, "train", "--tokens", self.at / "tokens", "--out", folder, "--steps", "100000", *SMALL]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        until = time.monotonic() + 60
        while not (folder / "log.jsonl").exists() and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 130, told)
        self.assertIn("goes on from there", told)
        first, = folder.glob("checkpoint-*.safetensors")
        step = int(first.stem.split("-")[1])
        told = run("train", "--tokens", self.at / "tokens", "--out", folder, "--steps", step + 5, *SMALL)
        self.assertTrue((folder / f"checkpoint-{step + 5:08d}.safetensors").exists(), told)

    def test_evaluate_compares_with_the_entropy(self):
        told = run("evaluate", "--run", self.at / "run", "--tokens", self.at / "tokens", "--json", self.at / "scores.json")
        self.assertEqual(len(told.splitlines()), 4)
        made = json.loads((self.at / "scores.json").read_text())
        self.assertEqual([sorted(level) for level in made["levels"]], 2 * [["accuracy", "count", "in_best_ten", "loss", "unigram_entropy"]])
        self.assertIn("--require asks for 99.9 %", run("evaluate", "--run", self.at / "run", "--tokens", self.at / "tokens", "--require", "0.999", code=1))

    def test_evaluate_tells_what_the_condition_is_worth(self):
        told = run("evaluate", "--run", self.at / "spoken-run", "--tokens", self.at / "tokens", "--json", self.at / "condition.json")
        self.assertIn("the semantic tokens lower the loss by", told)
        made = json.loads((self.at / "condition.json").read_text())
        self.assertAlmostEqual(made["condition_lowers_loss_by"], 1 - made["loss"] / made["without_condition"]["loss"])
        self.assertGreater(made["condition_lowers_loss_by"], 0.05)
        self.assertEqual([level["count"] for level in made["levels"]], [level["count"] for level in made["without_condition"]["levels"]])

    def test_respeak(self):
        told = run("respeak", "--run", self.at / "spoken-run", "--tokens", self.at / "tokens", "--out", self.at / "respoken", "--steps", "3",
                   "--batch", "4", "--picture", self.at / "respoken.png", "--trace", self.at / "trace.png", "--cond-scale", "1.5")
        self.assertIn("all prompts are kept", told)
        sentences = list((self.at / "respoken").rglob("*.wav"))
        self.assertEqual(len(sentences), len((self.at / "corpus/manifest.tsv").read_text().split("\tvalid\t")) - 1)
        with wave.open(str(sentences[0])) as file:
            self.assertEqual((file.getframerate(), file.getnframes()), (16000, 16000))
        for name in ("respoken.png", "trace.png"):
            self.assertTrue((self.at / name).read_bytes().startswith(b"\x89PNG"), name)
        told = run("respeak", "--run", self.at / "spoken-run", "--tokens", self.at / "tokens", "--out", self.at / "few", "--steps", "1", "--limit", "2")
        self.assertIn("re-spoke 2 sentences", told)

    def test_generate_says_what_another_recording_says(self):
        common = ["generate", "--run", self.at / "spoken-run", "--steps", "3", "--prompt", self.at / "spoken/03.wav", "--prompt-seconds", "0.4"]
        told = run(*common, "--semantic-from", self.at / "spoken/05.wav", "--out", self.at / "said.wav")
        self.assertIn("generated 50 frames (1.40 s) behind 20 of the prompt", told)
        told = run(*common, "--seconds", "3", "--out", self.at / "on.wav")  # its own recording has no more
        self.assertIn("generated 30 frames (1.00 s) behind 20 of the prompt", told)

    def test_generate_keeps_the_prompt_and_repeats_itself(self):
        made = []
        for name, seed in (("a", 1), ("b", 1), ("c", 2)):
            told = run("generate", "--run", self.at / "run", "--prompt", self.at / "spoken/03.wav", "--prompt-seconds", "0.4", "--seconds", "1.2",
                       "--steps", "4", "--temperature", "3", "--filter-thres", "0", "--seed", seed, "--out", self.at / f"{name}.wav", "--picture", self.at / f"{name}.png")
            self.assertIn("the prompt's 40 codes are kept", told)
            with wave.open(str(self.at / f"{name}.wav")) as file:
                self.assertEqual((file.getframerate(), file.getnframes()), (16000, 19200))
                made.append(file.readframes(19200))
        self.assertTrue(made[0] == made[1], "one seed, two results")
        self.assertTrue(made[0] != made[2], "two seeds, one result")
        self.assertGreater(max(map(abs, array.array("h", made[0]))), 500)

    def told_corpus(self):
        """The same recordings, each with a text."""
        folder = self.at / "told"
        if not folder.exists():
            names, *rows = (self.at / "corpus/manifest.tsv").read_text().splitlines()
            folder.mkdir()
            texts = ["low then high", "high then low", "one tone"]
            rows = ["\t".join([*row.split("\t")[:-1], texts[number % 3]]) for number, row in enumerate(rows)]
            (folder / "manifest.tsv").write_text("\n".join([names, *rows]) + "\n")
        return ["--corpus", folder, "--tokens", self.at / "tokens"]

    def test_three_stages_and_a_sentence(self):
        data = self.told_corpus()
        run("train-text", *data, "--out", self.at / "mend", "--task", "pretrain", "--steps", "6", "--early-exit-layer", "1", *TEXT)
        told = run("train-text", *data, "--out", self.at / "read", "--task", "semantic-to-text", "--from", self.at / "mend", "--freeze-encoder", "--freeze-speech",
                   "--labelled", "6", "--steps", "20", *TEXT)
        self.assertIn("6 rows, 20 steps", told)
        told = run("evaluate-text", "--run", self.at / "read", *data, "--beam", "2", "--max-length", "20", "--json", self.at / "read.json", "--show")
        self.assertRegex(told, r"character error rate \d+\.\d %, word error rate")
        self.assertEqual(sorted(json.loads((self.at / "read.json").read_text())), ["checkpoint", "loss", "sentences", "token_error_rate", "word_error_rate"])
        told = run("label", "--run", self.at / "read", *data, "--out", self.at / "pairs", "--skip", "6", "--max-length", "20", "--beam", "2")
        self.assertRegex(told, r"labelled \d+ utterances")
        told = run("train-text", *data, "--out", self.at / "speak", "--from", self.at / "mend", "--labelled", "6", "--pairs", self.at / "pairs", "--steps", "30", *TEXT)
        self.assertIn("held-out loss", told)
        losses = [json.loads(line).get("loss") for line in (self.at / "speak/log.jsonl").read_text().splitlines()]
        losses = [loss for loss in losses if loss]
        self.assertLess(losses[-1], losses[0])
        self.assertIn("semantic token error rate", run("evaluate-text", "--run", self.at / "speak", *data, "--max-length", "60"))
        speak = ["speak", "--text-run", self.at / "speak", "--run", self.at / "spoken-run", "--prompt", self.at / "spoken/03.wav", "--prompt-seconds", "0.2", "--steps", "2", "--max-length", "30"]
        told = run(*speak, "--text", "High then  low", "--out", self.at / "sentence.wav", "--picture", self.at / "sentence.png")
        self.assertIn("spoke 1 sentences", told)
        with wave.open(str(self.at / "sentence.wav")) as file:
            self.assertEqual(file.getframerate(), 16000)
            self.assertGreater(file.getnframes(), 300)
        run(*speak, "--corpus", data[1], "--out", self.at / "sentences", "--limit", "2")
        self.assertEqual(len(list((self.at / "sentences").rglob("*.wav"))), 2)
        run("train-text", *data, "--out", self.at / "voices", "--voices", "--steps", "2", *TEXT)
        told = run("speak", "--text-run", self.at / "voices", *speak[3:], "--text", "low", "--voice", "nobody", "--out", self.at / "x.wav", code=2)
        self.assertIn("voice 'nobody' is unknown, expected one of: ", told)
        self.assertIn("'z'", run(*speak, "--text", "zoom", "--out", self.at / "x.wav", code=2).replace("U+007A", "'z'"))
        self.assertIn("expected semantic-to-text", run("label", "--run", self.at / "speak", *data, "--out", self.at / "x", code=2))
        self.assertIn("expected text-to-semantic", run("speak", "--text-run", self.at / "read", *speak[3:], "--text", "low", "--out", self.at / "x.wav", code=2))

    def test_resynthesize(self):
        run("resynthesize", "--corpus", self.at / "corpus", "--codec", self.at / "tokens/codec.safetensors", "--out", self.at / "again-audio", "--split", "all")
        self.assertEqual(len(list((self.at / "again-audio").rglob("*.wav"))), 24)

    def test_inspect(self):
        told = run("inspect", self.at / "tokens/codec.safetensors")
        self.assertRegex(told, r"codebooks +F32 +\(2, 8, 80\) +5\.0 KiB")
        self.assertIn("format = spearstorm.log_mel_codec", told)
        self.assertIn("soundstorm", run("inspect", self.at / "run/checkpoint-00000030.safetensors"))

    def test_bad_input_is_one_line_and_code_2(self):
        tokens, corpus = self.at / "tokens", self.at / "corpus"
        broken = self.at / "broken"
        broken.mkdir()
        (broken / "manifest.tsv").write_text("path\tsplit\n")
        for words in (["train"], ["fly"], [], ["train", "--tokens", tokens, "--out", self.at / "x", "--depth", "0"],
                      ["inspect", self.at / "spoken/03.wav"], ["inspect", self.at / "nothing"],
                      ["tokenize", "--corpus", broken, "--out", self.at / "x"],
                      ["train", "--tokens", tokens, "--out", self.at / "run", *SMALL, "--dim", "18"],
                      ["evaluate", "--checkpoint", tokens / "codec.safetensors", "--tokens", tokens],
                      ["evaluate", "--run", corpus, "--tokens", tokens],
                      ["generate", "--run", self.at / "run", "--out", self.at / "x.mp3"],
                      ["generate", "--run", self.at / "spoken-run", "--out", self.at / "x.wav"],
                      ["generate", "--run", self.at / "run", "--semantic-from", self.at / "spoken/03.wav", "--out", self.at / "x.wav"],
                      ["respeak", "--run", self.at / "run", "--tokens", tokens, "--out", self.at / "x"],
                      ["respeak", "--run", self.at / "spoken-run", "--tokens", tokens, "--out", self.at / "x", "--prompt-frames", "-1"],
                      ["respeak", "--checkpoint", self.at / "spoken-run/checkpoint-00000060.safetensors", "--tokens", tokens, "--out", self.at / "x"],
                      ["generate", "--checkpoint", self.at / "run/checkpoint-00000030.safetensors", "--out", self.at / "x.wav"],
                      ["generate", "--run", self.at / "run", "--out", self.at / "x.wav", "--prompt", self.at / "spoken/03.wav", "--seconds", "0.5"]):
            told = run(*words, code=2)
            self.assertEqual(len(told.splitlines()), 1, told)
            self.assertTrue(told.startswith("spearstorm: "), told)

    def test_help_and_version(self):
        self.assertRegex(run("--version"), r"^spearstorm \d+\.\d+\.\d+\n$")
        for name in ("tokenize", "train", "evaluate", "generate", "respeak", "resynthesize", "inspect", "corpus", "train-text", "evaluate-text", "label", "speak"):
            self.assertIn("--" if name != "inspect" else "files", run(name, "--help"))


if __name__ == "__main__":
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    result = unittest.TextTestRunner(stream=sys.stdout).run(unittest.defaultTestLoader.loadTestsFromTestCase(CommandLine))
    bad = len(result.failures) + len(result.errors)
    print(f"{max(result.testsRun - bad, 0)} passed, {bad} failed")
    sys.exit(bad > 0)
