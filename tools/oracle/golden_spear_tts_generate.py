"""Recordings of TextToSemantic.generate: greedy, sampled with its random numbers, guided, and beam search.

All have the parameters of the first. Seeds are searched until no choice hangs on rounding: the best two tokens of every draw, the last token that a
filter keeps and the first that it drops, the last beam that is kept and the first that is not, all differ by more than MARGIN. The logits that
the package computed with its cache must equal those of a full pass without one. Rows end with their first eos, behind which the package leaves
anything (../../REFERENCE-FAULTS.md, 25). Its beams go on behind their end (27); `best_of` is a search whose finished beams are kept aside.
"""

import contextlib
import dataclasses
import itertools
import math

import torch
import torch.nn.functional as F

import reference
from golden_spear_tts import build, count_of, draw_ids, near, new_golden, package_settings, pad_rows, with_eos
from spear_tts_cases import Case, body

MARGIN = 1e-3
MODEL = body(source_depth=2, target_depth=2, heads=4, target_kv_heads=2, cond_drop_prob=0.25)
PARAMS = dict(name="spear_tts_generate_greedy", seed=20021)


@dataclasses.dataclass
class Generation:
    name: str
    source: str = "text"
    target: str = "speech"
    lengths: tuple = (5, 3, 4)
    max_length: int = 9
    temperature: float = 1e-10
    filter: dict = dataclasses.field(default_factory=lambda: dict(name="top_k", k=1))
    cond_scale: float = 1.0
    beam_size: int = 0
    n_best: int = 3
    length_penalty: float = 0.0
    finished: bool = True  # whether all of the best beams have ended
    seed: int = 0          # where the search for one begins


class Close(Exception):
    """Some choice hangs on rounding, or the recording shows too little."""


def expect(holds):
    if not holds:
        raise Close


def model_of():
    """Embeddings and the decoder's layers are larger than elsewhere, so that tokens differ in probability and do not repeat themselves."""
    model = build(Case(PARAMS["name"], "text", "speech", MODEL, params_seed=PARAMS["seed"])).eval()
    with torch.no_grad():
        for emb in model.token_emb.values():
            emb.weight.mul_(1.5)
        for key, value in model.target_transformer.named_parameters():
            if key.endswith(("to_out.weight", "2.4.weight")):
                value.mul_(3.0)
    return model


def encoded(model, kind, ids):
    """The encoder's output for rows of ids (rows, frames), -1 being padding, and its mask."""
    ids = with_eos(ids, model.eos_id[kind])
    return model.source_transformer(model.token_emb[kind](ids.clamp(min=0)), ids >= 0), ids >= 0


def next_logits(model, generation, source, mask, target):
    """Logits of all positions of target (rows, tokens) and of the next one: (rows, tokens + 1, vocab), without a cache."""
    kind = generation.target
    emb = torch.cat((model.start_token[kind].expand(len(target), 1, -1), model.token_emb[kind](target)), dim=1)
    shown = model.to_logits[kind](model.target_transformer(emb, context=source, context_mask=mask))
    if generation.cond_scale == 1:
        return shown
    hidden = model.to_logits[kind](model.target_transformer(emb, context=source, context_mask=torch.zeros_like(mask)))
    return hidden + (shown - hidden) * generation.cond_scale


def filter_of(generation, edges):
    """The package's filter, leaving in edges how far each row's choice is from its limit."""
    package, options = reference.spear_tts(), {key: value for key, value in generation.filter.items() if key != "name"}

    def top_k(logits):
        kept = options.get("k") or math.ceil(options["thres"] * logits.shape[-1])
        best = logits.sort(dim=-1, descending=True).values
        edges.append(best[:, kept - 1] - best[:, kept])
        return package.top_k(logits, **options)

    def top_p(logits):
        total = logits.sort(dim=-1, descending=True).values.softmax(dim=-1).cumsum(dim=-1)
        edges.append((total[:, :-1] - options["thres"]).abs().amin(dim=-1))
        return package.top_p(logits, **options)

    return dict(top_k=top_k, top_p=top_p, none=None)[generation.filter["name"]]


@contextlib.contextmanager
def recorded(model, generation):
    """The package's generate inside leaves its logits, its uniform and its Gumbel numbers, each (batch, vocab) for each step."""
    package, seen = reference.spear_tts(), dict(logits=[], uniform=[], gumbel=[], edges=[], filtered=[])
    kept = package.gumbel_noise, package.tqdm
    chosen = filter_of(generation, seen["edges"])

    def noise(t):
        seen["uniform"].append(torch.zeros_like(t).uniform_(0, 1))
        seen["gumbel"].append(-package.log(-package.log(seen["uniform"][-1])))
        return seen["gumbel"][-1]

    def filtering(logits):
        seen["logits"].append(logits.clone())
        seen["filtered"].append(chosen(logits))
        return seen["filtered"][-1]

    package.gumbel_noise, package.tqdm = noise, lambda steps: steps
    try:
        with package_settings(model, False, **{generation.source: count_of_kind(generation.source) - 1, generation.target: -1}):
            yield seen, filtering
    finally:
        package.gumbel_noise, package.tqdm = kept


