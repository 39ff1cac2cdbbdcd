#!/usr/bin/env python3
"""Weights of soundstorm-pytorch and spear-tts-pytorch through tools/convert and `spearstorm convert` and back: test_convert.py PROGRAM. Ends in `N passed, N failed`.

Runs where torch and the packages are: in this Python, in $SPEARSTORM_ORACLE, or in build/oracle (tools/oracle/setup); elsewhere it is skipped.
"""
import importlib.machinery
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONVERT = ROOT / "tools" / "convert"
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools" / "oracle")]
sys.dont_write_bytecode = True
import interpreter  # noqa: E402

interpreter.find()
import package_layout as layout  # noqa: E402
import reference  # noqa: E402
import text_to_semantic_layout  # noqa: E402
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


class InAFolder(unittest.TestCase):
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


class Convert(InAFolder):
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


SMALL = dict(dim=12, source_depth=2, target_depth=2, num_text_token_ids=7, num_semantic_token_ids=5, dim_head=4, heads=4, ff_mult=2)
TEXT_CASES = [
    SMALL,
    dict(SMALL, target_kv_heads=2, target_early_exit_layer=1, detach_early_exit_embed=True, autoset_text_eos_id=False, cond_drop_prob=0.25),
    dict(SMALL, source_depth=1, target_depth=3, heads=3, ff_mult=3, target_kv_heads=1, autoset_semantic_eos_id=False, text_pad_id=-1),
]


def build_text_to_semantic(given, seed, dtype=torch.float32):
    torch.manual_seed(seed)
    model = reference.spear_tts().TextToSemantic(**given)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if not name.endswith("rotary_emb.freqs"):  # a constant
                value.normal_()
        model.start_token["speech"][0] = -0.0
        model.start_token["text"][0] = float("nan")  # bits, not numbers
    return model.to(dtype)


def logits_of(model):
    with torch.no_grad():
        model.start_token["text"][0] = 1.0
        text, speech = torch.tensor([[1, 5, 2, 4], [3, 3, 6, 1]]), torch.tensor([[1, 4, 0], [2, 2, 3]])
        asked = dict(return_logits=True, cond_drop_prob=0.0)  # the package draws it when it does not train, too
        return (model.eval()(text, speech, source_type="text", target_type="speech", **asked),
                model(speech, text, source_type="speech", target_type="text", **asked))


