"""What a state_dict of soundstorm-pytorch holds, from the constructor's arguments: keys, shapes, aliases. Needs neither torch nor the package.

Arguments are one dictionary: codebook_size, num_quantizers, grouped_quantizers, "conformer" (arguments of Conformer), "soundstorm" (arguments of
SoundStorm), and semantic_dim (ours: the width of a semantic embedding that belongs to a TextToSemantic; 0: SoundStorm has its own).
"""

PACKAGE = "soundstorm-pytorch"
GENERATIONS = ("0.4.11", "0.5.0", "0.6.1")
OTHER_MODELS = ("soundstream.", "wav2vec.", "text_to_semantic.")  # that a SoundStorm carries along; stored as they are
OURS = ()  # tensors that the package does not have
CRITIC = "token_critic.net."  # the critic's network is the generator's
REQUIRED = ("codebook_size", "num_quantizers", "conformer.dim", "conformer.depth")
RATES = ("wav2vec_target_sample_hz", "wav2vec_downsample_factor", "codec_target_sample_hz", "codec_downsample_factor")


class LayoutError(ValueError):
    pass


def defaults(generation):
    """The package's own, of every argument that is a number or a name; None where one must be given."""
    if generation not in GENERATIONS:
        raise LayoutError(f"generation is {generation!r}, expected one of {', '.join(GENERATIONS)}")
    conformer = dict(dim=None, depth=None, dim_head=64, heads=8, ff_mult=4, conv_expansion_factor=2, conv_kernel_size=31, attn_dropout=0.0,
                     ff_dropout=0.0, conv_dropout=0.0, conv_causal=False, attn_flash=True, t5_rel_pos_bias=False)
    conformer.update(dict(num_residual_streams=4) if generation == "0.6.1" else dict(use_gateloop_layers=True))
    storm = dict(steps=18, self_cond=False, self_cond_train_prob=0.75, no_replace_prob=0.15, random_token_prob=0.1, schedule="linear",
                 can_mask_prev_unmasked=True, self_token_critic=False, critic_loss_weight=1.0, num_semantic_token_ids=None, semantic_pad_id=-1,
                 pad_id=None, **dict.fromkeys(RATES))
    return dict(codebook_size=None, num_quantizers=None, grouped_quantizers=1, semantic_dim=0, conformer=conformer, soundstorm=storm)


def completed(given, generation):
    """The arguments with the package's defaults where none is given."""
    made = defaults(generation)
    if not isinstance(given, dict):
        raise LayoutError(f"the configuration is a {type(given).__name__}, expected an object")
    for key, value in given.items():
        if key not in made:
            raise LayoutError(f"configuration field '{key}' is unknown, expected one of {', '.join(made)}")
        if not isinstance(made[key], dict):
            made[key] = value
            continue
        if not isinstance(value, dict):
            raise LayoutError(f"configuration field '{key}' is {value!r}, expected an object")
        for inner, argument in value.items():
            if inner not in made[key]:
                raise LayoutError(f"configuration field '{key}.{inner}' is unknown: soundstorm-pytorch {generation} has {', '.join(made[key])}")
            made[key][inner] = argument
    for path in REQUIRED:
        group, _, name = path.rpartition(".")
        if (made[group] if group else made)[name] is None:
            raise LayoutError(f"configuration field '{path}' is missing")
    kinds = dict(defaults(generation), codebook_size=1, num_quantizers=1)
    kinds["conformer"].update(dim=1, depth=1)
    for group, fields in (("", made), ("conformer.", made["conformer"]), ("soundstorm.", made["soundstorm"])):
        for name, value in fields.items():
            wanted = (kinds[group[:-1]] if group else kinds)[name]
            of_flag, of_number = isinstance(wanted, bool), type(wanted) is int
            if of_flag and not isinstance(value, bool) or of_number and type(value) is not int:
                raise LayoutError(f"configuration field '{group}{name}' is {value!r}, expected {'true or false' if of_flag else 'a whole number'}")
    storm = made["soundstorm"]
    if conditioned(made):
        for name in (*RATES, "num_semantic_token_ids"):
            if type(storm[name]) is not int:
                raise LayoutError(f"configuration field 'soundstorm.{name}' is {storm[name]!r}, expected a whole number, as the model is conditioned")
    return made


def conditioned(arguments):
    """As the package decides it."""
    storm = arguments["soundstorm"]
    return storm["wav2vec_downsample_factor"] is not None and storm["wav2vec_target_sample_hz"] is not None


def _linear(key, wide, narrow, bias=True):
    return {f"{key}.weight": (wide, narrow), **({f"{key}.bias": (wide,)} if bias else {})}


def _norm(key, dim):
    return {f"{key}.weight": (dim,), f"{key}.bias": (dim,)}


def _streams(key, dim, streams):
    return {f"{key}.norm.gamma": (dim,), f"{key}.static_alpha": (streams, streams + 1), f"{key}.dynamic_alpha_fn": (dim, streams + 1),
            f"{key}.dynamic_alpha_scale": (), f"{key}.static_beta": (streams,), f"{key}.dynamic_beta_fn": (dim,), f"{key}.dynamic_beta_scale": ()}