def count_of_kind(kind):
    return count_of(Case("", "", "", MODEL), kind)


def package_tokens(model, generation, source, filtering, **options):
    spare = count_of_kind(generation.source) - 1
    return model.generate(source.masked_fill(source < 0, spare), source_type=generation.source, target_type=generation.target,
                          temperature=generation.temperature, filter_logits_fn=filtering, max_length=generation.max_length,
                          cond_scale=generation.cond_scale, **options)


def until_eos(tokens, eos):
    """Tokens up to the first eos of each row, -1 behind it."""
    behind = F.pad((tokens == eos).cumsum(dim=-1) > 0, (1, -1))
    return tokens.masked_fill(behind, -1)


def start(model, generation, seed):
    source = draw_ids(seed, generation.lengths, count_of_kind(generation.source) - 1)
    hidden = ("name", "source", "target", "lengths", "finished", "seed")
    about = {key: value for key, value in dataclasses.asdict(generation).items() if key not in hidden}
    golden = new_golden(generation.name, model, PARAMS["name"] if generation.name != PARAMS["name"] else "", source_type=generation.source,
                        target_type=generation.target, text_to_semantic=MODEL, generate=about, margin=MARGIN)
    return golden.put("input", source=source), source


def drawn(model, generation, seed):
    """Greedy or sampled: one token for each row and step."""
    golden, source = start(model, generation, seed)
    torch.manual_seed(seed + 7)
    with recorded(model, generation) as (seen, filtering):
        raw = package_tokens(model, generation, source, filtering)
    tokens = until_eos(raw, model.eos_id[generation.target])
    live, lengths = tokens >= 0, (tokens >= 0).sum(dim=1)
    steps = {key: torch.stack(values, dim=1) for key, values in seen.items()}  # (batch, steps, vocab), edges (batch, steps)
    best = (steps["filtered"] / max(generation.temperature, 1e-10) + steps["gumbel"]).topk(2, dim=-1)
    assert (best.indices[..., 0] == tokens)[live].all()
    gaps = (best.values[..., 0] - best.values[..., 1]) * min(1.0, generation.temperature)
    if generation.filter.get("k") == 1:  # the others are dropped
        gaps = steps["edges"]
    expect((gaps[live] > MARGIN).all() and (steps["edges"][live] > MARGIN).all())
    expect(lengths.min() >= 3 and lengths.unique().numel() > 1 and len(raw.unique()) > 3)
    again = next_logits(model, generation, *encoded(model, generation.source, source), raw.clamp(min=0)[:, :-1])
    near_logits(again[live], steps["logits"][live])
    golden.put("output", tokens=tokens, logits=steps["logits"].masked_fill(~live[..., None], 0), margin=gaps.masked_fill(~live, 0))
    return golden if generation.filter.get("k") == 1 else golden.put("noise", uniform=steps["uniform"], gumbel=steps["gumbel"])


