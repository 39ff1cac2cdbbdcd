"""The table of bench/compare in a Markdown file, between two marks; all other text stays as it is."""

import math
import os
import pathlib
import platform
import re
import tempfile

BEGIN, END = "<!-- bench/compare: begin -->", "<!-- bench/compare: end -->"
HEAD = ["| case | dtype | threads | ours | peer | | ratio | memory, ours and peer | date |", "|---|---|---|---|---|---|---|---|---|"]


def processor():
    """Its name, how many there are, and those of its instructions that decide the speed of products."""
    name, flags = platform.processor() or platform.machine(), []
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
        name = re.search(r"^model name\s*:\s*(.+)$", text, re.M)[1].strip()
        flags = re.search(r"^flags\s*:\s*(.+)$", text, re.M)[1].split()
    except (OSError, TypeError):
        pass
    wide = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    return f"{name}, {len(os.sched_getaffinity(0))} processors" + (f" ({', '.join(wide)})" if wide else "")


def in_words(ms):
    """Three digits: `0.0123 ms`, `12.3 ms`, `1.23 s`."""
    value, unit = (ms / 1e3, "s") if ms >= 1e3 else (ms, "ms")
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f} {unit}" if value > 0 else f"0 {unit}"


def row(line, date):
    busy = f" (busy {line['busy']:.2f})" if line["busy"] > 0.1 else ""
    return (f"| `{line['case']}` | {line['dtype']} | {line['threads']} | {in_words(line['ours_ms'])} | {in_words(line['peer_ms'])} | {line['peer']} "
            f"| {line['ratio']:.2f}{busy} | {line['ours_mb']:.0f} MB, {line['peer_mb']:.0f} MB | {date} |")


def key(text):
    """Case, dtype and threads of a row."""
    return tuple(cell.strip().strip("`") for cell in text.split("|")[1:4])


def merged(old, versions):
    """What the part between the marks said before: versions by program, rows by key."""
    kept_versions, rows = {}, {}
    for line in old.splitlines():
        if line.startswith("| `"):
            rows[key(line)] = line
        elif line.startswith("Versions: "):
            kept_versions = by_program(line.removeprefix("Versions: ").rstrip("."))
    new = {}
    for text in versions:
        new |= by_program(text)
    same = all(kept_versions[name] == version for name, version in new.items() if name in kept_versions)
    return (kept_versions | new, rows) if same and f"Processor: {processor()}." in old else (new, {})


def by_program(text):
    return dict(part.split(" ", 1) for part in text.split(", "))


def write_table(path, lines, versions, order, date):
    """Puts the lines into the table, over those of the same case, dtype and threads; rows of another processor or other versions go.

    A file that does not exist is made. The file is replaced at once or not at all.
    Raises ValueError where the file has no marks.
    """
    path = pathlib.Path(path)
    text = path.read_text() if path.exists() else f"{BEGIN}\n{END}\n"
    before, begin, rest = text.partition(BEGIN)
    old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no line {BEGIN} before {END}, expected both")
    programs, rows = merged(old, versions)
    for line in lines:
        made = row(line, date)
        rows[key(made)] = made
    place = {name: at for at, name in enumerate(order)}
    ordered = sorted(rows.items(), key=lambda item: (place.get(item[0][0], len(place)), int(item[0][2])))
    body = [f"Last run: {date}.", "", f"Processor: {processor()}.", "",
            f"Versions: {', '.join(f'{name} {version}' for name, version in programs.items())}.", "", *HEAD, *(made for _, made in ordered)]
    text = before + BEGIN + "\n" + "\n".join(body) + "\n" + END + after
    with tempfile.NamedTemporaryFile("w", dir=path.resolve().parent, prefix="." + path.name, delete=False) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(file.name, path.stat().st_mode & 0o777 if path.exists() else 0o644)
    os.replace(file.name, path.resolve())
