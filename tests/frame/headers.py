"""What the tests of the frame know about the headers: their #include lines, and which outside library each of them needs."""
import functools
import pathlib
import re

OUTSIDE = {  # how an #include begins: the library, as in SPEARSTORM_HAVE_<LIBRARY>
    "Eigen/": "EIGEN", "unsupported/Eigen": "EIGEN", "xsimd/": "XSIMD", "xtensor/": "XTENSOR", "xtl/": "XTENSOR", "thrust/": "THRUST",
    "cub/": "CUDA", "cuda": "CUDA", "cublas": "CUDA", "nccl": "CUDA", "sndfile": "SNDFILE", "soxr": "SOXR", "nlohmann/": "JSON",
    "CLI/": "CLI", "png.h": "PNG", "mpi.h": "MPI", "utf8proc": "UTF8PROC", "espeak-ng/": "ESPEAK"}


def library_of(include):
    return next((library for start, library in OUTSIDE.items() if include.startswith(start)), None)


class Tree:
    """All headers below ROOT/include, by the name that an #include gives them."""

    def __init__(self, root):
        self.include = pathlib.Path(root) / "include"
        self.names = sorted(p.relative_to(self.include).as_posix() for p in self.include.rglob("*.hpp"))

    @functools.cache
    def includes(self, name):
        """(included name, line number, whether it stands inside an #if) in order; what stands in an #else counts as outside."""
        found, conditions = [], []
        for number, line in enumerate((self.include / name).read_text().splitlines(), 1):
            if re.match(r"\s*#\s*if", line):
                conditions.append(True)
            elif re.match(r"\s*#\s*else", line):
                conditions[-1] = False
            elif re.match(r"\s*#\s*endif", line):
                conditions.pop()
            elif match := re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line):
                found.append((match[1], number, any(conditions)))
        return found

    @functools.cache
    def closure(self, name):
        """The header and all of ours that it includes."""
        seen, todo = set(), [name]
        while todo:
            at = todo.pop()
            if at not in seen and at in self.names:
                seen.add(at)
                todo += [to for to, _, _ in self.includes(at)]
        return sorted(seen)

    def needs(self, name):
        """Outside libraries without which the header does not compile; includes inside an #if are taken to guard themselves."""
        seen, todo, libraries = set(), [name], set()
        while todo:
            at = todo.pop()
            if at in seen:
                continue
            seen.add(at)
            for to, _, guarded in self.includes(at) if at in self.names else []:
                if not guarded:
                    todo.append(to)
                    libraries |= {library_of(to)} - {None}
        return libraries

    def usable(self, have):
        return [name for name in self.names if self.needs(name) <= set(have)]
