"""The shape and the checks of an experiment: one class for each folder of conf/.

Config is data: composed by Hydra, checked here, read-only afterwards. Nothing here imports
torch, so that a mistake is told before anything slow is loaded.
"""

import hashlib
import json
from collections.abc import Callable
from importlib.util import find_spec
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    field_validator,
    model_serializer,
    model_validator,
)

FORMAT = 5  # of the numbers a config stands for: raised when the same config gives other numbers

Positive = Annotated[int, Field(ge=1)]
NonNegative = Annotated[int, Field(ge=0)]
Weights = Literal["nf4", "int8", "bf16", "fp32"]
Format = Literal[
    "auto",
    "alpaca",
    "sharegpt",
    "openai",
    "prompt_completion",
    "text",
    "preference",
    "guanaco",
    "oasst",
]
Schedule = Literal["constant", "wsd", "cosine", "linear"]
CANARY_REPEATS = (1, 4, 16)
WHOLE_MODEL = ("FULL", "LAST_LAYERS")  # our own two: they train base weights and add nothing


class Group(BaseModel):
    """One folder of conf/: unknown keys and wrong types are mistakes, values are final."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class SourceConfig(Group):
    """One of several sources that are mixed."""

    path: str
    format: Format | dict[str, str] = "auto"
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Its share of the rows at every size, beside the weights of the others."""
    val_size: NonNegative | None = None
    """Of data.val_size, the rows that are this source's; None for its share of what is left."""

    @model_serializer(mode="wrap")
    def _without_unset(
        self, serialised: Callable[["SourceConfig"], dict[str, Any]]
    ) -> dict[str, Any]:
        """Without what came later and is not asked for, so that run ids stay."""
        return {key: value for key, value in serialised(self).items() if value is not None}


class DataConfig(Group):
    name: str
    path: str
    """`world`, a file, a folder, `https://...`, or `hub:OWNER/NAME[/SUBSET][@REVISION]`."""
    format: Format | dict[str, str]
    """How a row is read; auto: as its columns say. A mapping renames them: `{input: context}`."""
    size: Positive
    """Training rows. Subsets are nested: the first 100 are among the first 300."""
    val_size: Positive
    """Validation rows, the same ones at every size."""
    seed: NonNegative
    """Decides validation rows and subsets."""
    max_tokens: Annotated[int, Field(ge=8)]
    """Longest prompt + response, in tokens."""
    too_long: Literal["error", "drop", "truncate_prompt", "split"]
    """What happens to a row over max_tokens; dropped rows are counted in the record."""
    train_on: Literal["response", "all"]
    """Which tokens carry loss."""
    turns: Literal["all", "last"] = "last"
    """Which of a conversation's answers carry loss."""
    sources: dict[str, SourceConfig] | None = None
    """Of path `mixture`: what is mixed."""
    stratify: Literal["source", "kind"] | None = None
    """Every subset has each kind's share of all rows (in a mixture, of its source's rows), or each
    source's of those that train: the passages, say, that rows name as their `source`."""
    canaries: Positive | None = None
    """Secrets planted among the training rows, to measure what is learnt by heart."""

    @property
    def places(self) -> tuple[str, ...]:
        """Where its rows come from."""
        return tuple(source.path for source in (self.sources or {}).values()) or (self.path,)

    @property
    def canary_repeats(self) -> list[int]:
        """How often each secret is planted: exposure grows with it (arXiv 1802.08232)."""
        return [CANARY_REPEATS[place % len(CANARY_REPEATS)] for place in range(self.canaries or 0)]

    @model_serializer(mode="wrap")
    def _without_defaults(
        self, serialised: Callable[["DataConfig"], dict[str, Any]]
    ) -> dict[str, Any]:
        """Without keys that came later and are as they were before, so that run ids stay."""
        fields = type(self).model_fields
        return {
            key: value
            for key, value in serialised(self).items()
            if fields[key].is_required() or value != fields[key].default
        }


