"""Ids of x_clip's tokenizer for 10,000 generated texts that its clean-up (ftfy, HTML entities) leaves unchanged.

The tokenizer is the package's, with its own vocabulary and with 1000 merges of it; those are in the golden, so that a test needs no other file.
"""

import html
import importlib.metadata
import importlib.util
import pathlib
import random
import tempfile
import unicodedata

import ftfy
import torch

from golden import Golden

COUNT, MERGES, LONGEST = 10000, 1000, 48  # texts, merges of the small vocabulary, bytes of a text

WORDS = """a the of to and hello world photo picture cat dogs running beautiful extraordinarily speech token semantic Tuesday WHITE NaN don't I'll
you're we've I'm he'd it's o'clock rock'n'roll 'tis ''' ' 's 'S 't 'LL'd 'ſ 'Re'vE 'm' <|startoftext|> <|endoftext|> <|EndOfText|> <|ſtartoftext|>
<|startoftext <| |> </w> naïve café Äpfel straße STRASSE ẞ œuvre Øre łódź ŽLUŤOUČKÝ Đông ﬁx ǅ ǈubav Ǆ ſ ª º İstanbul İİ DİYARBAKIR ışık IŞIK iı
ΣΊΣΥΦΟΣ ΟΔΥΣΣΕΥΣ ΣΣ Σ ΑΣ ΑΣ' ΑΣ. Α.Σ Α'Σ ΣΑΣ-ΣΑ ΑΣ·Σ ΑΣ1 1Σ ΑΣ’Α ΛΟΓΟΣ λόγος ᾳ ᾼ Ὀδυσσεύς ʰΣ ⅣΣ ⒶΣ ªΣ ΑΣʰ ΑΣⅣ МОСКВА привет ЁЖ їжак Ѣ Ԑ
שלום مرحبا بالعالم السلام نستعلیق ١٢٣ ۴۵۶ नमस्ते हिन्दी १२ สวัสดี ไทย ๑๒ ქართული Ა ᲐᲑ Հայերեն ԵՒ և አማርኛ ᎠᏂ ꭰ 𐐀𐐨 𞤀 Ⰰⰰ ᠮᠣᠩ བོད ខ្មែរ
日本語 こんにちは カタカナ 東京都 中文 漢字 你好 한국어 안녕하세요 ꀀ 12 3.14 1,000 ½ ² ³ ⅔ Ⅳ ⅷ ① ⓐ Ⓩ 〇 一二三 ۲ ০১ ൧ 𝟘 𝒜 𝔘 𝟙𝟚 🄰 🅱 ₂ ⁿ
e\u0301\u0323 x\u0301 q\u0308\u0308 \u0301 \u0345 a\u0345b Σ\u0301 ΑΣ\u0301 ΑΣ\u0345 n\u20dd \u0e49 ـَ zero\u200bwidth soft\u00adhyphen \u200d \u200e \u2060 ΑΣ\u00ad
😀 👍🏽 👩‍👩‍👧 🇩🇪 ❤️ 🏳️‍🌈 1️⃣ ☕ 🎉🎉 ✨ 🫠 ☺ ✔︎ ♥ ★ → ≠ ∑ ∞ √2 € £5 ¥ ₿ © ® ™ ° § ¶ † • … – — « » ¿ ¡ !? ... --- #tag @name a@b.c http://x.y/z?q=1
$ % + / = > [ ^ _ ` { | } ~ ! !; != !( $$ _x_ :-) ;) :D (: \\ ** // == <3 "a" (b) [c] {d}""".split()
SPACES = [" ", " ", " ", " ", "", "", "", "  ", "\t", "\n", " \n ", "\f", "\u00a0", "\u1680", "\u2003", "\u2009\u200a", "\u202f", "\u205f"]
POOLS = [(0x21, 0x7F), (0xA1, 0x180), (0x180, 0x250), (0x250, 0x370), (0x300, 0x370), (0x370, 0x400), (0x400, 0x530), (0x531, 0x600),
         (0x600, 0x700), (0x900, 0xA00), (0xE00, 0xF00), (0x10A0, 0x1100), (0x1200, 0x1380), (0x13A0, 0x1400), (0x1E00, 0x2000),
         (0x2010, 0x2070), (0x2070, 0x20F0), (0x2100, 0x2300), (0x2460, 0x2600), (0x2600, 0x27C0), (0x3001, 0x3100), (0x4E00, 0x9FA5),
         (0xAC00, 0xD7A4), (0x10400, 0x10450), (0x1D400, 0x1D800)]