def near_logits(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


class Scorer:
    """Log probabilities of what follows some tokens, for one row of source."""

    def __init__(self, model, generation, ids):
        self.model, self.generation = model, generation
        self.source, self.mask = encoded(model, generation.source, ids[ids >= 0][None])

    def __call__(self, prefixes):
        rows = len(prefixes)
        logits = next_logits(self.model, self.generation, self.source.expand(rows, -1, -1), self.mask.expand(rows, -1), torch.tensor(prefixes).long())
        return logits[:, -1].log_softmax(dim=-1)


def extended(beams, scorer):
    """Each beam with each next token, the likeliest first."""
    rows = scorer([tokens for tokens, _ in beams])
    made = [(tokens + (token,), total + found) for (tokens, total), row in zip(beams, rows) for token, found in enumerate(row.tolist())]
    return sorted(made, key=lambda beam: -beam[1])


def package_beams(scorer, size, steps):
    """The package's search, in which an ended beam goes on."""
    beams = [((), 0.0)]
    for _ in range(steps):
        made = extended(beams, scorer)
        apart(made, size)
        beams = made[:size]
    return beams


def apart(beams, count):
    """The kept beams differ from each other and from the first that is not kept."""
    for (_, left), (_, right) in itertools.pairwise(beams[:count + 1]):
        expect(left - right > MARGIN)


def best_of(scorer, generation, eos, rule):
    """The n best of a beam search: (tokens, log probability, score) each, score = log probability / tokens ** length_penalty.

    A beam that ends is kept aside, and the best beams that have not go on until none of them can do better. Those that reach max_length
    count as they are. rule: "any": every beam's end is kept aside, "ranked": only where it is among the best beam_size continuations.
    """
    size = generation.beam_size
    scored = lambda tokens, total: (tokens, total, total / len(tokens) ** generation.length_penalty)  # noqa: E731
    live, ended, moved = [((), 0.0)], [], False
    for step in range(1, generation.max_length + 1):
        made = extended(live, scorer)
        if rule == "ranked":
            apart(made, size)
        ends = [number for number, (tokens, _) in enumerate(made) if tokens[-1] == eos and (rule == "any" or number < size)]
        ended = sorted(ended + [scored(*made[number]) for number in ends], key=lambda beam: -beam[2])
        going = [beam for beam in made if beam[0][-1] != eos]
        apart(going, size)
        places = [[beam[0] for beam in live].index(tokens[:-1]) for tokens, _ in going[:size]]
        moved = moved or (step > 1 and places != sorted(set(places)))
        live = going[:size]
        bound = live[0][1] / generation.max_length ** generation.length_penalty
        if len(ended) >= generation.n_best and ended[generation.n_best - 1][2] >= bound:
            break
    expect(moved)  # a cache that does not go with its beam would show
    best = sorted(ended + [scored(*beam) for beam in live], key=lambda beam: -beam[2])
    for left, right in itertools.pairwise(best[:generation.n_best + 1]):
        expect(left[2] - right[2] > MARGIN)
    return best[:generation.n_best]


def searched(model, generation, seed):
    """Beam search: the package's tokens, and the n best of a right one by each rule."""
    golden, source = start(model, generation, seed)
    eos = model.eos_id[generation.target]
    scorers = [Scorer(model, generation, row) for row in source]
    found, ranked = ([best_of(scorer, generation, eos, rule) for scorer in scorers] for rule in ("any", "ranked"))
    expect(all(max(len(beam[0]) for beam in best) > 2 for best in found))
    expect(len({token for best in found for beam in best for token in beam[0]}) > 4)
    ends = [beam[0][-1] == eos for best in found for beam in best]
    expect(all(ends) if generation.finished else any(ends) and not all(ends))
    with recorded(model, generation):
        raw = package_tokens(model, generation, source, reference.spear_tts().top_k, beam_search_decode=True, beam_size=generation.beam_size)
    theirs = until_eos(raw, eos)
    for scorer, tokens in zip(scorers, theirs):
        beam = torch.tensor(package_beams(scorer, generation.beam_size, raw.shape[1])[0][0])
        assert (until_eos(beam[None], eos)[0] == tokens).all()
    differ = [tokens[tokens >= 0].tolist() != list(best[0][0]) for tokens, best in zip(theirs, found)]
    expect(any(differ))
    golden.put("output", package_tokens=theirs)
    for prefix, beams in (("output", found), ("ranked", ranked)):
        rows = pad_rows([torch.tensor(beam[0]) for best in beams for beam in best]).reshape(len(source), generation.n_best, -1)
        column = lambda place: torch.tensor([[beam[place] for beam in best] for best in beams])  # noqa: B023, E731
        golden.put(prefix, tokens=rows, lengths=(rows >= 0).sum(dim=-1), log_probs=column(1), scores=column(2))
    return golden


def generations():
    made = lambda name, **other: Generation(f"spear_tts_generate_{name}", **other)  # noqa: E731
    beam = dict(lengths=(4, 3), temperature=1.0, beam_size=3, filter=dict(name="none"))
    return [
        made("greedy"),
        made("greedy_text", source="speech", target="text", seed=21),
        made("top_k", temperature=0.9, filter=dict(name="top_k", thres=0.3)),
        made("top_p", temperature=1.1, filter=dict(name="top_p", thres=0.9), seed=1),
        made("guided", cond_scale=1.5),
        made("beam", **beam, seed=16),
        made("beam_penalty", **beam, length_penalty=0.7, seed=6),
        made("beam_cut", **dict(beam, lengths=(3, 5)), length_penalty=0.7, max_length=4, finished=False, seed=30),
        made("beam_guided", **beam, length_penalty=0.7, cond_scale=1.5, finished=False),
    ]


def generate_golden(model, generation):
    for seed in range(generation.seed, generation.seed + 400):
        with contextlib.suppress(Close), torch.no_grad():
            return (searched if generation.beam_size else drawn)(model, generation, seed)
    raise ValueError(f"{generation.name}: every seed has a close choice")


def spear_tts_generate_goldens():
    model = model_of()
    for generation in generations():
        yield generate_golden(model, generation)