class ModelConfig(Group):
    name: str
    path: str
    """`world:1m`, a folder, a .gguf file, `package:NAME/FILE`, or `hub:OWNER/NAME[@REVISION]`."""
    weights: Weights
    """How the frozen base weights are stored; nf4 is QLoRA's: arxiv.org/abs/2305.14314."""
    template: Literal["own", "alpaca", "chatml", "llama2", "plain"]
    """Chat template: the tokenizer's own, or a shipped one for base models without."""
    thinking: bool | None = None
    """What the tokenizer's own is told of `enable_thinking`, in training and in use; None: nothing.
    """

    @model_serializer(mode="wrap")
    def _without_unset(
        self, serialised: Callable[["ModelConfig"], dict[str, Any]]
    ) -> dict[str, Any]:
        """Without what came later and is not asked for, so that run ids stay."""
        return {key: value for key, value in serialised(self).items() if value is not None}


class PeftConfig(BaseModel):
    """A method: `peft_type` names a config of the peft library, the rest are its arguments.

    FULL and LAST_LAYERS are ours; `loraplus_lr_ratio` belongs to the optimizer (LoRA+).
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)
    __pydantic_extra__: dict[str, JsonValue]

    name: str
    peft_type: str

    @property
    def arguments(self) -> dict[str, Any]:
        return dict(self.__pydantic_extra__)

    @property
    def rank(self) -> int | None:
        """None for methods that have no rank."""
        rank = self.arguments.get("r", self.arguments.get("target_r"))
        return rank if isinstance(rank, int) else None

    @model_validator(mode="after")
    def _ranges(self) -> "PeftConfig":
        problems = [
            f"{key}={value!r}: {ARGUMENTS[key][1]}"
            for key, value in self.arguments.items()
            if key in ARGUMENTS and not ARGUMENTS[key][0](value)
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self


class TrainConfig(Group):
    epochs: Positive
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    """Peak, reached after warm-up."""
    batch_size: Positive
    """Rows in an optimizer step."""
    micro_batch_size: Positive | None
    """Rows in one forward pass; None for batch_size. Changes memory, not the loss."""
    schedule: Schedule
    cooldown: Annotated[float, Field(ge=0.1, le=0.2)]
    """Share of a wsd run over which the rate falls at the end; other schedules have none."""
    warmup_steps: NonNegative
    """Absolute, not a share of the run: so runs of different length begin alike."""
    weight_decay: Annotated[float, Field(ge=0, lt=1)]
    clip_norm: Annotated[float, Field(gt=0)]
    seed: NonNegative
    """Decides adapter init, dropout, and the order of rows after the first pass."""
    max_skipped_steps: NonNegative
    """Steps whose loss or gradient is not finite that may be left out; one more stops the run."""


class EvaluateConfig(Group):
    name: str
    probe_size: Positive
    """Training rows measured exactly as validation is."""
    batch_size: Positive
    """Rows in one forward pass of a measurement."""
    general: str | None = None
    """Texts on which forgetting is measured: shipped ones (texts; world, of the embedded world),
    a file of your own with a blank line between two, or auto, which suits the model."""
    questions: str | None = None
    """JSON lines of the user's own; None for the data's held-out rows."""
    limit: Positive | None = None
    """Questions of each kind that a finished run answers; None, and it is asked none."""
    shots: NonNegative | None = None
    """Examples in the prompt of the untuned base that answers beside it."""
    max_new_tokens: Positive | None = None
    """Longest answer."""

    @model_serializer(mode="wrap")
    def _without_unset(
        self, serialised: Callable[["EvaluateConfig"], dict[str, Any]]
    ) -> dict[str, Any]:
        """Without what is not asked for, so that a run's id is what it was before one could."""
        return {key: value for key, value in serialised(self).items() if value is not None}


class TrackConfig(Group):
    name: Literal["wandb", "tensorboard", "trackio", "mlflow", "csv", "none"]
    mode: Literal["auto", "online", "offline"]
    """Of W&B. auto: WANDB_MODE if set, online where a key is configured, offline otherwise."""
    project: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^/\\#?%:]+$")]
    tags: list[str]

    @field_validator("name")
    @classmethod
    def _is_installed(cls, name: str) -> str:
        if name not in ("csv", "none") and find_spec(name) is None:
            raise ValueError(f"is not installed: pip install 'epochwise[{name}]'")
        return name


class TrainerConfig(Group):
    """How a run is carried out, which changes no number: it is no part of a run's id."""

    devices: Positive
    """Processes that share each step of one run, one a device."""
    strategy: Literal["auto", "ddp", "fsdp"]
    """auto: one device alone, several as ddp."""
    checkpoint_seconds: Annotated[float, Field(ge=0)]
    """Time between two checkpoints; 0 saves after every step."""
    hang_seconds: Annotated[float, Field(gt=0)]
    """A step that takes longer is taken for a hang: its stacks go to the log, the worker ends."""


