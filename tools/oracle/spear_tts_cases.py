"""The configurations of TextToSemantic of which goldens are made: kinds, padding, grouped heads, early exit, dropped conditions, pretraining."""

import dataclasses

import torch


@dataclasses.dataclass
class Case:
    name: str
    source: str                   # "text" or "speech"
    target: str
    model: dict                   # every argument of TextToSemantic that shapes the network or the loss
    source_lengths: tuple = (5, 3, 4)  # ids of each row, without what ends it
    target_lengths: tuple = (4, 5, 2)
    dropped: tuple = (0, 0, 0)    # 1 where the source is hidden from the decoder
    early_exit: bool = False      # the early exit's loss is added
    encoder: bool = False         # keeps the encoder's output
    pretrain: str = ""            # "delete" (the deleted ids are the target), "whole" (all ids are), "mask" (mask_id stands for the deleted)
    lengths: tuple = ()           # pretraining: ids of each row
    deleted: tuple = ()           # pretraining: frames deleted in each row; drawn by the package where this is empty
    deletion_prob: float = 0.4
    mask_id: int = -1             # an ordinary id: the package's table has no row for another
    wrapper: str = ""             # the class of the package that this loss must equal too
    params: str = ""              # the case that has the same parameters
    params_seed: int = 0
    seed: int = 0                 # of what is drawn
    note: str = ""
    dtype: torch.dtype = torch.float32


def body(**other):
    """Every argument of TextToSemantic, but for encoders, tokenizers, dropout and padding ids."""
    made = dict(dim=8, source_depth=1, target_depth=1, num_text_token_ids=9, num_semantic_token_ids=11, dim_head=4, heads=2,
                target_kv_heads=None, ff_mult=2, autoset_semantic_eos_id=True, autoset_text_eos_id=True, attn_flash=False,
                cond_drop_prob=0.0, target_early_exit_layer=None, detach_early_exit_embed=False, align_reg_loss_weight=0.1,
                align_reg_use_logsumexp_pool=True, align_reg_logsumexp_pool_temp=0.1)
    assert set(other) <= set(made), other
    return dict(made, **other)


LOSS_ONLY = ("cond_drop_prob", "detach_early_exit_embed", "attn_flash")  # and align_reg_*: arguments that shape no parameter
TEXT_TO_SPEECH, SPEECH_TO_TEXT, SPEECHES, TEXTS = ("text", "speech"), ("speech", "text"), ("speech", "speech"), ("text", "text")
GROUPS = dict(heads=4, target_kv_heads=2)
EXIT = dict(target_depth=2, target_early_exit_layer=1)
NO_SPEECH_EOS, NO_TEXT_EOS = dict(autoset_semantic_eos_id=False), dict(autoset_text_eos_id=False)
DROPS = dict(cond_drop_prob=0.25)
BASE, OF_EXIT = dict(params="text_speech"), dict(params="exit", early_exit=True)
ALL, SOME, ONE = (dict(BASE, dropped=rows) for rows in ((1, 1, 1), (1, 0, 1), (0, 1, 0)))
LONGER = dict(BASE, lengths=(7, 7, 7), wrapper="SpeechSpeechPretrainWrapper")
RAGGED = dict(BASE, lengths=(7, 4, 6), deleted=((0, 2, 5), (3,), (1, 2, 3, 5)), note="the package takes no padded rows")
ONCE = "the package draws the drop once for the batch"

