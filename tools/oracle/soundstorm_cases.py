"""The configurations of SoundStorm of which goldens are made: sizes, masks, groups, conditions, self-conditioning, critics."""

import dataclasses

import torch

SEMANTIC = dict(num_semantic_token_ids=11, wav2vec_target_sample_hz=16000, wav2vec_downsample_factor=320,
                codec_target_sample_hz=24000, codec_downsample_factor=320)  # 50 Hz to 75 Hz


@dataclasses.dataclass
class Case:
    name: str
    generation: str
    conformer: dict
    lengths: tuple
    frames: int
    levels: tuple            # of each example
    chosen: tuple            # frames of each example that enter the loss
    prompts: tuple = ()
    shown: tuple = ()        # frames of each example that are chosen and shown as they are
    replaced: tuple = ()     # (frame, code) of each example: chosen, shown as another code
    codebook_size: int = 7
    num_quantizers: int = 3
    grouped_quantizers: int = 1
    storm: dict = dataclasses.field(default_factory=dict)  # arguments of SoundStorm
    semantic_lengths: tuple = ()
    semantic_dim: int = 0    # width of a borrowed semantic embedding
    self_cond: str = "none"  # what the net is conditioned on: "null" (the null embedding) or "first" (the embeddings of a first pass)
    train: str = "joint"     # or "generator", "critic"
    extra: str = ""          # "cond2", "cond3", "cond3 sum": given to the net directly
    all_logits: bool = False
    seed: int = 0
    note: str = ""
    dtype: torch.dtype = torch.float32


def body(generation, **other):
    """Every argument of Conformer that shapes the network."""
    made = dict(dim=8, depth=1, dim_head=4, heads=2, ff_mult=2, conv_expansion_factor=2, conv_kernel_size=3, conv_causal=False,
                t5_rel_pos_bias=False, attn_flash=False)
    made.update(dict(num_residual_streams=4) if generation == "0.6.1" else dict(use_gateloop_layers=False))
    assert set(other) <= set(made), other
    return dict(made, **other)


def cases_of(generation, shapes, seed):
    """A case for each (name, arguments of Conformer, fields of Case), on a small batch where nothing else is said."""
    prefix = f"soundstorm_{generation.replace('.', '')}_"
    for number, (name, conformer, case) in enumerate(shapes):
        given = dict(frames=6, lengths=(6, 6), levels=(1, 0), chosen=((1, 2, 4), (0, 3)))
        given.update(case)
        yield Case(prefix + name, generation, body(generation, **conformer), seed=seed + 20 * number, **given)


MASKED = dict(lengths=(6, 4, 5), prompts=(2, 0, 1), levels=(0, 2, 1), chosen=((2, 4, 5), (0, 1, 3), (4,)))
GROUPS = dict(num_quantizers=2, grouped_quantizers=2, lengths=(5, 3, 5), frames=5, levels=(1, 3, 0), prompts=(0, 0, 2),
              chosen=((0, 2, 3), (0, 1), (2, 4)), note="SoundStorm.forward of the package never trains the second group of a level")
ODD = dict(codebook_size=13, num_quantizers=5, frames=7, lengths=(7, 7), levels=(4, 2), chosen=((0, 3, 6), (1, 2, 5)))
CRITIC = dict(storm=dict(self_token_critic=True, critic_loss_weight=0.7),
              note="the package shows its critic nothing but codes, and calls every position fake where the generator would have erred")
SELF = dict(storm=dict(self_cond=True))
LOOP, T5 = dict(use_gateloop_layers=True), dict(t5_rel_pos_bias=True)


def plus(*cases, **more):
    made = {}
    for case in (*cases, more):
        storm = {**made.get("storm", {}), **case.get("storm", {})}
        made.update(case, storm=storm)
    return made


def conditioned(tokens=(4, 3), **storm):
    return dict(storm={**SEMANTIC, **storm}, semantic_lengths=tokens)


FIRST = [
    ("odd", dict(dim=9, heads=3, conv_kernel_size=4), plus(ODD, all_logits=True)),
    ("mask_loop", dict(LOOP, depth=2), MASKED),
    ("groups", {}, GROUPS),
    ("causal_t5", dict(T5, conv_causal=True, conv_kernel_size=4, conv_expansion_factor=1), {}),
    ("self_null", {}, plus(SELF, self_cond="null")),
    ("self_first", dict(LOOP), plus(MASKED, SELF, self_cond="first")),
    ("critic", {}, plus(MASKED, CRITIC)),
    ("cond", {}, conditioned()),
    ("critic_cond_self", {}, plus(MASKED, CRITIC, SELF, conditioned((4, 3, 2)), self_cond="first")),
    ("shown", {}, dict(frames=8, lengths=(8, 8), levels=(1, 0), chosen=((1, 2, 4, 7), (0, 3, 5)), shown=((2,), (5,)),
                       replaced=(((7, 3),), ((0, 1),)), note="chosen tokens that are shown as they are or as others stay in the loss")),
]
SECOND = [
    ("odd", dict(dim=9, depth=2, heads=3, conv_kernel_size=5, attn_flash=True), ODD),
    ("mask_loop_t5", dict(LOOP, **T5, depth=2, conv_causal=True), MASKED),
    ("groups_critic", dict(depth=2), plus(GROUPS, CRITIC, note="")),
    ("self_cond_first", dict(depth=2), plus(MASKED, SELF, conditioned((6, 6, 2)), self_cond="first")),
    ("cond2", dict(depth=2), dict(extra="cond2")),
    ("critic_only", dict(depth=2), plus(MASKED, CRITIC, SELF, conditioned((4, 4, 4)), self_cond="null", train="critic")),
    ("borrowed", dict(depth=2), plus(conditioned((4, 4)), semantic_dim=5,
                                     note="the package's projection of a borrowed embedding gets no gradient; the embedding is its lender's")),
]
THIRD = [
    ("odd_plain", dict(dim=9, depth=2, heads=3, conv_kernel_size=4, num_residual_streams=1, attn_flash=True), plus(ODD, all_logits=True)),
    ("streams2_mask", dict(depth=2, num_residual_streams=2), MASKED),
    ("streams4_t5", dict(T5, depth=2, conv_causal=True), {}),
    ("groups", dict(depth=2, num_residual_streams=2), GROUPS),
    ("critic_self_null", {}, plus(MASKED, CRITIC, SELF, self_cond="null")),
    ("self_cond_first", dict(depth=2, num_residual_streams=2), plus(MASKED, SELF, conditioned((3, 1, 2)), self_cond="first")),
    ("cond3_sum", dict(depth=2), dict(extra="cond3 sum")),
    ("cond_down", dict(num_residual_streams=1), conditioned((9, 8), codec_downsample_factor=960, codec_target_sample_hz=24000)),
    ("critic_generator", dict(num_residual_streams=2), plus(MASKED, CRITIC, train="generator", note="")),
    ("critic_only", dict(num_residual_streams=2), plus(MASKED, CRITIC, SELF, self_cond="first", train="critic")),
]
OFTEN = dict(no_replace_prob=0.4, random_token_prob=0.4)
DRAWN = [  # by SoundStorm.forward
    ("0.4.11", {}, dict(lengths=(9, 9, 9), storm=dict(OFTEN, schedule="cosine")), 1),
    ("0.6.1", dict(num_residual_streams=2),
     dict(lengths=(9, 7, 8), storm=dict(OFTEN, **SEMANTIC, self_cond=True, self_cond_train_prob=1.0), self_cond="first",
          semantic_lengths=(6, 5, 6)), 0),
]
