"""Goldens of whole modules: conformer block, wrapper, loss."""

import random as python_random

import torch
import torch.nn.functional as F
from torch import nn

from golden import Golden, fill, leaf, random, valid
from reference import soundstorm

WRAPPER = dict(codebook_size=11, num_quantizers=3,
               conformer=dict(dim=16, depth=2, heads=2, dim_head=8, conv_kernel_size=3, ff_mult=2,
                              use_gateloop_layers=False, attn_flash=False))
SMALL = dict(dim=8, depth=1, heads=2, dim_head=4, conv_kernel_size=3, ff_mult=2, use_gateloop_layers=False, attn_flash=False)
LOSS_ROTARY = dict(codebook_size=7, num_quantizers=3, conformer=SMALL)
LOSS_T5 = dict(codebook_size=7, num_quantizers=3, conformer=dict(SMALL, t5_rel_pos_bias=True))


class BlockWithBias(nn.Module):
    """A block and the relative position bias that its conformer would own, so that both are in one state_dict."""

    def __init__(self, config):
        super().__init__()
        self.block = soundstorm.ConformerBlock(**config)
        self.rel_pos_bias = soundstorm.T5RelativePositionBias(config["dim_head"] ** 0.5, heads=config["heads"])


def run_block(golden, module, block, *, width, seed, mask=None, rotary=None, bias=None, params=True):
    x = leaf(seed, 2, 7, width)
    grad_out = random(seed + 1, 2, 7, width)
    y = block(x, mask=mask, rotary_emb=rotary, attn_bias=bias)
    (y * grad_out).sum().backward()
    golden.put("input", x=x).put("output", y=y).put("grad_in", x=x.grad).put_module(module, params).put_grad_out(grad_out)
    return golden.put("input", mask=mask) if mask is not None else golden


def conformer_blocks():
    config = dict(dim=20, dim_head=6, heads=3, ff_mult=2, conv_expansion_factor=2, conv_kernel_size=5, use_gateloop_layers=False)
    rotary = soundstorm.RotaryEmbedding(6)(7)
    cases = {"conformer_block_rotary": (None, True), "conformer_block_mask": (valid(7, 5, size=7), "conformer_block_rotary")}
    for name, (mask, params) in cases.items():
        made = {}
        for flash in (False, True):
            block = fill(soundstorm.ConformerBlock(**config, attn_flash=flash), 101)
            golden = Golden(name, **config, rotary=True, axes="x (batch, frames, dim); mask (batch, frames): frames that are real")
            made[flash] = run_block(golden, block, block, width=20, seed=110, mask=mask, rotary=rotary, params=params)
        for key, value in made[False].tensors.items():  # the package's two attention paths must tell the same
            torch.testing.assert_close(made[True].tensors[key], value, rtol=1e-4, atol=1e-5, msg=lambda m, k=key: f"{k}: {m}")
        yield made[False]

    small = dict(dim=9, dim_head=4, heads=3, ff_mult=2, conv_expansion_factor=2, use_gateloop_layers=False, attn_flash=False)
    config = dict(small, conv_kernel_size=4, conv_causal=True)
    block = fill(soundstorm.ConformerBlock(**config), 121)
    golden = Golden("conformer_block_causal", **config, rotary=True, axes="x (batch, frames, dim)",
                    note="the convolution is causal, attention is not")
    yield run_block(golden, block, block, width=9, seed=122, rotary=soundstorm.RotaryEmbedding(4)(7))

    config = dict(small, conv_kernel_size=4)
    module = fill(BlockWithBias(config), 131)
    golden = Golden("conformer_block_t5", **config, rotary=False, t5=dict(scale=4**0.5, num_buckets=32, max_distance=128),
                    axes="x (batch, frames, dim)", note="keys start with block. or rel_pos_bias.; the kernel is even, padding (2, 1)")
    yield run_block(golden, module, module.block, width=9, seed=132, bias=module.rel_pos_bias(7))


def level_logits(net, codes, mask=None):
    """The package's (batch, frames * levels, vocab), told apart: (batch, frames, levels, vocab)."""
    batch, frames, levels = codes.shape
    return net(codes.reshape(batch, -1), mask=mask).reshape(batch, frames, levels, -1)


def draw_codes(seed, *shape, vocab):
    return torch.randint(0, vocab, shape, generator=torch.Generator().manual_seed(seed))