def tokenizer_module():
    """x_clip/tokenizer.py alone: the package's __init__ would import its networks."""
    folder = pathlib.Path(importlib.util.find_spec("x_clip").submodule_search_locations[0])
    spec = importlib.util.spec_from_file_location("x_clip_tokenizer", folder / "tokenizer.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def left_unchanged(text):
    return html.unescape(html.unescape(ftfy.fix_text(text))) == text


def varied(word, draw):
    case = draw.random()
    return word.upper() if case < 0.15 else word.title() if case < 0.25 else word


def pooled(draw):
    """A run of one script, of characters old enough for every version of Unicode in use."""
    first, last = draw.choice(POOLS)
    points = [draw.randrange(first, last) for _ in range(draw.randint(1, 5))]
    return "".join(chr(p) for p in points if unicodedata.ucd_3_2_0.category(chr(p)) != "Cn")


def generated_texts():
    draw = random.Random(5)
    texts = dict.fromkeys(word for word in ["", " ", " \t", *WORDS] if left_unchanged(word))
    while len(texts) < COUNT:
        text = draw.choice(["", "", "", " ", "\u2003"])
        for _ in range(draw.choice([1, 2, 2, 3, 3, 4, 5])):
            text += (pooled(draw) if draw.random() < 0.35 else varied(draw.choice(WORDS), draw)) + draw.choice(SPACES)
        if len(text.encode()) <= LONGEST and left_unchanged(text):
            texts[text] = None
    return list(texts)


def small_vocabulary(merges, full, texts):
    """The first merges, which are English, then those that the texts use most, each with the merges that its parts come from."""
    made_by = {"".join(merge): merge for merge in merges}
    used = {}
    for text in texts:
        for token in full.encode(text):
            if full.decoder[token] in made_by:
                used[full.decoder[token]] = used.get(full.decoder[token], 0) + 1
    chosen = {"".join(merge) for merge in merges[:500]}

    def closure(token):
        if token not in made_by or token in chosen:
            return set()
        return {token}.union(*(closure(part) for part in made_by[token]))

    for token in sorted(used, key=lambda token: (-used[token], token)):
        if len(chosen | closure(token)) <= MERGES:
            chosen |= closure(token)
    return [merge for merge in merges if "".join(merge) in chosen]


def ragged(rows):
    """Ids as pairs (low byte, high byte), and how many each text has."""
    ids = torch.tensor([i for row in rows for i in row])
    return torch.stack([ids % 256, ids // 256], dim=1).to(torch.uint8), torch.tensor([len(row) for row in rows], dtype=torch.uint8)


def clip_goldens():
    module = tokenizer_module()
    full, texts = module.SimpleTokenizer(), generated_texts()
    lines = pathlib.Path(module.default_bpe()).read_text(encoding="utf8").split("\n")
    merges = small_vocabulary([tuple(line.split()) for line in lines[1:48895]], full, texts)
    vocabulary = "\n".join(["#version: a part of bpe_simple_vocab_16e6.txt", *(" ".join(merge) for merge in merges)])
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "vocabulary.txt"
        path.write_text(vocabulary, encoding="utf8")
        small = module.SimpleTokenizer(path)

    golden = Golden("clip_tokenizer", merges=len(merges), axes="text (bytes), text_lengths (texts); vocabulary (bytes); ids (ids, low and high byte)",
                    note="all numbers are bytes; a length is that of one text, in bytes or in ids; *_full is with all 48894 merges")
    pins = [f"{name} {importlib.metadata.version(name)}" for name in ("x-clip", "ftfy", "regex")]
    golden.about["made_by"] = ", ".join(pins)
    as_bytes = lambda text: torch.frombuffer(bytearray(text), dtype=torch.uint8)  # noqa: E731
    encoded = [text.encode() for text in texts]
    golden.tensors["input.text"] = as_bytes(b"".join(encoded))
    golden.tensors["input.text_lengths"] = torch.tensor([len(text) for text in encoded], dtype=torch.uint8)
    golden.tensors["input.vocabulary"] = as_bytes(vocabulary.encode())
    for name, tokenizer in {"": small, "_full": full}.items():
        ids, lengths = ragged([tokenizer.encode(text) for text in texts])
        golden.tensors.update({f"output.ids{name}": ids, f"output.id_lengths{name}": lengths})
    yield golden