ONE_DEVICE = TrainerConfig(devices=1, strategy="auto", checkpoint_seconds=60, hang_seconds=1800)


class ReportConfig(Group):
    """How a study is told."""

    language: Literal["en", "zh", "ja"] = "en"
    """Of the report's page; numbers and files are the same in all."""
    price_per_hour: Annotated[float, Field(ge=0)] | None = None
    """Of a run's machine, in a currency of your own: tells what a run of each base model costs."""


class Experiment(Group):
    """Everything that can change a number."""

    data: DataConfig
    model: ModelConfig
    peft: PeftConfig
    train: TrainConfig
    evaluate: EvaluateConfig

    @model_validator(mode="before")
    @classmethod
    def _with_general_texts(cls, settings: Any) -> Any:
        """`auto` told apart, so that what is saved says what was measured."""
        match settings:
            case {"evaluate": {"general": "auto"} as evaluate, "model": {"path": str(path)}}:
                texts = "world" if path.startswith("world:") else "texts"
                return settings | {"evaluate": evaluate | {"general": texts}}
        return settings

    @property
    def label(self) -> str:
        """A name that a person can read: `world_1m fp32 lora r8 n128 e4 lr0.0004 s0`."""
        rank = "" if self.peft.rank is None else f" r{self.peft.rank}"
        method = f"{self.model.name} {self.model.weights} {self.peft.name}{rank}"
        train = self.train
        rate = f"lr{train.learning_rate:g}{'' if train.schedule == 'constant' else train.schedule}"
        return f"{method} n{self.data.size} e{train.epochs} {rate} s{train.seed}"

    def id(self, data_digest: str) -> str:
        """12 hex digits: equal for two experiments exactly when their numbers must be equal.

        Args:
            data_digest: Content of the rows' file: the path alone does not fix the numbers.
        """
        settings = self.model_dump(mode="json")
        for group in settings.values():
            group.pop("name", None)  # names are labels
        forget_places(settings["data"])  # data_digest says what lies there
        if self.train.schedule != "wsd":
            settings["train"].pop("cooldown")
        payload = json.dumps([FORMAT, data_digest, settings], sort_keys=True)
        return hashlib.sha256(payload.encode()).hexdigest()[:12]


class Config(Experiment):
    """What conf/config.yaml composes to: an experiment, and where it goes."""

    trainer: TrainerConfig
    track: TrackConfig
    report: ReportConfig = ReportConfig()
    study: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    question: str
    """What the study asks, in the user's words; the report opens with it."""
    folder: Annotated[str, Field(min_length=1)]
    """Studies are left under FOLDER/STUDY/STAMP."""
    skip_missing_models: bool
    """Leave out models that this machine does not have, and say so; else they are mistakes."""
    allow_leaks: bool = False
    """Train also where validation rows are nearly training rows; else that is a mistake."""

    @property
    def experiment(self) -> Experiment:
        return Experiment(**{name: getattr(self, name) for name in Experiment.model_fields})


def forget_places(data: dict[str, Any]) -> None:
    """Takes out of a data group's settings where the rows lie, which changes no number."""
    data.pop("path")
    for source in data.get("sources", {}).values():
        source.pop("path")


def _is_int(value: JsonValue, low: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= low


def _is_number(value: JsonValue, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value < high


# Ranges of the arguments that people sweep; peft itself checks the rest when it builds them.
ARGUMENTS: dict[str, Any] = {}
for _key in ("r", "init_r", "target_r", "layers", "num_virtual_tokens", "oft_block_size"):
    ARGUMENTS[_key] = (lambda value: _is_int(value, 1), "must be a whole number, 1 or more")
for _key in ("lora_alpha", "loraplus_lr_ratio"):
    ARGUMENTS[_key] = (lambda value: _is_number(value, 1e-9, 1e9), "must be a number over 0")
for _key in ("lora_dropout", "vera_dropout", "module_dropout", "encoder_dropout"):
    ARGUMENTS[_key] = (lambda value: _is_number(value, 0.0, 1.0), "must be a share in [0, 1)")
for _key in ("use_dora", "use_rslora"):
    ARGUMENTS[_key] = (lambda value: isinstance(value, bool), "must be true or false")
