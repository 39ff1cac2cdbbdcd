"""The network of soundstorm-pytorch 0.4.11, unmodified, without the codec and speech packages that its module imports by name.

soundstorm_pytorch.soundstorm says `from spear_tts_pytorch import TextToSemantic` and `from audiolm_pytorch import SoundStream,
HubertWithKmeans, FairseqVQWav2Vec`, and the package's __init__ imports its trainer (accelerate, audio files). None of these enters
the network, the masks or the loss: they are types of optional arguments. Those packages pull torchaudio and fairseq, which do not install
beside this torch. So empty classes stand in for the four names and for the trainer; every line that computes is the package's own.
"""

import importlib.metadata
import sys
import types
import warnings

import torch

EXPECTED = "0.4.11"


def _stand_in(module, *names):
    made = types.ModuleType(module)
    for name in names:
        setattr(made, name, type(name, (torch.nn.Module,), {"__doc__": f"stands in for {module}.{name}; holds nothing"}))
    sys.modules[module] = made


_stand_in("spear_tts_pytorch", "TextToSemantic")
_stand_in("audiolm_pytorch", "SoundStream", "HubertWithKmeans", "FairseqVQWav2Vec")
_stand_in("soundstorm_pytorch.trainer", "SoundStormTrainer")

# attend.py asks for the kernel through a context manager that newer versions of torch call deprecated
warnings.filterwarnings("ignore", message=".*sdp_kernel.*")

from soundstorm_pytorch import attend, soundstorm  # noqa: E402

version = importlib.metadata.version("soundstorm-pytorch")
if version != EXPECTED:
    raise SystemExit(f"oracle: soundstorm-pytorch is {version}, the goldens are of {EXPECTED}; see tools/oracle/requirements.txt")


def versions():
    return f"soundstorm-pytorch {version}, torch {torch.__version__}"


__all__ = ["attend", "soundstorm", "version", "versions"]
