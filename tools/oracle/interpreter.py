"""Finds the oracle's Python for the tests that compare with the packages; they are skipped where there is none."""
import importlib.util
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUARD = "SPEARSTORM_ORACLE_FOUND"  # set while the program runs in another Python, so that it is not started once more


def find():
    """Goes on in a Python that has torch and the packages: this one, $SPEARSTORM_ORACLE, or build/oracle; elsewhere it ends the program with 77."""
    if (pathlib.Path(sys.prefix) / "packages").is_dir() and all(map(importlib.util.find_spec, ("torch", "safetensors"))):
        return
    for python in filter(None, (os.environ.get("SPEARSTORM_ORACLE"), ROOT / "build" / "oracle" / "bin" / "python")):
        if pathlib.Path(python).exists() and GUARD not in os.environ:
            os.environ[GUARD] = "1"
            os.execv(python, [str(python), *sys.argv])
    print("SKIPPED: the oracle's Python is not here; tools/oracle/setup makes it in build/oracle, or SPEARSTORM_ORACLE names one")
    sys.exit(77)
