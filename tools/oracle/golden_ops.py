"""Goldens of single operations. Activations are channels-last, weights have torch's layouts."""

import torch
import torch.nn.functional as F
from torch import nn

from golden import Golden, fill, leaf, random, valid
from reference import attend, soundstorm


def layer_norm():
    golden = Golden("op_layer_norm", eps=1e-5, axes="x (batch, frames, dim)",
                    note="row (0, 1) varies by 1e-2 only, row (1, 4) is constant")
    norm = fill(nn.LayerNorm(7), 11)
    x = random(12, 2, 5, 7)
    x[0, 1] = 0.5 + 1e-2 * x[0, 1]
    x[1, 4] = -0.5
    x.requires_grad_()
    grad_out = random(13, 2, 5, 7)
    y = norm(x)
    (y * grad_out).sum().backward()
    yield golden.put("input", x=x).put("output", y=y).put("grad_in", x=x.grad).put_module(norm).put_grad_out(grad_out)


def chan_layer_norm():
    golden = Golden("op_chan_layer_norm", eps=1e-6, axes="x (batch, frames, channels); gamma (1, channels, 1)",
                    note="the variance is clamped from below by eps, not increased by it: rows (0, 2) and (1, 4) are under the bound")
    norm = fill(soundstorm.ChanLayerNorm(13), 21)
    x = random(22, 2, 5, 13)
    x[0, 2] = 1e-4 * x[0, 2]
    x[1, 4] = -0.5
    x.requires_grad_()
    grad_out = random(23, 2, 5, 13)
    y = norm(x.transpose(1, 2)).transpose(1, 2)
    (y * grad_out).sum().backward()
    yield golden.put("input", x=x).put("output", y=y).put("grad_in", x=x.grad).put_module(norm).put_grad_out(grad_out)


def attention():
    cases = {"op_attention": (2, 3, 7, 4, None, False),
             "op_attention_mask": (2, 3, 7, 4, (7, 5), False),
             "op_attention_mask_bias": (2, 3, 7, 4, (7, 5), True),
             "op_attention_long": (1, 1, 67, 4, (50,), False)}
    for seed, (name, (batch, heads, frames, width, lengths, biased)) in enumerate(cases.items(), start=30):
        golden = Golden(name, scale=width**-0.5,
                        axes="q, k, v (batch, heads, frames, width); mask (batch, keys); bias (heads, queries, keys)",
                        note="the bias is added after scaling; queries at masked positions attend like the others")
        shape = (batch, heads, frames, width)
        q, k, v = (leaf(10 * seed + i, *shape) for i in range(3))
        bias = leaf(10 * seed + 3, heads, frames, frames) if biased else None
        mask = valid(*lengths, size=frames) if lengths else None
        grad_out = random(10 * seed + 4, *shape)
        y = attend.Attend(flash=False)(q, k, v, mask=mask, attn_bias=bias)
        (y * grad_out).sum().backward()
        golden.put("input", q=q, k=k, v=v).put("output", y=y).put_grad_out(grad_out)
        golden.put("grad_in", q=q.grad, k=k.grad, v=v.grad)
        if mask is not None:
            golden.put("input", mask=mask)
        if biased:
            golden.put("input", bias=bias).put("grad_in", bias=bias.grad)
        else:
            torch.testing.assert_close(attend.Attend(flash=True)(q, k, v, mask=mask), y, rtol=1e-5, atol=1e-6)
        yield golden


def depthwise_conv():
    cases = {"op_conv_odd": (5, False, None), "op_conv_even": (4, False, None), "op_conv_causal": (4, True, None),
             "op_conv_mask": (5, False, (7, 5)), "op_conv_even_mask": (4, False, (7, 5))}
    for seed, (name, (kernel, causal, lengths)) in enumerate(cases.items(), start=40):
        padding = (kernel - 1, 0) if causal else soundstorm.calc_same_padding(kernel)
        golden = Golden(name, kernel_size=kernel, causal=causal, padding=padding,
                        axes="x (batch, frames, channels); conv.weight (channels, 1, kernel); mask (batch, frames)",
                        note="a correlation, as torch calls it; masked frames are zeroed before and after")
        conv = fill(soundstorm.DepthWiseConv1d(3, 3, kernel, padding), seed)
        x = leaf(10 * seed, 2, 7, 3)
        mask = valid(*lengths, size=7) if lengths else None
        grad_out = random(10 * seed + 1, 2, 7, 3)
        y = conv(x.transpose(1, 2), mask=mask).transpose(1, 2)
        (y * grad_out).sum().backward()
        golden.put("input", x=x).put("output", y=y).put("grad_in", x=x.grad).put_module(conv).put_grad_out(grad_out)
        yield golden.put("input", mask=mask) if lengths else golden


