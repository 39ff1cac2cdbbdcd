#!/usr/bin/env python3
"""Weights of soundstorm-pytorch through tools/convert and `spearstorm convert` and back: test_convert.py PROGRAM. Ends in `N passed, N failed`.

Runs where torch and the packages are: in this Python, in $SPEARSTORM_ORACLE, or in build/oracle (tools/oracle/setup); elsewhere it is skipped.
"""
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONVERT = ROOT / "tools" / "convert"


def find_interpreter():
    """Goes on in a Python that has torch, or ends the program."""
    if importlib.util.find_spec("torch") and importlib.util.find_spec("safetensors"):
        return
    for python in filter(None, (os.environ.get("SPEARSTORM_ORACLE"), ROOT / "build" / "oracle" / "bin" / "python")):
        if pathlib.Path(python).exists() and not os.environ.get("SPEARSTORM_CONVERT_TEST"):
            os.environ["SPEARSTORM_CONVERT_TEST"] = "1"
            os.execv(python, [str(python), __file__, *sys.argv[1:]])
    print("SKIPPED: torch is not installed; tools/oracle/setup installs it into build/oracle, or SPEARSTORM_ORACLE names a Python that has it")
    sys.exit(77)


find_interpreter()
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools" / "oracle")]
sys.dont_write_bytecode = True
import package_layout as layout  # noqa: E402
import reference  # noqa: E402
import torch  # noqa: E402

PROGRAM = pathlib.Path(sys.argv.pop(1)).resolve()
RATES = dict(num_semantic_token_ids=11, wav2vec_target_sample_hz=16000, wav2vec_downsample_factor=320, codec_target_sample_hz=24000,
             codec_downsample_factor=480)
BODY = dict(dim=12, depth=2, dim_head=4, heads=3, ff_mult=2, conv_kernel_size=5, attn_flash=False)
ALL = dict(self_cond=True, self_token_critic=True, **RATES)
CASES = [
    ("0.4.11", dict(grouped_quantizers=1, conformer=dict(BODY), soundstorm=ALL)),  # with the package's GateLoop
    ("0.4.11", dict(grouped_quantizers=2, conformer=dict(BODY, use_gateloop_layers=False, t5_rel_pos_bias=True, conv_causal=True))),
    ("0.5.0", dict(grouped_quantizers=2, conformer=dict(BODY, conv_expansion_factor=1), soundstorm=dict(self_token_critic=True))),
    ("0.5.0", dict(conformer=dict(BODY, use_gateloop_layers=False), soundstorm=dict(RATES))),
    ("0.6.1", dict(grouped_quantizers=2, conformer=dict(BODY), soundstorm=ALL)),  # with the package's four streams
    ("0.6.1", dict(conformer=dict(BODY, num_residual_streams=2, depth=1), soundstorm=dict(self_cond=True, steps=7))),
    ("0.6.1", dict(conformer=dict(BODY, num_residual_streams=1, t5_rel_pos_bias=True))),
]


def run(*words, code=0):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == code, f"{words} ended with {done.returncode}, expected {code}\n{done.stdout}{done.stderr}"
    return done.stdout if code == 0 else done.stderr


def convert(*words, **options):
    return run(sys.executable, CONVERT, *words, **options)


def build(generation, given, seed, dtype=torch.float32):
    package = reference.load(generation).soundstorm
    torch.manual_seed(seed)
    net = package.ConformerWrapper(codebook_size=9, num_quantizers=2, grouped_quantizers=given.get("grouped_quantizers", 1),
                                   conformer=dict(given["conformer"]))
    storm = package.SoundStorm(net, **given.get("soundstorm", {}))
    with torch.no_grad():
        for value in storm.parameters():
            value.normal_()
        storm.net.code_embeds.weight[0, 0] = float("nan")  # bits, not numbers
        storm.net.code_embeds.weight[0, 1] = -0.0
    return storm.to(dtype)


def arguments_of(given):
    return dict(given, codebook_size=9, num_quantizers=2)


def logits(storm, levels):
    with torch.no_grad():
        storm.net.code_embeds.weight[0, 0] = 1.0
        codes = torch.arange(2 * 6 * levels).reshape(2, -1) % 10
        made = [storm.eval().net(codes)]
        if storm.token_critic is not None:
            made.append(storm.token_critic(codes % 9))
        return made