def _block(at, c, generation, first):
    dim, inner, wide = c["dim"], c["heads"] * c["dim_head"], c["dim"] * c["conv_expansion_factor"]
    newest = generation == "0.6.1"
    branch = ".branch" if newest else ""
    made = {}
    for name in ("ff1", "ff2"):
        key = f"{at}.{name}{branch}.fn"
        made |= _norm(f"{key}.norm", dim) | _linear(f"{key}.fn.net.0", dim * c["ff_mult"], dim) | _linear(f"{key}.fn.net.3", dim, dim * c["ff_mult"])
    attn, conv = f"{at}.attn{branch}", f"{at}.conv{branch}"
    made |= _norm(f"{attn}.norm", dim) | _linear(f"{attn}.fn.to_q", inner, dim, False) | _linear(f"{attn}.fn.to_kv", 2 * inner, dim, False)
    made |= _linear(f"{attn}.fn.to_out", dim, inner)
    made |= _norm(f"{conv}.net1.0", dim) | {f"{conv}.net1.2.weight": (2 * wide, dim, 1), f"{conv}.net1.2.bias": (2 * wide,)}
    made |= {f"{conv}.ds_conv.conv.weight": (wide, 1, c["conv_kernel_size"]), f"{conv}.ds_conv.conv.bias": (wide,),
             f"{conv}.net2.1.gamma": (1, wide, 1), f"{conv}.net2.2.weight": (dim, wide, 1), f"{conv}.net2.2.bias": (dim,)}
    made |= _norm(f"{at}.post_norm", dim)
    if newest and not first:
        made[f"{attn}.fn.to_value_residual_mix.0.weight"] = (c["heads"], dim)
    if newest and c["num_residual_streams"] > 1:
        for name in ("ff1", "attn", "conv", "ff2"):
            made |= _streams(f"{at}.{name}", dim, c["num_residual_streams"])
    if not newest and c["use_gateloop_layers"]:
        made |= {f"{at}.gateloop.norm.gamma": (dim,), f"{at}.gateloop.to_qkva.0.weight": (3 * dim, dim)}
    return made


def expected(arguments, generation):
    """Key -> shape of what a SoundStorm of completed arguments has, aliases left out."""
    c, storm, groups, codes = arguments["conformer"], arguments["soundstorm"], arguments["grouped_quantizers"], arguments["codebook_size"]
    dim, levels = c["dim"], arguments["num_quantizers"] * groups
    made = {}
    for layer in range(c["depth"]):
        made |= _block(f"net.conformer.layers.{layer}", c, generation, layer == 0)
    if c["t5_rel_pos_bias"]:
        made["net.conformer.rel_pos_bias.relative_attention_bias.weight"] = (32, c["heads"])
    if groups > 1:
        made |= _linear("net.embedding_proj.0", dim, dim * groups) | _norm("net.embedding_proj.1", dim)
    made["net.code_embeds.weight"] = ((codes + 1) * levels, dim)
    made |= _linear("net.heads.0", dim * levels, dim) | _norm("net.to_logits.0", dim)
    made |= {"net.to_logits.2.weight": (levels, dim, codes), "net.to_logits.2.bias": (1, 1, levels, codes)}
    if conditioned(arguments) and arguments["semantic_dim"]:
        made |= _linear("semantic_cond_to_model_dim", dim, arguments["semantic_dim"])
    elif conditioned(arguments):
        made["semantic_token_emb.weight"] = (storm["num_semantic_token_ids"], dim)
    if storm["self_cond"]:
        made |= {"null_embed": (dim,), "to_self_cond.weight": (dim, dim)}
    if storm["self_token_critic"]:
        made |= _linear("token_critic.to_logits", 1, dim)
    return made


def of_another_model(key, arguments):
    return key.startswith(OTHER_MODELS) or (arguments["semantic_dim"] > 0 and key == "semantic_token_emb.weight")


def aliases_of(state, arguments, same):
    """Keys of the critic's network, each with the generator's whose tensor it is. same(a, b): they agree bit for bit."""
    critic = arguments["soundstorm"]["self_token_critic"]
    made = {}
    for key in state:
        twin = "net." + key.removeprefix(CRITIC)
        if not (critic and key.startswith(CRITIC) and twin in state):
            continue
        if not same(state[key], state[twin]):
            raise LayoutError(f"{key} is not {twin}, whose tensor it should be: the critic of soundstorm-pytorch has the generator's network")
        made[key] = twin
    return made


def told_differences(shapes, wanted, is_another_models):
    """Each line says in what a state_dict (key -> shape) contradicts the wanted keys and shapes."""
    text = lambda shape: f"({', '.join(map(str, shape))})"  # noqa: E731
    lines = [f"missing: {key} {text(shape)}" for key, shape in wanted.items() if key not in shapes]
    lines += [f"not understood: {key} {text(shape)}" for key, shape in shapes.items() if key not in wanted and not is_another_models(key)]
    lines += [f"{key} is {text(shapes[key])}, the configuration says {text(shape)}" for key, shape in wanted.items()
              if key in shapes and tuple(shapes[key]) != shape]
    return lines


def differences(shapes, arguments, generation):
    """Each line says in what a state_dict (key -> shape, aliases left out) contradicts the arguments."""
    return told_differences(shapes, expected(arguments, generation), lambda key: of_another_model(key, arguments))


def order(arguments, generation):
    """Keys in an order; further ones come behind."""
    return list(expected(arguments, generation))


def of_the_package(arguments):
    return arguments
