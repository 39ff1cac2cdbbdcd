"""The compile command of this build's every-header unit, so that scripts compile with exactly its flags."""
import json
import os
import pathlib
import shlex
import subprocess


def command(build):
    """Compiler and flags, without source, output and dependency options."""
    for entry in json.loads((pathlib.Path(build) / "compile_commands.json").read_text()):
        if entry["file"].endswith("tests/headers/odr_a.cpp"):
            words, kept, skip = shlex.split(entry["command"]), [], False
            for word in words:
                if skip:
                    skip = False
                elif word in ("-o", "-MF", "-MQ", "-c"):  # Meson writes the source after -c
                    skip = True
                elif word not in ("-MD", "-MMD", "-fdiagnostics-color=always"):
                    kept.append(word)
            return kept
    raise SystemExit("no unit odr_a.cpp in compile_commands.json")


def run(build, arguments, text=None):
    """Compiles in the build folder, as its relative include paths ask; returns exit code and messages."""
    done = subprocess.run(command(build) + arguments, cwd=build, input=text, capture_output=True, text=True, check=False,
                          env=dict(os.environ, LC_ALL="C"))
    return done.returncode, done.stdout + done.stderr
