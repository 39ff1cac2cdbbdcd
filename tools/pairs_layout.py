"""The pair set of spear-tts-pytorch's SemanticToTextDatasetGenerator in the format of spearstorm/train/pair_file.hpp. Needs neither torch nor
the package: rows come as lists of whole numbers."""

import json
import re
import struct

FORMAT, VERSION = "spearstorm.pairs", 1
MOST = 2**31 - 1


class PairsError(ValueError):
    pass


def order(names):
    """0.pt, 1.pt, ..., 10.pt: as the package counts them, other names behind."""
    return sorted(names, key=lambda name: (0, int(name[:-3]), "") if re.fullmatch(r"[0-9]+\.pt", name) else (1, 0, name))


def until(ids, stop):
    return ids[:ids.index(stop)] if stop in ids else ids


def split(row, delimiter, semantic_eos, text_eos, where):
    """Speech and text of one row: audio ids, delimiter, text ids.

    Either ends before its eos, which the package leaves in. Speech padded with the delimiter's own id, as with the package's default of -1,
    is told by delimiters that follow each other.
    """
    if delimiter not in row:
        raise PairsError(f"{where}: no delimiter {delimiter}, expected audio ids, {delimiter}, text ids")
    at = row.index(delimiter)
    speech, text = row[:at], row[at:]
    while text and text[0] == delimiter:
        text = text[1:]
    return until(speech, semantic_eos), until(text, text_eos)


def without_padding(ids, pad):
    """Trailing padding only: the same id inside a row is an ordinary one. The package's own text_pad_id 0 took those away as well."""
    while pad is not None and ids and ids[-1] == pad:
        ids = ids[:-1]
    return ids


def check(ids, most, what, where):
    for place, number in enumerate(ids):
        if not 0 <= number < most:
            raise PairsError(f"{where}: {what} id {place} is {number}, expected 0 to {most - 1}")


def flat(rows):
    ids, begin = [], [0]
    for row in rows:
        ids.extend(row)
        begin.append(len(ids))
    if len(ids) > MOST:
        raise PairsError(f"{len(ids)} ids in one shard, expected at most {MOST}; fewer rows a shard are needed")
    return ids, begin


def shards(pairs, num_semantic_token_ids, num_text_token_ids, made_by, shard_rows):
    """File names and what they hold, from a list of (speech, text): the bytes that spearstorm::train::save_pair_shard writes."""
    for number, first in enumerate(range(0, len(pairs), shard_rows)):
        held = pairs[first:first + shard_rows]
        metadata = dict(format=FORMAT, format_version=VERSION, num_semantic_token_ids=num_semantic_token_ids, num_text_token_ids=num_text_token_ids,
                        rows_of_set=len(pairs), run_lengths=0, rank=0, size=1, shard=number, first_row=first, rows=len(held), made_by=made_by)
        tensors = dict(zip(("semantic", "semantic_begin", "text", "text_begin"),
                           (*flat(speech for speech, _ in held), *flat(text for _, text in held)), strict=True))
        header, offset = {"__metadata__": {key: str(metadata[key]) for key in sorted(metadata)}}, 0
        for name, values in tensors.items():
            header[name] = dict(dtype="I32", shape=[len(values)], data_offsets=[offset, offset + 4 * len(values)])
            offset += 4 * len(values)
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        text += b" " * (-len(text) % 8)
        data = b"".join(struct.pack(f"<{len(values)}i", *values) for values in tensors.values())
        yield f"pairs-{number:05d}-rank-0-of-1.safetensors", struct.pack("<Q", len(text)) + text + data
