"""The networks of three generations of soundstorm-pytorch, unmodified, without the codec and speech packages that they import by name.

soundstorm_pytorch.soundstorm says `from spear_tts_pytorch import TextToSemantic` and `from audiolm_pytorch import SoundStream,
HubertWithKmeans, FairseqVQWav2Vec`, and the package's __init__ imports its trainer (accelerate, audio files). None of these enters
the network, the masks or the loss: they are types of optional arguments. Those packages pull torchaudio and fairseq, which do not install
beside this torch. So empty classes stand in for the four names and for the trainer; every line that computes is the package's own.

  load("0.6.1").soundstorm    a generation's module; each lies in its own folder of the environment (see setup), all may be loaded at once
  soundstorm, attend          those of 0.4.11
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


@contextlib.contextmanager
def _import_from(folder):
    """Inside, the package is found in that folder only; afterwards Python knows neither folder nor package."""
    ours = lambda name: name in STAND_INS or name.split(".")[0] == NAME  # noqa: E731
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if ours(name)}
    sys.modules.update(STAND_INS)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if ours(name)]:
            del sys.modules[name]
        sys.modules.update(kept)


@functools.cache
def load(version):
    """A namespace of the generation's modules `soundstorm` and `attend`, and its `version`."""
    folder = FOLDER / f"soundstorm-{version}"
    found = [d.version for d in importlib.metadata.distributions(path=[str(folder)]) if d.name == "soundstorm-pytorch"]
    if found != [version]:
        raise ImportError(f"oracle: {folder} holds soundstorm-pytorch {found or 'nowhere'}, expected {version}; run tools/oracle/setup")
    with _import_from(folder):
        soundstorm = importlib.import_module(f"{NAME}.soundstorm")
        attend = importlib.import_module(f"{NAME}.attend")
    return types.SimpleNamespace(version=version, soundstorm=soundstorm, attend=attend)


_first = load("0.4.11")
soundstorm, attend, version = _first.soundstorm, _first.attend, _first.version


def versions(generation=version):
    return f"soundstorm-pytorch {generation}, torch {torch.__version__}"


__all__ = ["GENERATIONS", "attend", "load", "soundstorm", "version", "versions"]
