"""Settings that are fine alone and wrong together, each with its remedy."""

import math
from collections.abc import Callable

from epochwise.compose.nearest import hint, nearest
from epochwise.config import WHOLE_MODEL, Config
from epochwise.data.recognise import COLUMNS
from epochwise.data.rows import MIXTURE

QUANTISED = ("nf4", "int8")


def clashes(config: Config) -> list[str]:
    return [problem for rule in RULES if (problem := rule(config))]


def total_steps(config: Config) -> int:
    return config.train.epochs * math.ceil(config.data.size / config.train.batch_size)


def _whole_model_quantised(config: Config) -> str | None:
    weights, method = config.model.weights, config.peft.name
    if config.peft.peft_type not in WHOLE_MODEL or weights not in QUANTISED:
        return None
    return (
        f"model.weights={weights}: peft={method} trains the base weights themselves, which cannot"
        " be done in few bits; set model.weights=bf16, or peft=lora"
    )


def _pissa_quantised(config: Config) -> str | None:
    start, weights = config.peft.arguments.get("init_lora_weights"), config.model.weights
    if not str(start).startswith("pissa") or weights not in QUANTISED:
        return None
    return (
        f"model.weights={weights}: peft={config.peft.name} decomposes the base weights and needs"
        " them unquantised; set model.weights=bf16, or peft=lora"
    )


def _qlora_unquantised(config: Config) -> str | None:
    weights = config.model.weights
    if config.peft.name != "qlora" or weights in QUANTISED:
        return None
    return (
        f"model.weights={weights}: peft=qlora means quantised weights;"
        " leave it at nf4, set int8, or choose peft=lora"
    )


def _micro_batch(config: Config) -> str | None:
    micro, batch = config.train.micro_batch_size, config.train.batch_size
    if micro is None or micro <= batch:
        return None
    return (
        f"train.micro_batch_size={micro}: is over train.batch_size={batch};"
        f" set at most {batch}, or null"
    )


def _adalora_ranks(config: Config) -> str | None:
    first, last = (config.peft.arguments.get(key) for key in ("init_r", "target_r"))
    if first is None or last is None or last <= first:
        return None
    return (
        f"peft.target_r={last}: AdaLoRA's rank only falls, from peft.init_r={first};"
        f" set target_r to {first} or less, or raise init_r"
    )


def _adalora_steps(config: Config) -> str | None:
    fixed = sum(config.peft.arguments.get(key, 0) for key in ("tinit", "tfinal"))
    steps = total_steps(config)
    if config.peft.peft_type != "ADALORA" or fixed < steps:
        return None
    return (
        f"peft.tinit + peft.tfinal={fixed}: no step is left in which ranks fall, the run has"
        f" {steps}; lower them, or raise train.epochs or data.size"
    )


def _warmup(config: Config) -> str | None:
    warmup, steps = config.train.warmup_steps, total_steps(config)
    if warmup < steps:
        return None
    return (
        f"train.warmup_steps={warmup}: the run has only {steps} steps and would never reach the"
        f" learning rate; set at most {steps - 1}, or raise train.epochs or data.size"
    )


def _lora_plus(config: Config) -> str | None:
    if "loraplus_lr_ratio" not in config.peft.arguments or config.peft.peft_type == "LORA":
        return None
    return (
        f"peft.loraplus_lr_ratio: belongs to LoRA, not to {config.peft.peft_type};"
        " remove it, or choose peft=lora_plus"
    )


def _layers(config: Config) -> str | None:
    if config.peft.peft_type != "LAST_LAYERS" or "layers" in config.peft.arguments:
        return None
    return "peft.layers: peft_type LAST_LAYERS needs it; add `layers: 2` to the file"


def _columns(config: Config) -> str | None:
    sources = (config.data.sources or {}).items()
    given = {"data": config.data.format}
    given |= {f"data.sources.{name}": source.format for name, source in sources}
    unknown = [
        (place, name)
        for place, form in given.items()
        if not isinstance(form, str)
        for name in form
        if name not in COLUMNS
    ]
    if not unknown:
        return None
    place, name = unknown[0]
    return (
        f"{place}.format.{name}: is none of our columns ({', '.join(COLUMNS)})"
        f"{hint(nearest(name, COLUMNS))}; write {{OURS: THEIRS}}"
    )


def _mixture(config: Config) -> str | None:
    data = config.data
    if (data.path == MIXTURE) != bool(data.sources):
        return (
            "data.sources: go together with data=mixture; write data=mixture"
            " 'data.sources={mine: {path: my.jsonl}, others: {path: hub:OWNER/NAME, weight: 2}}'"
        )
    if data.sources and MIXTURE in data.places:
        return "data.sources: one of them is a mixture itself; name its sources instead"
    return None


def _val_sizes(config: Config) -> str | None:
    whole, sources = config.data.val_size, config.data.sources or {}
    said = {name: one.val_size for name, one in sources.items() if one.val_size is not None}
    total = sum(said.values())
    if not said or total == whole or total < whole and len(said) < len(sources):
        return None
    parts = " + ".join(f"{size} of {name}" for name, size in said.items())
    remedy = f"set data.val_size={total}" if total else "give one of them some"
    return f"data.val_size={whole}: its sources are to have {parts}; {remedy}"


def _cut_in_few_bits(config: Config) -> str | None:
    weights, strategy = config.model.weights, config.trainer.strategy
    if strategy != "fsdp" or weights not in QUANTISED:
        return None
    return (
        f"trainer.strategy=fsdp: cuts weights into parts, which those in few bits do not bear"
        f" (model.weights={weights}); set model.weights=bf16, or trainer.strategy=ddp"
    )


def _cut_for_one(config: Config) -> str | None:
    strategy, devices = config.trainer.strategy, config.trainer.devices
    if strategy == "auto" or devices > 1:
        return None
    return (
        f"trainer.strategy={strategy}: needs several devices; set trainer.devices=2 or more,"
        " or leave it at auto"
    )


def _ranks_of_adalora(config: Config) -> str | None:
    if config.peft.peft_type != "ADALORA" or config.trainer.strategy != "fsdp":
        return None
    return (
        "trainer.strategy=fsdp: AdaLoRA looks at whole gradients when it gives out ranks, and there"
        " are only parts of them; set trainer.strategy=ddp"
    )


def _canaries(config: Config) -> str | None:
    copies, size = sum(config.data.canary_repeats), config.data.size
    if 2 * copies <= size:
        return None
    return (
        f"data.canaries={config.data.canaries}: stand for {copies} training rows, planted 1, 4 and"
        f" 16 times, which is over half of data.size={size}; set fewer, or"
        f" data.size={2 * copies} or more"
    )


RULES: tuple[Callable[[Config], str | None], ...] = (
    _whole_model_quantised,
    _pissa_quantised,
    _qlora_unquantised,
    _micro_batch,
    _adalora_ranks,
    _adalora_steps,
    _warmup,
    _lora_plus,
    _layers,
    _columns,
    _canaries,
    _mixture,
    _val_sizes,
    _cut_in_few_bits,
    _cut_for_one,
    _ranks_of_adalora,
)
