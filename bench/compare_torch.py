#!/usr/bin/env python
"""Times PyTorch on the CPU for bench/compare: one case of compare_cases.json, by soundstorm-pytorch 0.6.1, spear-tts-pytorch 0.4.8 or
PyTorch's own functions, or, for gemm_f32, by NumPy.

The packages are unmodified (tools/oracle/reference.py says what stands in for their imports) and used at their fastest: flash attention,
AdamW fused, no gradients in inference; bf16 means autocast. `--how compiled` compiles the networks, without the package's switch between
attention kernels, which means nothing on a CPU and would break the graph. Sizes can be given by hand: --dim 256 --depth 4 ...

Without --serve one JSON line is printed; with it one when ready and one for each line `seconds runs` that is read.
"""

import argparse
import contextlib
import json
import math
import os
import pathlib
import resource
import signal
import statistics
import sys
import time

os.environ["TQDM_DISABLE"] = "1"  # the package's generate draws progress bars
os.environ["CUDA_VISIBLE_DEVICES"] = ""

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tools" / "oracle")]
sys.dont_write_bytecode = True
from compare_cases import read_cases  # noqa: E402

try:
    import numpy
    import torch
    from reference import SPEAR_VERSION, load, spear_tts
except ImportError as error:
    sys.exit(f"compare_torch: {error}. Run tools/oracle/setup, then use its interpreter: --python build/oracle/bin/python")

SIZES = ("dim", "depth", "heads", "dim_head", "ff_mult", "conv_kernel_size", "levels", "codebook", "frames", "batch", "streams", "steps",
         "text_ids", "semantic_ids", "characters", "tokens", "rows", "in", "out", "numbers", "matrices")
COMPILE_SECONDS = 120
SOUNDSTORM = "0.6.1"


def autocast(case):
    return torch.autocast("cpu", torch.bfloat16, enabled=case["dtype"] in ("bf16", "int8"))  # eight bits are ours alone


def compiled(case, *nets):
    """Compiles each network in place, where that is asked for."""
    if case["how"] == "compiled":
        torch.backends.cuda.sdp_kernel = lambda **_: contextlib.nullcontext()
        for net in nets:
            net.compile()


def adamw(parameters):
    return torch.optim.AdamW(parameters, lr=3e-4, betas=(0.9, 0.99), weight_decay=0.01, fused=True)


def make_net(case):
    net = load(SOUNDSTORM).soundstorm.ConformerWrapper(
        codebook_size=case["codebook"],
        num_quantizers=case["levels"],
        conformer=dict(
            dim=case["dim"], depth=case["depth"], heads=case["heads"], dim_head=case["dim_head"], ff_mult=case["ff_mult"],
            conv_kernel_size=case["conv_kernel_size"], attn_flash=True, num_residual_streams=case["streams"]))
    compiled(case, net)
    return net


def soundstorm_train(case):
    model = load(SOUNDSTORM).soundstorm.SoundStorm(make_net(case), schedule="cosine", no_replace_prob=0.0, random_token_prob=0.0)
    optimizer = adamw(model.parameters())
    codes = torch.randint(0, case["codebook"], (case["batch"], case["frames"], case["levels"]))

    def step():
        with autocast(case):
            loss, _ = model(codes)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return step


def soundstorm_forward(case):
    net = make_net(case).eval()
    codes = torch.randint(0, case["codebook"] + 1, (case["batch"], case["frames"] * case["levels"]))

    @torch.inference_mode()
    def step():
        with autocast(case):
            return net(codes)

    return step


def soundstorm_generate(case):
    model = load(SOUNDSTORM).soundstorm.SoundStorm(make_net(case), schedule="cosine", steps=case["steps"]).eval()

    @torch.inference_mode()
    def step():
        with autocast(case):
            return model.generate(case["frames"], batch_size=case["batch"])

    return step