def rotary():
    golden = Golden("op_rotary", theta=10000, axes="x (batch, heads, frames, width); angles (frames, width)",
                    note="halves are paired, (i, i + width/2), and frame 0 is not turned")
    x = leaf(51, 2, 3, 7, 6)
    grad_out = random(52, 2, 3, 7, 6)
    angles = soundstorm.RotaryEmbedding(6)(7)
    y = soundstorm.apply_rotary_pos_emb(angles, x)
    (y * grad_out).sum().backward()
    yield golden.put("input", x=x, angles=angles).put("output", y=y).put("grad_in", x=x.grad).put_grad_out(grad_out)


def t5_bias():
    buckets = soundstorm.T5RelativePositionBias._relative_position_bucket(torch.arange(-299, 300))
    golden = Golden("op_t5_buckets", num_buckets=32, max_distance=128,
                    axes="buckets (599,): of key - query = -299 ... 299, which is every entry of a bias for 300 frames")
    yield golden.put("output", buckets=buckets)

    golden = Golden("op_t5_bias", num_buckets=32, max_distance=128, scale=6**0.5, heads=3, frames=11,
                    axes="y (heads, queries, keys); relative_attention_bias.weight (buckets, heads)")
    bias = fill(soundstorm.T5RelativePositionBias(6**0.5, heads=3), 61)
    grad_out = random(62, 3, 11, 11)
    y = bias(11)
    (y * grad_out).sum().backward()
    yield golden.put("output", y=y).put_module(bias).put_grad_out(grad_out)


def cross_entropy():
    golden = Golden("op_cross_entropy", axes="logits (rows, vocab); target, chosen (rows,)",
                    note="loss is the mean over chosen rows, grad_in.logits its gradient; loss_all is the mean over all; row 3 holds +-80")
    logits = random(71, 9, 7)
    logits[3] = torch.tensor([80.0, -80.0, 0.0, 79.5, 1.0, -3.0, 20.0])
    logits.requires_grad_()
    target = torch.tensor([0, 6, 3, 3, 2, 2, 5, 1, 4])
    chosen = torch.tensor([1, 0, 1, 1, 0, 1, 0, 0, 1]).bool()
    loss = F.cross_entropy(logits[chosen], target[chosen])
    loss.backward()
    golden.put("input", logits=logits, target=target, chosen=chosen).put("grad_in", logits=logits.grad)
    yield golden.put("output", loss=loss, loss_all=F.cross_entropy(logits, target))


def optimizers():
    for name, weight_decay in (("op_adamw", 0.01), ("op_adam", 0.0)):
        golden = Golden(name, lr=3e-3, betas=[0.9, 0.99], eps=1e-8, weight_decay=weight_decay, steps=5,
                        note="param.* is the start, input.grad_K.* the gradient of step K, output.step_K.* the parameter after it; "
                             "one gradient of each step is zero, and the decay applies to every parameter")
        params = {"weight": leaf(81, 3, 5), "bias": leaf(82, 4)}
        golden.put("param", **params)
        make = torch.optim.AdamW if weight_decay else torch.optim.Adam
        optimizer = make(params.values(), lr=3e-3, betas=(0.9, 0.99), eps=1e-8, weight_decay=weight_decay, foreach=False)
        for step in range(1, 6):
            for offset, (key, value) in enumerate(params.items()):
                value.grad = random(83 + 10 * step + offset, *value.shape) * 10.0 ** (step - 3)
                value.grad.view(-1)[step - 1 if offset == 0 else 0] = 0.0
                golden.put(f"input.grad_{step}", **{key: value.grad})
            optimizer.step()
            golden.put(f"output.step_{step}", **params)
        for key, value in params.items():
            state = optimizer.state[value]
            golden.put("output.exp_avg", **{key: state["exp_avg"]}).put("output.exp_avg_sq", **{key: state["exp_avg_sq"]})
        yield golden


def op_goldens():
    for make in (layer_norm, chan_layer_norm, attention, depthwise_conv, rotary, t5_bias, cross_entropy, optimizers):
        yield from make()