SHAPES = [  # name, kinds, arguments of TextToSemantic, fields of Case
    ("text_speech", TEXT_TO_SPEECH, {}, dict(encoder=True)),
    ("speech_text", SPEECH_TO_TEXT, {}, BASE),
    ("speech_speech", SPEECHES, {}, BASE),
    ("text_text", TEXTS, {}, BASE),
    ("full", TEXT_TO_SPEECH, {}, dict(BASE, source_lengths=(4, 4), target_lengths=(5, 5), dropped=(0, 0), note="no padding")),
    ("empty_target", SPEECH_TO_TEXT, {}, dict(BASE, source_lengths=(1, 4, 2), target_lengths=(3, 0, 1), note="the second row is its end only")),
    ("kv1", TEXT_TO_SPEECH, dict(GROUPS, target_kv_heads=1), {}),
    ("kv2", SPEECH_TO_TEXT, GROUPS, {}),
    ("flash", TEXT_TO_SPEECH, dict(GROUPS, attn_flash=True), dict(params="kv2")),
    ("odd", TEXT_TO_SPEECH, dict(dim=9, heads=3, ff_mult=3), dict(encoder=True)),
    ("deep", SPEECHES, dict(source_depth=2, target_depth=2, num_semantic_token_ids=20, target_kv_heads=1), {}),
    ("wide_head", TEXTS, dict(dim=6, dim_head=8, ff_mult=4, num_text_token_ids=7), {}),
    ("exit", TEXT_TO_SPEECH, EXIT, dict(early_exit=True)),
    ("exit_detached", TEXT_TO_SPEECH, dict(EXIT, detach_early_exit_embed=True), OF_EXIT),
    ("exit_unused", TEXT_TO_SPEECH, EXIT, dict(params="exit", note="the early exit is there, its loss is not asked for")),
    ("exit_last", TEXT_TO_SPEECH, dict(EXIT, target_early_exit_layer=2), OF_EXIT),
    ("exit_kv1_drop", TEXT_TO_SPEECH, dict(EXIT, **DROPS, target_kv_heads=1), dict(dropped=(1, 1, 1), early_exit=True)),
    ("no_speech_eos", TEXT_TO_SPEECH, NO_SPEECH_EOS, {}),
    ("no_text_eos", SPEECH_TO_TEXT, NO_TEXT_EOS, {}),
    ("no_eos", TEXT_TO_SPEECH, dict(NO_SPEECH_EOS, **NO_TEXT_EOS, target_early_exit_layer=1), dict(early_exit=True)),
    ("drop_same_kind", SPEECHES, DROPS, dict(ALL, note="no alignment loss where source and target are of one kind")),
    ("drop", TEXT_TO_SPEECH, DROPS, ALL),
    ("drop_smooth", SPEECH_TO_TEXT, dict(DROPS, align_reg_loss_weight=0.7, align_reg_logsumexp_pool_temp=0.3), ALL),
    ("drop_max", TEXT_TO_SPEECH, dict(DROPS, align_reg_loss_weight=0.5, align_reg_use_logsumexp_pool=False), ALL),
    ("drop_unaligned", TEXT_TO_SPEECH, dict(DROPS, align_reg_loss_weight=0.0), ALL),
    ("drop_some", TEXT_TO_SPEECH, dict(DROPS, align_reg_loss_weight=0.4), dict(SOME, note=f"{ONCE}; the alignment loss is over the dropped rows")),
    ("drop_one", SPEECH_TO_TEXT, DROPS, dict(ONE, note=f"{ONCE}; its alignment loss of one row is not a number, here there is none")),
    ("deletion", SPEECHES, {}, dict(LONGER, pretrain="delete")),
    ("deletion_whole", SPEECHES, {}, dict(LONGER, pretrain="whole")),
    ("deletion_ragged", SPEECHES, {}, dict(RAGGED, pretrain="delete")),
    ("mask_id", SPEECHES, {}, dict(LONGER, pretrain="mask", mask_id=4)),
    ("mask_id_ragged", SPEECHES, {}, dict(RAGGED, pretrain="mask", mask_id=9)),
    ("semantic_to_text", SPEECH_TO_TEXT, GROUPS, dict(params="kv2", wrapper="SemanticToTextWrapper")),
    ("text_to_semantic", TEXT_TO_SPEECH, EXIT, dict(OF_EXIT, wrapper="TextToSemanticWrapper")),
    ("f64", TEXT_TO_SPEECH, {}, dict(dtype=torch.float64, source_lengths=(5, 3), target_lengths=(2, 4), dropped=(0, 0))),
    ("f64_drop", SPEECH_TO_TEXT, DROPS, dict(ALL, params="f64", dtype=torch.float64)),
]


def shape_of(model):
    """What shapes the parameters."""
    return {key: value for key, value in model.items() if key not in LOSS_ONLY and not key.startswith("align_reg")
            and (key != "target_early_exit_layer" or value is None)}


def cases():
    seeds, shapes = {}, {}
    for number, (name, (source, target), model, case) in enumerate(SHAPES):
        leader = case.get("params", name)
        seeds[name], shapes[name] = 10000 + 20 * number, shape_of(body(**model))
        assert shapes[name] == shapes[leader], name
        given = dict(case, params=f"spear_tts_{leader}" if leader != name else "")
        yield Case(f"spear_tts_{name}", source, target, body(**model), params_seed=seeds[leader], seed=seeds[name], **given)