def make_text_to_semantic(case, ends):
    model = spear_tts().TextToSemantic(
        dim=case["dim"], source_depth=case["depth"], target_depth=case["depth"], num_text_token_ids=case["text_ids"],
        num_semantic_token_ids=case["semantic_ids"], dim_head=case["dim_head"], heads=case["heads"], ff_mult=case["ff_mult"],
        autoset_semantic_eos_id=ends, attn_flash=True)
    compiled(case, model.source_transformer, model.target_transformer)
    return model


def draw_text(case):
    return torch.randint(1, case["text_ids"], (case["batch"], case["characters"]))  # 0 is the package's padding


def text_to_semantic_generate(case):
    model = make_text_to_semantic(case, ends=False).eval()
    text = draw_text(case)

    @torch.inference_mode()
    def generate(tokens):
        with autocast(case):
            made = model.generate(text, source_type="text", target_type="speech", temperature=1e-10, filter_fn_kwargs=dict(k=1),
                                  max_length=tokens)
        assert made.shape == (case["batch"], tokens), made.shape

    generate(8)  # in place of a whole run before the clock
    return lambda: generate(case["tokens"])


def text_to_semantic_train(case):
    model = make_text_to_semantic(case, ends=True)
    optimizer = adamw(model.parameters())
    text, speech = draw_text(case), torch.randint(0, case["semantic_ids"], (case["batch"], case["tokens"]))

    def step():
        with autocast(case):
            loss = model(text, speech, source_type="text", target_type="speech", return_loss=True)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return step


def product_of(case, a, b):
    """a b in the case's numbers; into memory that is there already."""
    if case["how"] == "numpy":
        a, b = a.numpy(), b.numpy()
        out = numpy.empty((a.shape[0], b.shape[1]), dtype=numpy.float32)
        return lambda: numpy.matmul(a, b, out=out)
    dtype = torch.bfloat16 if case["dtype"] == "bf16" else torch.float32
    a, b = a.to(dtype), b.to(dtype)
    out = torch.empty(a.shape[0], b.shape[1], dtype=dtype)

    @torch.inference_mode()
    def step():
        torch.mm(a, b, out=out)

    return step


def gemm(case):
    return product_of(case, torch.rand(case["rows"], case["in"]), torch.rand(case["out"], case["in"]).t())


def gemm_weight(case):
    return product_of(case, torch.rand(case["rows"], case["out"]).t(), torch.rand(case["rows"], case["in"]))


def attention(case, gradients=False, masked=False):
    dtype = torch.bfloat16 if case["dtype"] == "bf16" else torch.float32
    q, k, v = (torch.randn(1, case["heads"], case["frames"], case["dim_head"], dtype=dtype, requires_grad=gradients) for _ in range(3))
    mask = None
    if masked:  # as the package makes it of a frame mask
        mask = (torch.arange(case["frames"]) < case["frames"] - 100).view(1, 1, 1, -1).expand(-1, case["heads"], case["frames"], -1)
    attend = torch.nn.functional.scaled_dot_product_attention

    @torch.inference_mode()
    def forward():
        attend(q, k, v, attn_mask=mask)

    def both():
        torch.autograd.grad(attend(q, k, v).sum(), (q, k, v))

    return both if gradients else forward


