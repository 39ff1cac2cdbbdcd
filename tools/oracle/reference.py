"""The networks of three generations of soundstorm-pytorch and of spear-tts-pytorch, unmodified, without the packages that they import by name.

soundstorm_pytorch.soundstorm says `from spear_tts_pytorch import TextToSemantic` and `from audiolm_pytorch import SoundStream,
HubertWithKmeans, FairseqVQWav2Vec`, and the package's __init__ imports its trainer (accelerate, audio files). None of these enters
the network, the masks or the loss: they are types of optional arguments. Those packages pull torchaudio and fairseq, which do not install
beside this torch. So empty classes stand in for the four names and for the trainer; every line that computes is the package's own.
spear_tts_pytorch.spear_tts_pytorch is loaded in the same manner: its speech encoders, its data loader and its text tokenizer are stood in for.

  load("0.6.1").soundstorm    a generation's module; each lies in its own folder of the environment (see setup), all may be loaded at once
  soundstorm, attend          those of 0.4.11
  spear_tts()                 the module of spear-tts-pytorch
"""

import contextlib
import functools
import importlib
import importlib.metadata
import pathlib
import sys
import types
import warnings

import torch

GENERATIONS = ("0.4.11", "0.5.0", "0.6.1")
NAME = "soundstorm_pytorch"
SPEAR_VERSION, SPEAR_NAME = "0.4.8", "spear_tts_pytorch"
FOLDER = pathlib.Path(sys.prefix) / "packages"

# attend.py asks for the kernel through a context manager that newer versions of torch call deprecated
warnings.filterwarnings("ignore", message=".*sdp_kernel.*")
warnings.filterwarnings("ignore", message=".*torch.jit.script.*")  # gateloop_transformer's


def _stand_in(module, *names):
    made = types.ModuleType(module)
    for name in names:
        setattr(made, name, type(name, (torch.nn.Module,), {"__doc__": f"stands in for {module}.{name}; holds nothing"}))
    return made


# the same classes for all generations: beartype, which checks the packages' arguments, takes classes of one name for one
STAND_INS = {"spear_tts_pytorch": _stand_in("spear_tts_pytorch", "TextToSemantic"),
             "audiolm_pytorch": _stand_in("audiolm_pytorch", "SoundStream", "HubertWithKmeans", "FairseqVQWav2Vec"),
             f"{NAME}.trainer": _stand_in(f"{NAME}.trainer", "SoundStormTrainer")}
SPEAR_STAND_INS = {"audiolm_pytorch": STAND_INS["audiolm_pytorch"],
                   "audiolm_pytorch.data": _stand_in("audiolm_pytorch.data", "get_dataloader"),
                   "x_clip": _stand_in("x_clip"), "x_clip.tokenizer": _stand_in("x_clip.tokenizer", "tokenizer"),
                   f"{SPEAR_NAME}.trainer": _stand_in(f"{SPEAR_NAME}.trainer", "SpeechSpeechPretrainer", "SemanticToTextTrainer",
                                                      "TextToSemanticTrainer")}


@contextlib.contextmanager
def _import_from(folder, package=NAME, stand_ins=STAND_INS):
    """Inside, the package is found in that folder only; afterwards Python knows neither folder nor package."""
    ours = lambda name: name in stand_ins or name.split(".")[0] == package  # noqa: E731
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if ours(name)}
    sys.modules.update(stand_ins)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if ours(name)]:
            del sys.modules[name]
        sys.modules.update(kept)


def _folder_of(package, version):
    """Where setup put this version of the package: packages/soundstorm-0.6.1 for soundstorm-pytorch."""
    folder = FOLDER / f"{package.removesuffix('-pytorch')}-{version}"
    found = [d.version for d in importlib.metadata.distributions(path=[str(folder)]) if d.name == package]
    if found != [version]:
        raise ImportError(f"oracle: {folder} holds {package} {found or 'nowhere'}, expected {version}; run tools/oracle/setup")
    return folder


@functools.cache
def load(version):
    """A namespace of the generation's modules `soundstorm` and `attend`, and its `version`."""
    folder = _folder_of("soundstorm-pytorch", version)
    with _import_from(folder):
        soundstorm = importlib.import_module(f"{NAME}.soundstorm")
        attend = importlib.import_module(f"{NAME}.attend")
    return types.SimpleNamespace(version=version, soundstorm=soundstorm, attend=attend)


def _masked_kernel(q, k, v, attn_mask=None, is_causal=False, **options):
    """torch's kernel as it was when the package was written: newer versions refuse a mask beside is_causal."""
    if attn_mask is not None and is_causal:
        attn_mask = attn_mask & torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).tril()
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=attn_mask, is_causal=is_causal and attn_mask is None, **options)


@functools.cache
def spear_tts():
    """The module spear_tts_pytorch.spear_tts_pytorch. Its attend, which asks for one function of torch only, finds the kernel above."""
    with _import_from(_folder_of("spear-tts-pytorch", SPEAR_VERSION), SPEAR_NAME, SPEAR_STAND_INS):
        attend = importlib.import_module(f"{SPEAR_NAME}.attend")
        attend.F = types.SimpleNamespace(scaled_dot_product_attention=_masked_kernel)
        return importlib.import_module(f"{SPEAR_NAME}.spear_tts_pytorch")


_first = load("0.4.11")
soundstorm, attend, version = _first.soundstorm, _first.attend, _first.version


def versions(generation=version):
    return f"soundstorm-pytorch {generation}, torch {torch.__version__}"


def spear_versions():
    return f"spear-tts-pytorch {SPEAR_VERSION}, torch {torch.__version__}"


__all__ = ["GENERATIONS", "attend", "load", "soundstorm", "spear_tts", "spear_versions", "version", "versions"]
