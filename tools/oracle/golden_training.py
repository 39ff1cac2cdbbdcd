"""Ten optimizer steps of three small models, in float32 and in float64, from the same weights, masks and data.

As the package's trainer does by audiolm-pytorch's get_optimizer: Adam where weight decay is 0, else AdamW, which decays what has two axes or
more in the state_dict; betas 0.9 and 0.99; gradients clipped to a norm of 0.5 (`clip` in the configuration) in one of them.

The seeds are the first for which both runs agree to LOOSE. They need not: the first hyper-connection of a net reads copies of one stream,
and its branch opens with a LayerNorm, which takes the factor out again that its weights are; that gradient may be rounding and no more,
which Adam scales up.
"""

import dataclasses

import torch

from golden import Golden, valid
from golden_soundstorm import build, compute, config_of, draw_task
from soundstorm_cases import Case, body

STEPS = 10
LOOSE = 1e-4  # a float32 run that is further from the float64 run than this says nothing about another implementation


@dataclasses.dataclass
class Training:
    case: Case
    lr: float
    weight_decay: float
    clip: float  # 0: none


TRAININGS = (
    Training(Case("soundstorm_steps_adam", "0.6.1", body("0.6.1", depth=2, num_residual_streams=1), frames=6, lengths=(), levels=(), chosen=(),
                  seed=5000), lr=1e-3, weight_decay=0.0, clip=0.0),
    Training(Case("soundstorm_steps_streams", "0.6.1", body("0.6.1", num_residual_streams=2), frames=6, lengths=(), levels=(), chosen=(),
                  num_quantizers=2, seed=5209), lr=1e-3, weight_decay=0.0, clip=0.0),
    Training(Case("soundstorm_steps_adamw", "0.4.11", body("0.4.11", depth=1, use_gateloop_layers=True, t5_rel_pos_bias=True), frames=6,
                  lengths=(), levels=(), chosen=(), seed=5100), lr=3e-3, weight_decay=0.05, clip=0.5),
)


def tasks_of(case):
    """A batch, its lengths and its masks for each step."""
    draws = torch.Generator().manual_seed(case.seed + 3)
    number = lambda low, high: int(torch.randint(low, high, (1,), generator=draws))  # noqa: E731
    for step in range(STEPS):
        lengths = tuple(number(3, case.frames + 1) for _ in range(3))
        prompts = tuple(number(0, length - 1) for length in lengths)
        levels = tuple(number(0, case.num_quantizers) for _ in lengths)
        chosen = tuple(tuple(sorted(torch.randperm(length - prompt, generator=draws)[:number(1, length - prompt + 1)].add(prompt).tolist()))
                       for length, prompt in zip(lengths, prompts))
        drawn = dataclasses.replace(case, lengths=lengths, prompts=prompts, levels=levels, chosen=chosen, seed=case.seed + 100 + step)
        yield (*draw_task(drawn), valid(*lengths, size=case.frames))


def optimizer_of(training, parameters):
    options = dict(lr=training.lr, betas=(0.9, 0.99), eps=1e-8, foreach=False)
    if training.weight_decay == 0:
        return torch.optim.Adam(parameters, **options)
    groups = [dict(params=[p for p in parameters if p.ndim >= 2]), dict(params=[p for p in parameters if p.ndim < 2], weight_decay=0.0)]
    return torch.optim.AdamW(groups, weight_decay=training.weight_decay, **options)


def run(training, tasks, dtype):
    """The weights before and after, by key, and the losses."""
    _, net, storm = build(dataclasses.replace(training.case, dtype=dtype))
    start = {key: value.detach().clone() for key, value in storm.named_parameters()}
    optimizer, losses = optimizer_of(training, list(storm.parameters())), []
    for codes, masked, chosen, levels, _, mask in tasks:
        made = compute(storm, net, training.case, codes=codes, masked=masked, chosen=chosen, levels=levels, mask=mask, cond=None,
                       sum_embeds=None, sampled=None)
        optimizer.zero_grad()
        made.total.backward()
        if training.clip:
            torch.nn.utils.clip_grad_norm_(storm.parameters(), training.clip)
        optimizer.step()
        losses.append(made.total.detach())
    return storm, start, {key: value.detach() for key, value in storm.named_parameters()}, torch.stack(losses)


def training_golden(training):
    """None where float32 and float64 move some tensor differently."""
    tasks = list(tasks_of(training.case))
    storm, start, end, losses = run(training, tasks, torch.float32)
    _, _, exact, exact_losses = run(training, tasks, torch.float64)
    config = dict(config_of(training.case), axes="input.* have a first axis more, the steps; losses (steps,)")
    golden = Golden(training.case.name, **config, lr=training.lr, betas=[0.9, 0.99], eps=1e-8, weight_decay=training.weight_decay,
                    clip=training.clip, decayed=sorted(key for key, value in end.items() if training.weight_decay and value.ndim >= 2))
    names = ("codes", "masked", "chosen", "level", "prompt", "valid")
    golden.put("input", **{name: torch.stack(each) for name, each in zip(names, zip(*tasks))})
    golden.put("output", losses=losses, losses_f64=exact_losses)
    for key in end:
        update, exact_update = end[key].double() - start[key].double(), exact[key] - start[key].double()
        away = float((update - exact_update).norm() / exact_update.norm())
        if not away < LOOSE:
            return None
        golden.put("param", **{key: start[key]}).put("end", **{key: end[key]}).put("end_f64", **{key: exact[key]})
    golden.about["state_dict"] = {key: list(value.shape) for key, value in storm.state_dict().items()}
    return golden


def training_goldens():
    for training in TRAININGS:
        seeds = range(training.case.seed, training.case.seed + 50)
        made = (training_golden(dataclasses.replace(training, case=dataclasses.replace(training.case, seed=seed))) for seed in seeds)
        yield next(golden for golden in made if golden is not None)