def elementwise(case, function, gradients=False):
    a, b = (torch.rand(case["numbers"] // 256, 256, requires_grad=gradients) for _ in range(2))

    @torch.inference_mode()
    def forward():
        function(a, b)

    def both():
        torch.autograd.grad(function(a, b).sum(), (a, b))

    return both if gradients else forward


def three_operations(a, b):
    return a * b + a * 0.5


def seven_operations(a, b):
    return (a - b) * torch.sigmoid(a + b) + torch.tanh(a) * 0.5


def adamw_step(case):
    parts = [torch.nn.Parameter(torch.rand(case["dim"], case["dim"])) for _ in range(case["matrices"])]
    for part in parts:
        part.grad = torch.full_like(part, 0.01)
    return adamw(parts).step


WORK = {"soundstorm_train": soundstorm_train, "soundstorm_forward": soundstorm_forward, "soundstorm_generate": soundstorm_generate,
        "text_to_semantic_generate": text_to_semantic_generate, "text_to_semantic_train": text_to_semantic_train,
        "gemm": gemm, "gemm_weight": gemm_weight,
        "attention_forward": attention, "attention_backward": lambda case: attention(case, gradients=True),
        "attention_masked": lambda case: attention(case, masked=True),
        "elementwise_3_forward": lambda case: elementwise(case, three_operations),
        "elementwise_3_backward": lambda case: elementwise(case, three_operations, gradients=True),
        "elementwise_7_forward": lambda case: elementwise(case, seven_operations),
        "elementwise_7_backward": lambda case: elementwise(case, seven_operations, gradients=True),
        "adamw": adamw_step}


class TimeUp(BaseException):  # no `except Exception` of the compiler may keep it
    pass


class Timed:
    """Runs a case for a while; short runs are timed several at once."""

    def __init__(self, case, warm):
        torch.manual_seed(1)
        self.together, once = 1, 0.0
        if case["how"] == "compiled":
            signal.signal(signal.SIGALRM, self.stop)
            signal.alarm(COMPILE_SECONDS)
            warm = max(warm, 2)  # what differs from run to run is compiled once more
        self.step = WORK[case["work"]](case)
        for _ in range(warm):
            once = self.run(1)
        signal.alarm(0)
        if warm > 0:
            self.together = max(1, math.ceil(200e-6 / once))

    @staticmethod
    def stop(*_):
        raise TimeUp(f"not compiled after {COMPILE_SECONDS} s")

    def run(self, times):
        begin = time.perf_counter()
        for _ in range(times):
            self.step()
        return time.perf_counter() - begin

    def turn(self, seconds, runs):
        """Milliseconds of each run: at least so many runs, and at least so long."""
        times, total = [], 0.0
        while total < seconds or len(times) < runs:
            took = self.run(self.together)
            total += took
            times.append(took * 1e3 / self.together)
        return times


def megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def say(**line):
    print(json.dumps(line), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0, help="least time spent on a case")
    parser.add_argument("--runs", type=int, default=3, help="least number of runs")
    parser.add_argument("--warm", type=int, default=2, help="runs before the clock")
    parser.add_argument("--how", choices=("eager", "compiled", "numpy"), default="eager")
    parser.add_argument("--serve", action="store_true")
    for size in SIZES:
        parser.add_argument("--" + size.replace("_", "-"), type=int)
    options = parser.parse_args()

    cases = read_cases()
    if options.case not in cases:
        sys.exit(f"compare_torch: no case is called {options.case!r}; there are {', '.join(cases)}")
    by_hand = {size: getattr(options, size) for size in SIZES if getattr(options, size) is not None}
    case = {**cases[options.case], **by_hand, "how": options.how}
    torch.set_num_threads(case.get("threads", options.threads))
    try:
        timed = Timed(case, min(options.warm, case.get("warm", options.warm)))
    except (Exception, TimeUp) as error:
        if options.how != "compiled":
            raise
        say(failed=(str(error).splitlines() or [type(error).__name__])[0][:200])
        os._exit(0)  # without waiting for compilers that still run

    if not options.serve:
        times = timed.turn(options.seconds, options.runs)
        return say(case=options.case, how=options.how, **by_hand, ms_median=statistics.median(times), ms_min=min(times), runs=len(times),
                   mb=megabytes())
    say(ready=True, versions=f"torch {torch.__version__}, soundstorm-pytorch {SOUNDSTORM}, spear-tts-pytorch {SPEAR_VERSION}, "
                             f"NumPy {numpy.__version__}")
    for line in sys.stdin:
        seconds, runs = line.split()
        say(ms=timed.turn(float(seconds), int(runs)), mb=megabytes())
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
