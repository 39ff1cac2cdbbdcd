"""WAV and FLAC headers and 16-bit WAV files, for the corpus tools, with the standard library alone."""

import os
import struct
import tempfile


class AudioError(ValueError):
    pass


def atomic_write(path, data):
    """Writes to a temporary name in the same folder, then renames: readers never see half a file."""
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path) or ".", prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def wav_bytes(pcm16, sample_hz):
    return (b"RIFF" + struct.pack("<I", 36 + len(pcm16)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, sample_hz, 2 * sample_hz, 2, 16)
            + b"data" + struct.pack("<I", len(pcm16)) + pcm16)


def wav_chunks(data, path):
    """(format tag, channels, sample_hz, bits, samples' bytes) of a RIFF WAVE file."""
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise AudioError(f"{path}: not a RIFF WAVE file")
    at, layout = 12, None
    while at + 8 <= len(data):
        name, size = data[at:at + 4], struct.unpack_from("<I", data, at + 4)[0]
        if name == b"fmt " and size >= 16 and at + 24 <= len(data):
            tag, channels, sample_hz, _, _, bits = struct.unpack_from("<HHIIHH", data, at + 8)
            if tag == 0xFFFE and size >= 26:  # extensible: the true tag opens the sub-format's GUID
                tag = struct.unpack_from("<H", data, at + 8 + 24)[0]
            layout = (tag, channels, sample_hz, bits)
        elif name == b"data":
            if layout is None:
                raise AudioError(f"{path}: data before fmt")
            return (*layout, data[at + 8:at + 8 + size])  # a stream's unknown size (0xffffffff) means: to the end
        at += 8 + size + size % 2
    raise AudioError(f"{path}: no data chunk")


def duration(path):
    """(sample_hz, samples per channel) of a WAV or FLAC file."""
    with open(path, "rb") as file:
        head = file.read(4)
        if head == b"fLaC":  # STREAMINFO always comes first
            info = file.read(4 + 34)
            if len(info) < 38:
                raise AudioError(f"{path}: FLAC header is cut short")
            packed = int.from_bytes(info[14:22], "big")  # 20 bits rate, 3 channels - 1, 5 bits - 1, 36 samples
            return packed >> 44, packed & ((1 << 36) - 1)
        _, channels, sample_hz, bits, samples = wav_chunks(head + file.read(), path)
    if channels * bits < 8 or sample_hz == 0:
        raise AudioError(f"{path}: {channels} channels of {bits} bits at {sample_hz} Hz")
    return sample_hz, len(samples) // (channels * bits // 8)
