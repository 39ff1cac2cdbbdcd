"""Recordings of SoundStorm.generate: its random numbers, what the network was shown at each pass, and the codes.

Seeds are searched until no choice is close: the best two candidates of every draw, the last candidate that top_k keeps and the first that it
drops, and the last token that is masked again and the first that is not, all differ by more than MARGIN (a draw's in units of logits too).
"""

import contextlib
import dataclasses

import torch

from golden import Golden, valid
from golden_models import draw_codes
from golden_soundstorm import build
from soundstorm_cases import SEMANTIC, Case, body

MARGIN = 1e-3
AXES = ("noise.K (batch, frames * levels, vocab), the Gumbel numbers that the K-th draw adds to logits / temperature, or "
        "(batch, frames * levels), those of a critic's scores; shown (passes, batch, frames, levels): what the network is shown at each pass; "
        "codes (batch, frames, levels); prompt (batch, frames, levels, or fewer of both); valid (batch, frames); semantic (batch, tokens)")


@dataclasses.dataclass
class Generation:
    case: Case
    steps: int = 4
    schedule: str = "linear"
    lengths: tuple = ()
    prompt: tuple = ()        # frames and levels
    critic_sees: str = "codes"  # or "all": mask, condition and self-conditioning too, which the package leaves out
    can_mask_prev_unmasked: bool = True
    options: dict = dataclasses.field(default_factory=dict)  # of generate


class Close(Exception):
    """Some choice hangs on rounding."""


def apart(gap, real=None):
    if real is not None:
        gap = gap[real]
    if gap.numel() and not (gap > MARGIN).all():
        raise Close


@contextlib.contextmanager
def recorded(package, storm, generation, real, budgets):
    """generate inside leaves its noise and what the network was shown in the yielded dict. real (batch, frames * levels): not padding."""
    seen, state = {"noise": [], "shown": []}, {"pass": 0}
    kept = {name: getattr(package, name) for name in ("gumbel_noise", "gumbel_sample", "top_k", "tqdm")}
    argsort, critic = torch.Tensor.argsort, storm.token_critic

    def noise(t):
        seen["noise"].append(kept["gumbel_noise"](t))
        return seen["noise"][-1]

    def sample(logits, temperature=1.0, dim=-1):
        drawn = kept["gumbel_sample"](logits, temperature=temperature, dim=dim)
        best = (logits / max(temperature, 1e-10) + seen["noise"][-1]).topk(2, dim=-1).values
        apart((best[..., 0] - best[..., 1]) * min(1.0, temperature), real)
        return drawn

    def top_k(logits, thres=0.9):
        best, filtered = logits.sort(dim=-1, descending=True).values, kept["top_k"](logits, thres)
        kept_codes = int((filtered[0, 0] > float("-inf")).sum())
        if kept_codes < logits.shape[-1]:
            apart(best[..., kept_codes - 1] - best[..., kept_codes], real)
        return filtered

    def sort(scores, *arguments, **options):
        if scores.is_floating_point():  # and not the ranks' second argsort
            budget = budgets[state["pass"] % len(budgets)]
            for row, count in zip(scores, budget.tolist()):
                ranked = row.sort(descending=True).values
                if 0 < count < len(ranked):
                    apart(ranked[count - 1] - ranked[count])
            state["pass"] += 1
        return argsort(scores, *arguments, **options)

    def before(_, arguments, options):
        if options.get("return_logits_and_embeddings"):
            seen["shown"].append(arguments[0].clone())
            state["net"] = options

    def critic_of_all(codes):
        seen_by_net = {key: state["net"][key] for key in ("mask", "cond", "sum_embeds")}
        return critic.to_logits(storm.net(codes, **seen_by_net, return_embeddings=True))

    hook = storm.net.register_forward_pre_hook(before, with_kwargs=True)
    package.gumbel_noise, package.gumbel_sample, package.top_k = noise, sample, top_k
    package.tqdm = lambda passes, **_: passes
    torch.Tensor.argsort = sort
    if generation.critic_sees == "all":
        critic.forward = critic_of_all
    try:
        yield seen
    finally:
        hook.remove()
        torch.Tensor.argsort = argsort
        for name, value in kept.items():
            setattr(package, name, value)
        if generation.critic_sees == "all":
            del critic.forward


def budgets_of(storm, steps, lengths):
    """How many tokens of each row stay masked after a pass: (steps, batch). Products near a whole number would hang on rounding."""
    share = storm.schedule_fn(torch.linspace(0.0, 1.0, steps + 1)[1:])[:, None] * torch.tensor(lengths)
    if ((share - share.round()).abs()[share > 1e-3] < MARGIN).any():
        raise ValueError("choose other steps or lengths")
    return share.long()