class ConvertTextToSemantic(InAFolder):
    """The converter runs in this process where it can: each start of torch takes seconds."""

    tool = importlib.machinery.SourceFileLoader("convert_tool", str(CONVERT)).load_module()

    def there(self, state, given):
        self.tool.to_safetensors(state, given, None, self.at / "there.safetensors")

    def through_cpp(self):
        run(PROGRAM, "convert", self.at / "there.safetensors", self.at / "back.safetensors")
        return self.tool.from_safetensors(self.at / "back.safetensors")

    def test_layout_knows_every_key_shape_and_alias_of_the_package(self):
        for number, given in enumerate([*TEXT_CASES, dict(SMALL, num_text_token_ids=text_to_semantic_layout.OPENAI_VOCABULARY)]):
            with self.subTest(number=number):
                state = build_text_to_semantic(given, number).state_dict()
                arguments = text_to_semantic_layout.completed(given, "0.4.8")
                self.assertEqual(text_to_semantic_layout.order(arguments, "0.4.8"), list(state))
                aliases = text_to_semantic_layout.aliases_of(state, arguments, lambda a, b: a.data_ptr() == b.data_ptr())
                found = {key: tuple(value.shape) for key, value in state.items() if key not in aliases}
                self.assertEqual(text_to_semantic_layout.expected(arguments, "0.4.8"), found)
                if number == 3:
                    openai = text_to_semantic_layout.completed(dict(SMALL, num_text_token_ids=None, use_openai_tokenizer=True), "0.4.8")
                    self.assertEqual(text_to_semantic_layout.expected(openai, "0.4.8"), found)

    def test_python_to_cpp_to_python_leaves_every_bit(self):
        for number, given in enumerate(TEXT_CASES):
            for dtype in (torch.float32, torch.float64, torch.bfloat16) if number == 1 else (torch.float32,):
                with self.subTest(number=number, dtype=dtype):
                    model = build_text_to_semantic(given, number, dtype)
                    state = model.state_dict()
                    self.there(state, given)
                    back, arguments, left_out = self.through_cpp()
                    self.assert_same_bits(back, state)
                    self.assertEqual(arguments, text_to_semantic_layout.of_the_package(text_to_semantic_layout.completed(given, "0.4.8")))
                    self.assertEqual(left_out, [])
                    self.assertEqual(back["to_logits.text.weight"].data_ptr(), back["token_emb.text.weight"].data_ptr())
                    if dtype == torch.bfloat16:
                        continue
                    other = build_text_to_semantic(arguments, number + 100, dtype)
                    other.load_state_dict(back, strict=True)
                    for found, expected in zip(logits_of(other), logits_of(model), strict=True):
                        self.assertFalse(expected.isnan().any())
                        self.assertTrue(torch.equal(found, expected))

    def test_the_command_line_and_a_speech_encoder_that_is_carried_along(self):
        state = build_text_to_semantic(TEXT_CASES[1], 4).state_dict()
        state["wav2vec.cluster"] = torch.arange(5)
        torch.save({"model": state, "optim": {}}, self.at / "model.pt")
        (self.at / "config.json").write_text(json.dumps(TEXT_CASES[1]))
        convert("to-safetensors", self.at / "model.pt", self.at / "there.safetensors", "--config", self.at / "config.json")
        run(PROGRAM, "convert", self.at / "there.safetensors", self.at / "back.safetensors")
        convert("to-pt", self.at / "back.safetensors", self.at / "back.pt", "--checkpoint", "--config", self.at / "told.json")
        self.assert_same_bits(torch.load(self.at / "back.pt", weights_only=True)["model"], state)
        told = json.loads((self.at / "told.json").read_text())
        self.assertEqual((told["target_kv_heads"], told["text_pad_id"], "semantic_mask_token" in told), (2, 0, False))

    def test_a_checkpoint_of_ours_and_back(self):
        state = build_text_to_semantic(TEXT_CASES[1], 5).state_dict()
        self.there(state, TEXT_CASES[1])
        run(PROGRAM, "convert", "--checkpoint", self.at / "there.safetensors", self.at / "checkpoint.safetensors")
        run(PROGRAM, "convert", self.at / "checkpoint.safetensors", self.at / "back.safetensors")
        back, arguments, _ = self.tool.from_safetensors(self.at / "back.safetensors")
        self.assertEqual(list(back), list(state))
        computed = [key for key in state if key.endswith("rotary_emb.freqs")]  # anew: the last bit may be another
        for key in computed:
            torch.testing.assert_close(back[key], state[key], rtol=2e-7, atol=0)
        without = lambda tensors: {key: value for key, value in tensors.items() if key not in computed}  # noqa: E731
        self.assert_same_bits(without(back), without(state))
        self.assertEqual((arguments["cond_drop_prob"], arguments["target_early_exit_layer"], arguments["autoset_text_eos_id"]), (0.25, 1, False))

    def test_errors_show_both_sides_and_write_nothing(self):
        state = build_text_to_semantic(TEXT_CASES[1], 6).state_dict()

        def refused(changed=state, **changes):
            with self.assertRaises(ValueError) as caught:
                self.there(changed, dict(TEXT_CASES[1], **changes))
            return str(caught.exception)
        told = refused(target_kv_heads=4, target_early_exit_layer=None)
        self.assertIn("the weights contradict the configuration of spear-tts-pytorch 0.4.8", told)
        self.assertIn("target_transformer.layers.0.0.to_kv.0.weight is (16, 12), the configuration says (32, 12)", told)
        self.assertIn("not understood: to_early_exit_semantic_logits.1.gamma (12)", told)
        self.assertIn("'heads' is 'four', expected a whole number", refused(heads="four"))
        self.assertIn("'dim' is missing, expected a whole number", refused(dim=None))
        self.assertIn("'head' is unknown", refused(head=1))
        self.assertIn("expected one of the two", refused(use_openai_tokenizer=True))
        torn = dict(state, **{"to_logits.text.weight": state["to_logits.text.weight"] + 1})
        self.assertIn("to_logits.text.weight is not token_emb.text.weight", refused(torn))
        self.assertEqual(list(self.at.iterdir()), [])

    def test_frequencies_that_were_trained_are_refused(self):
        state = build_text_to_semantic(SMALL, 7).state_dict()
        moved = {key: value * 1.01 if key.startswith("source_") and key.endswith("rotary_emb.freqs") else value for key, value in state.items()}
        self.there(moved, SMALL)
        told = run(PROGRAM, "convert", self.at / "there.safetensors", self.at / "back.safetensors", code=2)
        self.assertIn("source_transformer.layers.0.0.rotary_emb.freqs[0] is 1.01, the model has the constant 1", told)
        self.assertFalse((self.at / "back.safetensors").exists())

    def test_a_row_for_masked_tokens_stays_behind(self):
        state = build_text_to_semantic(SMALL, 8).state_dict()
        self.there(dict(state, semantic_mask_token=torch.ones(12)), dict(SMALL, semantic_mask_token=True))
        back, arguments, left_out = self.through_cpp()
        self.assert_same_bits(back, state)
        self.assertEqual((left_out, "semantic_mask_token" in arguments), (["semantic_mask_token"], False))


if __name__ == "__main__":
    tests = unittest.TestSuite(map(unittest.defaultTestLoader.loadTestsFromTestCase, (Convert, ConvertTextToSemantic)))
    result = unittest.TextTestRunner(stream=sys.stdout).run(tests)
    bad = len(result.failures) + len(result.errors)
    print(f"{max(result.testsRun - bad, 0)} passed, {bad} failed")
    sys.exit(bad > 0)
