"""One golden file: named tensors and the configuration that made them. Floats are F32 or F64, ids I32, flags U8; nothing has rank 0."""

import json

import safetensors
import torch
from safetensors.torch import save_file

import reference

STORED = {torch.float32: torch.float32, torch.float64: torch.float64, torch.int64: torch.int32, torch.bool: torch.uint8}


def stored(tensor):
    tensor = tensor.detach()
    if tensor.is_floating_point() and not torch.isfinite(tensor).all():
        raise ValueError("a golden holds numbers only")
    return tensor.to(STORED[tensor.dtype]).reshape(tensor.shape or (1,)).contiguous().clone()


class Golden:
    def __init__(self, name, **config):
        self.name, self.tensors = name, {}
        # one key only: the writer puts several in an order that changes from run to run
        self.about = {"case": name, "made_by": reference.versions(config.get("generation", reference.version)), "config": config}

    def put(self, prefix, **tensors):
        self.tensors.update({f"{prefix}.{name}": stored(tensor) for name, tensor in tensors.items()})
        return self

    def put_grad_out(self, tensor):
        self.tensors["grad_out"] = stored(tensor)
        return self

    def put_module(self, module, params=True):
        """The module's state_dict (or, with params naming another file, only a note of where it is) and its gradients."""
        state = module.state_dict()
        self.about["state_dict"] = {key: list(value.shape) for key, value in state.items()}
        if params is True:
            self.tensors.update({f"param.{key}": stored(value) for key, value in state.items()})
        else:
            self.about["params_from"] = params
        for key, value in module.named_parameters():
            self.tensors[f"grad.{key}"] = stored(value.grad if value.grad is not None else torch.zeros_like(value))
        return self

    def metadata(self):
        return {"golden": json.dumps(self.about, sort_keys=True)}

    def save(self, folder):
        path = folder / f"{self.name}.safetensors"
        save_file(self.tensors, path, metadata=self.metadata())
        path.chmod(0o644)
        return path.stat().st_size

    def differences(self, folder):
        """One line for each tensor of the file in folder that this run would write otherwise."""
        path = folder / f"{self.name}.safetensors"
        if not path.exists():
            return [f"{path.name}: missing"]
        lines = []
        with safetensors.safe_open(path, framework="pt") as found:
            if set(found.keys()) != set(self.tensors):
                return [f"{path.name}: other tensors than expected"]
            for key, expected in self.tensors.items():
                tensor = found.get_tensor(key)
                same = tensor.shape == expected.shape and tensor.dtype == expected.dtype
                if not same or not torch.allclose(tensor, expected, rtol=1e-4, atol=1e-6):
                    lines.append(f"{path.name}: {key} differs")
        return lines


def fill(module, seed):
    """Gives every parameter a random value: ones and zeros, as norms and biases start, would hide a wrong factor."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, value in module.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            norm = ("norm" in key or "net1.0" in key or "to_logits.0" in key) and key.endswith("weight")
            near_one = norm or key.endswith(("gamma", "static_beta"))
            fan_in = value[0].numel() if value.ndim > 1 else 1
            scale = 0.2 if value.ndim == 1 or near_one else 0.6 if "embed" in key or "attention_bias" in key else fan_in**-0.5
            start = 1.0 if near_one else 0.0
            if ".dynamic_" in key:  # of hyper-connections, whose tanh should not saturate
                scale, start = 0.15, 0.3 if key.endswith("_scale") else 0.0
            value.copy_(noise * scale + start)
    return module


def random(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def leaf(seed, *shape):
    return random(seed, *shape).requires_grad_()


def valid(*lengths, size):
    """Key masks: True for the first lengths[i] of size positions."""
    return torch.arange(size)[None, :] < torch.tensor(lengths)[:, None]
