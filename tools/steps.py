"""Runs named steps one after another: a line with the time when each begins and ends, its output in a log, counts of what passed."""
import json
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed$", re.M)
CATCH = re.compile(r"^test cases:\s*(\d+) \|(.*)$|^All tests passed \(.* in (\d+) test cases?\)$", re.M)


def counts(output, succeeded):
    """Passed and failed cases from a program's output; one case where it counts none."""
    if found := CATCH.findall(output):
        cases, parts, all_passed = found[-1]
        passed = int(all_passed or (re.search(r"(\d+) passed", parts) or [0, 0])[1])
        failed = int(all_passed or cases) - passed
    elif found := COUNTS.findall(output):
        passed, failed = map(int, found[-1])
    else:
        passed, failed = int(succeeded), int(not succeeded)
    return passed, failed if succeeded else max(failed, 1)  # a crash after the last passed case is a failure too


class Steps:
    def __init__(self, logs):
        self.began, self.passed, self.failed, self.logs = time.monotonic(), 0, 0, pathlib.Path(logs)
        self.logs.mkdir(parents=True, exist_ok=True)

    def say(self, text):
        print(f"[{time.monotonic() - self.began:5.0f} s] {text}", flush=True)

    def count(self, passed, failed):
        self.passed, self.failed = self.passed + passed, self.failed + failed

    def run(self, name, command, show=None, counted=True, quiet=False, **options):
        """Runs a command; lines that contain `show` are printed, at most one in ten seconds; all for "". Returns whether it succeeded, and its output."""
        self.say(name)
        began, shown, log = time.monotonic(), time.monotonic(), self.logs / (re.sub(r"\W+", "_", name) + ".log")
        lines = []
        try:
            process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, text=True, errors="replace", cwd=ROOT, **options)
            for line in process.stdout:
                lines.append(line)
                if show == "":
                    print(line, end="", flush=True)
                elif show and show in line and time.monotonic() - shown > 10:
                    shown = time.monotonic()
                    self.say("  " + line.rstrip()[:200])
            succeeded = process.wait() == 0
        except OSError as reason:
            lines.append(f"{reason}\n")
            succeeded = False
        output = "".join(lines)
        log.write_text(output)
        if counted:
            self.count(*counts(output, succeeded))
        if not succeeded:
            said = [line[:400] for line in lines if not re.match(r"\[\d+/\d+\] |ccache |c\+\+ |clang\+\+ |In file included|\s+from ", line)] if show != "" and not quiet else []
            print("".join(said[-100:]), f"    all of it: {log}", sep="", flush=True)
        self.say(f"  {'done' if succeeded else 'FAILED'} in {time.monotonic() - began:.0f} s")
        return succeeded, output

    def output(self, command):
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout

    def works(self, command):
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            return False

    def packages(self):
        if not self.run("packages", [ROOT / "tools/install_packages"], show="Setting up", counted=False)[0]:
            self.count(0, 1)

    def configure(self, build, *options, **keywords):
        again = ["--reconfigure"] if (ROOT / build / "build.ninja").exists() else []
        succeeded = self.run(f"configure {build}", ["meson", "setup", *again, build, "-Db_colorout=never", *options], counted=False, **keywords)[0]
        self.count(0, int(not succeeded))
        return succeeded

    def build(self, build, *targets, warnings=True, **options):
        """Builds all that can be built; a warning of our own code is a failure. Those within a system header are none of ours: g++ 12 says of its
        own AVX-512 intrinsics that they read an unset register, which they do on purpose (GCC bug 105593)."""
        succeeded, output = self.run(f"build {build}", ["ninja", "-C", build, "-k", "0", *targets], show="[", **options)
        found = sorted(set(re.findall(r"^(?!/usr/)\S+: warning\b.*$", output, re.M)))
        if warnings:
            self.count(int(not found), int(bool(found)))
            print("".join(f"    {line}\n" for line in found[:30]), end="", flush=True)
        return succeeded

    def meson_test(self, build, *arguments, suite=None, only=()):
        """Runs Meson's tests, of one suite or of the given names, and counts their cases one by one."""
        wanted = [test for test in json.loads(self.output(["meson", "introspect", build, "--tests"]) or "[]")
                  if (not only or test["name"] in only) and (not suite or any(name.endswith(":" + suite) for name in test["suite"]))]
        names = [test["name"] for test in wanted if pathlib.Path(test["cmd"][0]).exists()]
        for test in wanted:
            if test["name"] not in names:
                self.count(0, 1)
                print(f"    {test['name']:<40} was not built", flush=True)
        logs = ROOT / build / "meson-logs"
        for old in logs.glob("testlog*.json"):
            old.unlink()
        if not names:
            return
        self.run(f"test {build}", ["meson", "test", "-C", build, "--no-rebuild", "--num-processes", "2", *arguments, *names], show="/",
                 counted=False, quiet=True)
        results = [json.loads(line) for path in logs.glob("testlog*.json") for line in path.read_text().splitlines()]
        self.count(0, len(names) - len(results))
        for test in results:
            succeeded, output = test["result"] == "OK", test.get("stdout", "")
            passed, failed = counts(output, succeeded) if test["result"] != "SKIP" else (0, 0)
            self.count(passed, failed)
            print(f"    {test['name'].split(' / ')[-1]:<40} {passed:4} passed, {failed} failed {test['duration']:8.1f} s", flush=True)
            if not succeeded:
                print("      " + (output[-5000:] + test.get("stderr", "")[-3000:]).replace("\n", "\n      "), flush=True)

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        sys.exit(self.failed > 0)