def attempt(generation, seed):
    case = dataclasses.replace(generation.case, seed=seed, storm=dict(
        generation.case.storm, steps=generation.steps, schedule=generation.schedule,
        can_mask_prev_unmasked=generation.can_mask_prev_unmasked))
    package, net, storm = build(case)
    columns, batch = case.num_quantizers * case.grouped_quantizers, len(case.lengths)
    golden = Golden(case.name, generation=case.generation, codebook_size=case.codebook_size, num_quantizers=case.num_quantizers,
                    grouped_quantizers=case.grouped_quantizers, conformer=case.conformer, soundstorm=case.storm, semantic_dim=0,
                    generate=dict(dict(start_temperature=1.0, filter_thres=0.7, noise_level_scale=1.0, num_full_sampling_levels=1),
                                  **generation.options),
                    critic_sees=generation.critic_sees, margin=MARGIN, axes=AXES, note=case.note)
    given = dict(generation.options)
    if case.semantic_lengths:
        given["cond_semantic_token_ids"] = draw_codes(seed + 3, batch, max(case.semantic_lengths), vocab=case.storm["num_semantic_token_ids"])
        given["cond_semantic_token_ids"][~valid(*case.semantic_lengths, size=max(case.semantic_lengths))] = -1
        golden.put("input", semantic=given["cond_semantic_token_ids"])
    else:
        given.update(num_latents=case.frames, batch_size=batch)
    mask = valid(*case.lengths, size=case.frames)
    if not mask.all():
        given["mask"] = mask
        golden.put("input", valid=mask)
    if generation.prompt:
        prompt = draw_codes(seed + 4, batch, *generation.prompt, vocab=case.codebook_size)
        given["prompt_acoustic_token_ids"] = prompt
        golden.put("input", prompt=prompt)
    real = mask.repeat_interleave(columns, dim=1)
    budgets = budgets_of(storm, generation.steps, case.lengths)
    budgets = budgets[(budgets > 0).any(dim=1)]  # the other passes mask nothing again
    torch.manual_seed(seed + 5)
    with recorded(package, storm, generation, real, budgets) as seen:
        codes = storm.generate(**given)
    by_frame = lambda ids: ids.reshape(batch, case.frames, columns)  # noqa: E731
    golden.put("output", codes=by_frame(codes), shown=torch.stack([by_frame(ids) for ids in seen["shown"]]))
    for key, value in storm.named_parameters():
        golden.put("param", **{key: value})
    for number, drawn in enumerate(seen["noise"]):
        golden.tensors[f"noise.{number}"] = drawn
    golden.about["state_dict"] = {key: list(value.shape) for key, value in storm.state_dict().items()}
    return golden


def generate_golden(generation):
    for seed in range(generation.case.seed, generation.case.seed + 500):
        with contextlib.suppress(Close):
            return attempt(generation, seed)
    raise ValueError(f"{generation.case.name}: every seed has a close choice")


def generations():
    def made(name, generation, conformer=None, case=None, **other):
        given = dict(dict(frames=5, lengths=(5, 5), levels=(), chosen=(), seed=6000 + 1000 * len(found)), **(case or {}))
        found.append(Generation(Case(f"soundstorm_generate_{name}", generation, body(generation, **(conformer or {})), **given), **other))

    found = []
    streams, loop = dict(num_residual_streams=2), dict(use_gateloop_layers=True)
    conditioned = dict(storm=SEMANTIC, semantic_lengths=(4, 3), frames=6, lengths=(6, 6))
    made("plain", "0.4.11")
    made("mask_loop", "0.4.11", loop, dict(lengths=(5, 3)), schedule="cosine", steps=5)
    made("prompt", "0.4.11", prompt=(2, 2))
    made("keep", "0.4.11", can_mask_prev_unmasked=False, schedule="cosine", steps=6, options=dict(filter_thres=0.5))
    made("groups", "0.4.11", case=dict(num_quantizers=2, grouped_quantizers=2, frames=5, lengths=(5, 5)))
    made("cond", "0.6.1", streams, conditioned, steps=5, schedule="cosine")
    made("full2", "0.6.1", streams, options=dict(num_full_sampling_levels=2, start_temperature=0.8))
    made("self", "0.6.1", streams, dict(storm=dict(self_cond=True)))
    made("critic", "0.6.1", streams, dict(storm=dict(self_token_critic=True)), options=dict(noise_level_scale=0.5))
    everything = dict(conditioned, lengths=(6, 4), storm=dict(SEMANTIC, self_cond=True, self_token_critic=True))
    whole = dict(steps=5, schedule="cosine", prompt=(1, 3))
    made("all", "0.6.1", streams, dict(everything, note="the package shows its critic the codes only"), **whole)
    made("all_critic", "0.6.1", streams, dict(everything, note="the critic is shown what the network is"), critic_sees="all", **whole)
    return found


def generate_goldens():
    for generation in generations():
        yield generate_golden(generation)