class Convert(unittest.TestCase):
    def setUp(self):
        held = tempfile.TemporaryDirectory(prefix="spearstorm-convert-")
        self.addCleanup(held.cleanup)
        self.at = pathlib.Path(held.name)

    def assert_same_bits(self, found, expected):
        self.assertEqual(list(found), list(expected))
        for key, value in expected.items():
            self.assertEqual((found[key].dtype, found[key].shape), (value.dtype, value.shape), key)
            as_bytes = lambda tensor: tensor.contiguous().reshape(-1).view(torch.uint8)  # noqa: E731
            self.assertTrue(torch.equal(as_bytes(found[key]), as_bytes(value)), key)

    def there(self, state, given, generation, name="there.safetensors", code=0):
        torch.save(state, self.at / "model.pt")
        (self.at / "config.json").write_text(json.dumps(arguments_of(given)))
        return convert("to-safetensors", self.at / "model.pt", self.at / name, "--config", self.at / "config.json", "--generation", generation,
                       code=code)

    def test_layout_knows_every_key_and_shape_of_the_packages(self):
        for number, (generation, given) in enumerate(CASES):
            with self.subTest(generation=generation, number=number):
                storm = build(generation, given, number)
                found = {key: tuple(value.shape) for key, value in storm.state_dict().items() if not key.startswith(layout.CRITIC)}
                self.assertEqual(layout.expected(layout.completed(arguments_of(given), generation), generation), found)

    def test_python_to_cpp_to_python_leaves_every_bit(self):
        for number, (generation, given) in enumerate(CASES):
            for dtype in (torch.float32, torch.float64, torch.bfloat16) if number in (0, 4) else (torch.float32,):
                with self.subTest(generation=generation, number=number, dtype=dtype):
                    storm = build(generation, given, number, dtype)
                    state = storm.state_dict()
                    self.there({"model": state, "optim": {}} if number % 2 else state, given, generation)
                    run(PROGRAM, "convert", self.at / "there.safetensors", self.at / "back.safetensors")
                    convert("to-pt", self.at / "back.safetensors", self.at / "back.pt", *(["--checkpoint"] if number % 2 else []))
                    back = torch.load(self.at / "back.pt", weights_only=True)
                    back = back["model"] if number % 2 else back
                    self.assert_same_bits(back, state)
                    for key in state:
                        if key.startswith(layout.CRITIC):
                            self.assertEqual(back[key].data_ptr(), back["net." + key.removeprefix(layout.CRITIC)].data_ptr(), key)
                    if dtype == torch.bfloat16:
                        continue
                    other = build(generation, given, number + 100, dtype)
                    other.load_state_dict(back, strict=True)
                    levels = 2 * given.get("grouped_quantizers", 1)
                    for found, expected in zip(logits(other, levels), logits(storm, levels), strict=True):
                        self.assertFalse(expected.isnan().any())
                        self.assertTrue(torch.equal(found, expected))

    def test_a_checkpoint_of_ours_and_back(self):
        generation, given = CASES[4]
        state = build(generation, given, 3).state_dict()
        self.there(state, given, generation)
        run(PROGRAM, "convert", "--checkpoint", self.at / "there.safetensors", self.at / "checkpoint.safetensors")
        run(PROGRAM, "convert", self.at / "checkpoint.safetensors", self.at / "back.safetensors")
        convert("to-pt", self.at / "back.safetensors", self.at / "back.pt", "--config", self.at / "told.json")
        back = torch.load(self.at / "back.pt", weights_only=True)
        self.assert_same_bits({key: back[key] for key in state}, state)
        self.assertEqual(len(back), len(state))
        told = json.loads((self.at / "told.json").read_text())
        self.assertEqual(told["conformer"]["heads"], 3)
        self.assertEqual(told["soundstorm"]["codec_downsample_factor"], 480)

    def test_another_models_tensors_and_unknown_arguments_are_kept(self):
        generation, given = "0.4.11", dict(conformer=dict(BODY), soundstorm=dict(steps=7, schedule="cosine", pad_id=-1, **RATES))
        state = build(generation, given, 1).state_dict()
        state["soundstream.codebook"] = torch.arange(5)
        state["wav2vec.half"] = torch.ones(2, dtype=torch.float16)
        self.there(state, given, generation)
        run(PROGRAM, "convert", self.at / "there.safetensors", self.at / "back.safetensors")
        convert("to-pt", self.at / "back.safetensors", self.at / "back.pt", "--config", self.at / "told.json")
        self.assert_same_bits(torch.load(self.at / "back.pt", weights_only=True), state)
        told = json.loads((self.at / "told.json").read_text())
        self.assertEqual((told["soundstorm"]["steps"], told["soundstorm"]["schedule"], told["soundstorm"]["pad_id"]), (7, "cosine", -1))

    def test_a_borrowed_embedding_is_one_tensor_with_its_lenders(self):
        generation, given = "0.4.11", dict(semantic_dim=5, conformer=dict(BODY), soundstorm=dict(RATES))
        state = dict(build(generation, given, 1).state_dict())
        lent = torch.randn(11, 5)
        state.update({"semantic_token_emb.weight": lent, "text_to_semantic.semantic_token_emb.weight": lent,
                      "semantic_cond_to_model_dim.weight": torch.randn(12, 5), "semantic_cond_to_model_dim.bias": torch.randn(12)})
        self.there(state, given, generation)
        run(PROGRAM, "convert", self.at / "there.safetensors", self.at / "back.safetensors")
        convert("to-pt", self.at / "back.safetensors", self.at / "back.pt")
        back = torch.load(self.at / "back.pt", weights_only=True)
        self.assert_same_bits(back, state)
        self.assertEqual(back["semantic_token_emb.weight"].data_ptr(), back["text_to_semantic.semantic_token_emb.weight"].data_ptr())

    def test_the_same_input_gives_the_same_file(self):
        generation, given = CASES[0]
        state = build(generation, given, 0).state_dict()
        self.there(state, given, generation, "one.safetensors")
        self.there(state, given, generation, "two.safetensors")
        self.assertEqual((self.at / "one.safetensors").read_bytes(), (self.at / "two.safetensors").read_bytes())
        self.assertEqual(sorted(path.name for path in self.at.iterdir()), ["config.json", "model.pt", "one.safetensors", "two.safetensors"])

    def test_errors_show_both_sides_and_write_nothing(self):
        generation, given = CASES[0]
        state = build(generation, given, 0).state_dict()
        changed = lambda **conformer: dict(given, conformer=dict(given["conformer"], **conformer))  # noqa: E731
        told = self.there(state, changed(ff_mult=3, conv_kernel_size=7), generation, code=2)
        self.assertIn("net.conformer.layers.0.ff1.fn.fn.net.0.weight is (24, 12), the configuration says (36, 12)", told)
        self.assertIn("net.conformer.layers.1.conv.ds_conv.conv.weight is (24, 1, 5), the configuration says (24, 1, 7)", told)
        told = self.there(state, changed(use_gateloop_layers=False, t5_rel_pos_bias=True), generation, code=2)
        self.assertIn("not understood: net.conformer.layers.0.gateloop.to_qkva.0.weight (36, 12)", told)
        self.assertIn("missing: net.conformer.rel_pos_bias.relative_attention_bias.weight (32, 3)", told)
        bare = {key: value for key, value in given["conformer"].items() if key != "dim"}
        self.assertIn("configuration field 'conformer.dim' is missing", self.there(state, dict(given, conformer=bare), generation, code=2))
        self.assertIn("'conformer.dimm' is unknown", self.there(state, changed(dimm=3), generation, code=2))
        self.assertIn("'conformer.heads' is 'three', expected a whole number", self.there(state, changed(heads="three"), generation, code=2))
        self.assertIn("'conformer.use_gateloop_layers' is unknown", self.there(state, changed(use_gateloop_layers=False), "0.6.1", code=2))
        torn = dict(state, **{"token_critic.net.heads.0.bias": state["net.heads.0.bias"] + 1})
        self.assertIn("token_critic.net.heads.0.bias is not net.heads.0.bias", self.there(torn, given, generation, code=2))
        self.assertIn("holds a Tensor, expected a state_dict", self.there(torch.ones(2), given, generation, code=2))
        self.assertFalse((self.at / "there.safetensors").exists())
        (self.at / "model.pt").write_bytes(b"no weights")
        words = ("--config", self.at / "config.json", "--generation", generation)
        self.assertIn("is no .pt file of weights", convert("to-safetensors", self.at / "model.pt", self.at / "x", *words, code=2))
        self.assertIn("is no safetensors file", convert("to-pt", self.at / "model.pt", self.at / "x", code=2))
        self.assertEqual(sorted(path.name for path in self.at.iterdir()), ["config.json", "model.pt"])


if __name__ == "__main__":
    result = unittest.TextTestRunner(stream=sys.stdout).run(unittest.defaultTestLoader.loadTestsFromTestCase(Convert))
    bad = len(result.failures) + len(result.errors)
    print(f"{max(result.testsRun - bad, 0)} passed, {bad} failed")
    sys.exit(bad > 0)
