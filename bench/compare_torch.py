#!/usr/bin/env python
"""Times the networks of soundstorm-pytorch 0.4.11 and spear-tts-pytorch 0.4.8 under PyTorch on the CPU: one JSON line for each case of
compare_cases.json.

The packages are unmodified (tools/oracle/reference.py says what stands in for their imports) and used at their fastest: flash attention,
no GateLoop layers, no gradients in inference. Sizes can be given by hand: --dim 256 --depth 4 ...
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import sys
import time

os.environ["TQDM_DISABLE"] = "1"  # the package's generate draws progress bars
os.environ["CUDA_VISIBLE_DEVICES"] = ""

HERE = pathlib.Path(__file__).resolve().parent
CASES = json.loads((HERE / "compare_cases.json").read_text())
SIZES = ("dim", "depth", "heads", "dim_head", "ff_mult", "conv_kernel_size", "levels", "codebook", "frames", "batch", "steps",
         "text_ids", "semantic_ids", "characters", "tokens")

sys.path.insert(0, str(HERE.parent / "tools" / "oracle"))
sys.dont_write_bytecode = True
try:
    import torch
    from reference import soundstorm, spear_tts
except ImportError as error:
    sys.exit(f"compare_torch: {error}. Run tools/oracle/setup, then use its interpreter: --python build/oracle/bin/python")


def make_net(case):
    return soundstorm.ConformerWrapper(
        codebook_size=case["codebook"],
        num_quantizers=case["levels"],
        conformer=dict(
            dim=case["dim"], depth=case["depth"], heads=case["heads"], dim_head=case["dim_head"], ff_mult=case["ff_mult"],
            conv_kernel_size=case["conv_kernel_size"], attn_flash=True, use_gateloop_layers=False))


def train_step(case):
    model = soundstorm.SoundStorm(make_net(case), schedule="cosine", no_replace_prob=0.0, random_token_prob=0.0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.99), weight_decay=0.01)
    codes = torch.randint(0, case["codebook"], (case["batch"], case["frames"], case["levels"]))

    def step():
        loss, _ = model(codes)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return step, 1


def forward_pass(case):
    net = make_net(case).eval()
    codes = torch.randint(0, case["codebook"] + 1, (case["batch"], case["frames"] * case["levels"]))

    @torch.inference_mode()
    def step():
        return net(codes)

    return step, 1


def decode(case):
    model = soundstorm.SoundStorm(make_net(case), schedule="cosine", steps=case["steps"]).eval()

    def step():
        return model.generate(case["frames"], batch_size=case["batch"])

    return step, case["steps"] + case["levels"] - 1


def make_text_to_semantic(case, ends):
    return spear_tts().TextToSemantic(
        dim=case["dim"], source_depth=case["depth"], target_depth=case["depth"], num_text_token_ids=case["text_ids"],
        num_semantic_token_ids=case["semantic_ids"], dim_head=case["dim_head"], heads=case["heads"], ff_mult=case["ff_mult"],
        autoset_semantic_eos_id=ends, attn_flash=True)


def draw_text(case):
    return torch.randint(1, case["text_ids"], (case["batch"], case["characters"]))  # 0 is the package's padding


def text_to_semantic_generate(case):
    model = make_text_to_semantic(case, ends=False).eval()
    text = draw_text(case)

    @torch.inference_mode()
    def generate(tokens):
        made = model.generate(text, source_type="text", target_type="speech", temperature=1e-10, filter_fn_kwargs=dict(k=1),
                              max_length=tokens)
        assert made.shape == (case["batch"], tokens), made.shape

    generate(8)  # in place of a whole run before the clock
    return lambda: generate(case["tokens"]), case["tokens"]


def text_to_semantic_train(case):
    model = make_text_to_semantic(case, ends=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.99), weight_decay=0.01)
    text, speech = draw_text(case), torch.randint(0, case["semantic_ids"], (case["batch"], case["tokens"]))

    def step():
        loss = model(text, speech, source_type="text", target_type="speech", return_loss=True)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return step, 1


WORK = {"train": train_step, "forward": forward_pass, "decode": decode, "text_to_semantic_generate": text_to_semantic_generate,
        "text_to_semantic_train": text_to_semantic_train}


def measure(case, seconds, warm):
    """Median and least milliseconds of one pass; at least the case's runs (three), then as many as fit."""
    torch.manual_seed(1)
    step, passes = WORK[case["work"]](case)
    for _ in range(min(warm, case.get("warm", warm))):
        step()
    times, begin = [], time.perf_counter()
    while len(times) < case.get("runs", 3) or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3 / passes)
    return {"ms_median": round(statistics.median(times), 4), "ms_min": round(min(times), 4), "runs": len(times)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", default="", help="names that start so; one at a time gives each its own peak of memory")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0, help="least time spent on a case")
    parser.add_argument("--warm", type=int, default=2, help="runs before the clock")
    for size in SIZES:
        parser.add_argument("--" + size.replace("_", "-"), type=int)
    options = parser.parse_args()

    selected = [name for name in CASES if name.startswith(options.case)]
    if not selected:
        sys.exit(f"compare_torch: no case starts with {options.case!r}; there are {', '.join(CASES)}")
    torch.set_num_threads(options.threads)
    for name in selected:
        by_hand = {size: getattr(options, size) for size in SIZES if getattr(options, size) is not None}
        result = measure({**CASES[name], **by_hand}, options.seconds, options.warm)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"case": name, **by_hand, **result, "mb": round(peak_mb, 1), "peer": f"pytorch {torch.__version__}"}), flush=True)


if __name__ == "__main__":
    main()
