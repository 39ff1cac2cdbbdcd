"""What a state_dict of spear-tts-pytorch's TextToSemantic holds, from the constructor's arguments: keys, shapes, aliases. Needs neither torch
nor the package. The same functions as package_layout has for SoundStorm.

Arguments are one dictionary of the constructor's numbers and flags. semantic_mask_token is ours: a learned row for masked tokens that the package
does not have, so its tensor stays in the safetensors file.
"""

from package_layout import LayoutError, told_differences

PACKAGE = "spear-tts-pytorch"
GENERATIONS = ("0.4.8",)
OTHER_MODELS = ("wav2vec.",)  # that a TextToSemantic carries along; stored as it is
OURS = ("semantic_mask_token",)  # tensors and arguments that the package does not have
OPENAI_VOCABULARY = 49408  # of use_openai_tokenizer
REQUIRED = ("dim", "source_depth", "target_depth", "num_semantic_token_ids")
OPTIONAL = ("num_text_token_ids", "target_kv_heads", "target_early_exit_layer")  # numbers or null


def defaults(generation):
    """The package's own, of every argument that is a number or a flag; None where one must be given."""
    if generation not in GENERATIONS:
        raise LayoutError(f"generation is {generation!r}, expected {' or '.join(GENERATIONS)} of spear-tts-pytorch")
    return dict(dim=None, source_depth=None, target_depth=None, num_text_token_ids=None, use_openai_tokenizer=False, num_semantic_token_ids=None,
                dim_head=64, heads=8, target_kv_heads=None, attn_dropout=0.0, ff_mult=4, ff_dropout=0.0, semantic_pad_id=-1, text_pad_id=0,
                autoset_semantic_eos_id=True, autoset_text_eos_id=True, attn_flash=False, cond_drop_prob=0.0, target_early_exit_layer=None,
                detach_early_exit_embed=False, align_reg_loss_weight=0.1, align_reg_use_logsumexp_pool=True, align_reg_logsumexp_pool_temp=0.1,
                semantic_mask_token=False)


def completed(given, generation):
    """The arguments with the package's defaults where none is given."""
    made = defaults(generation)
    if not isinstance(given, dict):
        raise LayoutError(f"the configuration is a {type(given).__name__}, expected an object")
    for name in given:
        if name not in made:
            raise LayoutError(f"configuration field '{name}' is unknown, expected one of {', '.join(made)}")
    made.update(given)
    for name, wanted in defaults(generation).items():
        value = made[name]
        if isinstance(wanted, bool):
            fits, what = isinstance(value, bool), "true or false"
        elif isinstance(wanted, float):
            fits, what = type(value) in (int, float), "a number"
        else:
            fits, what = type(value) is int or (value is None and name in OPTIONAL), "a whole number"
        if not fits:
            raise LayoutError(f"configuration field '{name}' is {'missing' if value is None else repr(value)}, expected {what}")
    if (made["num_text_token_ids"] is None) != made["use_openai_tokenizer"]:
        raise LayoutError(f"configuration field 'num_text_token_ids' is {made['num_text_token_ids']}, 'use_openai_tokenizer' is "
                          f"{made['use_openai_tokenizer']}, expected one of the two")
    return made


def of_the_package(arguments):
    """Those that its constructor takes."""
    return {name: value for name, value in arguments.items() if name not in OURS}


def _feed_forward(at, dim, mult):
    inner = int(dim * mult * 2 / 3)
    return {f"{at}.0.gamma": (dim,), f"{at}.1.weight": (2 * inner, dim), f"{at}.1.bias": (2 * inner,), f"{at}.4.weight": (dim, inner),
            f"{at}.4.bias": (dim,)}


def _attention(at, dim, inner, key_inner):
    return {f"{at}.norm.gamma": (dim,), f"{at}.to_q.0.weight": (inner, dim), f"{at}.to_kv.0.weight": (2 * key_inner, dim), f"{at}.to_out.weight": (dim, inner)}


def _frequencies(part, layer):
    return f"{part}_transformer.layers.{layer}.0.rotary_emb.freqs"


def _all_keys(a):
    """Key -> shape of the whole state_dict in its order."""
    dim, heads, wide = a["dim"], a["heads"], a["dim_head"]
    speech = (a["num_semantic_token_ids"] + a["autoset_semantic_eos_id"], dim)
    text = ((OPENAI_VOCABULARY if a["use_openai_tokenizer"] else a["num_text_token_ids"]) + a["autoset_text_eos_id"], dim)
    made = {"semantic_token_emb.weight": speech, "token_emb.speech.weight": speech, "token_emb.text.weight": text, "start_token.speech": (dim,),
            "start_token.text": (dim,), "to_logits.speech.weight": speech, "to_logits.text.weight": text}
    for part, kv_heads in (("source", heads), ("target", a["target_kv_heads"] or heads)):
        for layer in range(a[f"{part}_depth"]):
            at = f"{part}_transformer.layers.{layer}"
            made[_frequencies(part, layer)] = (wide // 2,)
            made |= _attention(f"{at}.0", dim, heads * wide, kv_heads * wide)
            if part == "target":
                made |= {f"{at}.1.null_kv": (2, heads, 1, wide)} | _attention(f"{at}.1", dim, heads * wide, heads * wide)
            made |= _feed_forward(f"{at}.2", dim, a["ff_mult"])
        made[f"{part}_transformer.final_norm.gamma"] = (dim,)
    if a["target_early_exit_layer"]:
        at = "to_early_exit_semantic_logits"
        made |= _feed_forward(f"{at}.0.fn", dim, 4) | {f"{at}.1.gamma": (dim,), f"{at}.2.weight": speech}
    if a["semantic_mask_token"]:
        made["semantic_mask_token"] = (dim,)
    return made


def _aliases(a):
    made = {"semantic_token_emb.weight": "token_emb.speech.weight", "to_logits.speech.weight": "token_emb.speech.weight",
            "to_logits.text.weight": "token_emb.text.weight"}
    for part in ("source", "target"):
        made |= {_frequencies(part, layer): _frequencies(part, 0) for layer in range(1, a[f"{part}_depth"])}
    return made


def order(arguments, _generation):
    """Keys as the package's state_dict has them."""
    return list(_all_keys(arguments))


def expected(arguments, _generation):
    """Key -> shape of what a TextToSemantic of completed arguments has, aliases left out."""
    aliases = _aliases(arguments)
    return {key: shape for key, shape in _all_keys(arguments).items() if key not in aliases}


def of_another_model(key, _arguments):
    return key.startswith(OTHER_MODELS)


def aliases_of(state, arguments, same):
    """Tied tables and the frequencies of a transformer's layers. same(a, b): they agree bit for bit."""
    made = {key: source for key, source in _aliases(arguments).items() if source in state}
    for key, source in made.items():
        if key not in state:
            raise LayoutError(f"{key} is missing: it is {source} in spear-tts-pytorch")
        if not same(state[key], state[source]):
            raise LayoutError(f"{key} is not {source}, whose tensor it should be: they are one in spear-tts-pytorch")
    return made


def differences(shapes, arguments, generation):
    """Each line says in what a state_dict (key -> shape, aliases left out) contradicts the arguments."""
    return told_differences(shapes, expected(arguments, generation), lambda key: of_another_model(key, arguments))