def wrapper():
    net = fill(soundstorm.ConformerWrapper(**WRAPPER), 201)
    mask_id = WRAPPER["codebook_size"]
    codes = draw_codes(202, 2, 6, 3, vocab=mask_id)
    target = codes.clone()
    codes[0, 2:, 0] = codes[0, 2:, 1] = codes[0, 2:, 2] = mask_id
    codes[1, 1:, 2] = codes[1, 3, 1] = codes[1, 5, 1] = mask_id
    chosen = torch.tensor([[0, 2, 0], [0, 3, 0], [0, 5, 0], [1, 3, 1], [1, 5, 1]])
    b, t, q = chosen.T
    logits = level_logits(net, codes)
    loss = F.cross_entropy(logits[b, t, q], target[b, t, q])
    loss.backward()
    golden = Golden("conformer_wrapper", **WRAPPER, mask_id=mask_id, rotary=True,
                    axes="codes (batch, frames, levels); logits (batch, frames, levels, vocab); "
                         "chosen (rows, 3): batch, frame, level; target (rows,)")
    golden.put("input", codes=codes, chosen=chosen, target=target[b, t, q]).put("output", logits=logits, loss=loss)
    yield golden.put_module(net)


def mask_by_paper(codes, lengths, prompts, levels, drawn, mask_id):
    """Section 3.3 of the paper, draws given: known below the level, masked where drawn in it, masked above it; the prompt is known."""
    masked, chosen = codes.clone(), torch.zeros(codes.shape[:2], dtype=torch.bool)
    for row, (length, prompt, level) in enumerate(zip(lengths, prompts, levels)):
        masked[row, prompt:, level + 1:] = mask_id
        for frame in drawn[row]:
            assert prompt <= frame < length
            masked[row, frame, level] = mask_id
            chosen[row, frame] = True
    return masked, chosen


def paper_loss(net, masked, codes, chosen, levels, mask=None):
    logits = level_logits(net, masked, mask)
    rows = torch.arange(len(levels))
    of_level, target = logits[rows, :, levels], codes[rows, :, levels]  # (batch, frames, vocab), (batch, frames)
    return F.cross_entropy(of_level[chosen], target[chosen]), of_level, target


def loss_case(name, config, *, seed, lengths, prompts, levels, drawn, frames):
    net = fill(soundstorm.ConformerWrapper(**config), seed)
    mask_id = config["codebook_size"]
    codes = draw_codes(seed + 1, len(lengths), frames, config["num_quantizers"], vocab=mask_id)
    masked, chosen = mask_by_paper(codes, lengths, prompts, levels, drawn, mask_id)
    padded = min(lengths) < frames
    mask = valid(*lengths, size=frames) if padded else None
    levels = torch.tensor(levels)
    loss, logits, target = paper_loss(net, masked, codes, chosen, levels, mask)
    loss.backward()
    if padded:  # whatever stands in the padding must not matter
        other = torch.where(mask[..., None], masked, (masked + 1) % mask_id)
        again, other_logits, _ = paper_loss(net, other, codes, chosen, levels, mask)
        torch.testing.assert_close(again, loss, rtol=0, atol=0)
        torch.testing.assert_close(other_logits[mask], logits[mask], rtol=0, atol=0)
    golden = Golden(name, **config, mask_id=mask_id, rotary=not config["conformer"].get("t5_rel_pos_bias", False),
                    axes="codes, masked (batch, frames, levels); level, prompt (batch,); target, chosen, mask (batch, frames); "
                         "logits (batch, frames, vocab): of each row's level",
                    note="loss is the mean over all chosen tokens of the batch; mask tells real frames from padding")
    golden.put("input", codes=codes, masked=masked, level=levels, prompt=torch.tensor(prompts), target=target, chosen=chosen)
    golden.put("output", logits=logits, loss=loss).put_module(net)
    return golden.put("input", mask=mask) if padded else golden


def losses():
    yield loss_case("soundstorm_loss_padded", LOSS_ROTARY, seed=301, frames=6,
                    lengths=(6, 4, 5), prompts=(2, 0, 1), levels=(0, 2, 1), drawn=((2, 4, 5), (0, 1, 3), (4,)))
    yield loss_case("soundstorm_loss_t5", LOSS_T5, seed=311, frames=5,
                    lengths=(5, 5), prompts=(1, 0), levels=(1, 0), drawn=((1, 2, 4), (0, 3)))


def check_against_package():
    """Our statement of the loss equals SoundStorm.forward where both apply: no kept or random tokens, one level and cut for the batch."""
    torch.manual_seed(7)
    python_random.seed(7)
    net = fill(soundstorm.ConformerWrapper(**WRAPPER), 201)
    model = soundstorm.SoundStorm(net, schedule="cosine", no_replace_prob=0.0, random_token_prob=0.0)
    mask_id, seen = net.codebook_size, []
    net.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0].clone()))
    levels_met = set()
    for seed in range(12):
        codes = draw_codes(400 + seed, 2, 6, 3, vocab=mask_id)
        theirs, _ = model(codes.clone())
        masked = seen.pop().reshape(2, 6, 3)
        hidden = masked == mask_id
        level = int(hidden.any(dim=1).any(dim=0).int().argmax())
        levels_met.add(level)
        ours, _, _ = paper_loss(net, masked, codes, hidden[:, :, level], torch.tensor([level, level]))
        seen.clear()
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)
    assert levels_met == {0, 1, 2}


def model_goldens():
    check_against_package()
    for make in (conformer_blocks, wrapper, losses):
        yield from make()
