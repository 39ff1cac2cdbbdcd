"""Goldens of layers from the packages that soundstorm-pytorch builds upon: gate loops and hyper-connections."""

import importlib.metadata

import torch
from einops import rearrange
from gateloop_transformer import gateloop_transformer
from gateloop_transformer.simplified_gate_loop import SimpleGateLoopLayer
from hyper_connections import HyperConnections, hyper_connections

from golden import Golden, fill, leaf, random


def of(package):
    return f"{package} {importlib.metadata.version(package)}"


def rms_norm():
    cases = {"op_rms_norm": (0, gateloop_transformer.RMSNorm, "gateloop-transformer"),
             "op_rms_norm_offset": (1, hyper_connections.RMSNorm, "hyper-connections")}
    for seed, (name, (offset, norm, package)) in enumerate(cases.items(), start=90):
        golden = Golden(name, offset=offset, package=of(package), axes="x (batch, frames, dim)", note="row (0, 1) is small")
        module = fill(norm(7), seed)
        x = random(10 * seed, 2, 5, 7)
        x[0, 1] *= 1e-3
        x.requires_grad_()
        grad_out = random(10 * seed + 1, 2, 5, 7)
        y = module(x)
        (y * grad_out).sum().backward()
        yield golden.put("input", x=x).put("output", y=y).put("grad_in", x=x.grad).put_module(module).put_grad_out(grad_out)


def gate_loop():
    cases = {"layer_gate_loop": {}, "layer_gate_loop_reverse": {"reverse": True}, "layer_gate_loop_post_ln": {"post_ln": True, "prenorm": False}}
    for seed, (name, options) in enumerate(cases.items(), start=92):
        golden = Golden(name, **options, package=of("gateloop-transformer"), axes="x (batch, frames, dim); to_qkva.0.weight ((q kv a) out, in)",
                        note="without the residual")
        layer = fill(SimpleGateLoopLayer(11, **options), seed)
        x = leaf(10 * seed, 2, 7, 11)
        grad_out = random(10 * seed + 1, 2, 7, 11)
        y = layer(x)
        (y * grad_out).sum().backward()
        yield golden.put("input", x=x).put("output", y=y).put("grad_in", x=x.grad).put_module(layer).put_grad_out(grad_out)


def hyper_connection():
    streams, dim = 3, 10
    golden = Golden("layer_hyper_connection", streams=streams, package=of("hyper-connections"),
                    axes="x, residuals, y (batch, frames, streams, dim); branch, branch_input (batch, frames, dim); beta (batch, frames, streams)",
                    note="the loss is the sum of branch_input * grad_branch_input and of y * grad_out; branch does not depend on branch_input")
    layer = fill(HyperConnections(streams, dim=dim, layer_index=1), 95)
    x, branch = leaf(950, 2, 5, streams, dim), leaf(951, 2, 5, dim)
    grad_out, grad_branch_input = random(952, 2, 5, streams, dim), random(953, 2, 5, dim)
    branch_input, residuals, more = layer.width_connection(rearrange(x, "b n s d -> (b s) n d"))
    y = rearrange(layer.depth_connection(branch, residuals, **more), "(b s) n d -> b n s d", s=streams)
    ((branch_input * grad_branch_input).sum() + (y * grad_out).sum()).backward()
    residuals = rearrange(residuals, "(b s) n d -> b n s d", s=streams)
    beta = more["beta"][:, :, 0, :, 0]
    torch.testing.assert_close(y, residuals + branch[:, :, None] * beta[..., None])
    golden.put("input", x=x, branch=branch, grad_branch_input=grad_branch_input)
    golden.put("output", branch_input=branch_input, residuals=residuals, beta=beta, y=y).put("grad_in", x=x.grad, branch=branch.grad)
    yield golden.put_module(layer).put_grad_out(grad_out)


def layer_goldens():
    for make in (rms_norm, gate_loop, hyper_connection):
        yield from make()
