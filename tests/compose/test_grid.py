"""What is set here in plain settings equals, type for type, what Hydra composes from it all."""

import os
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hydra.core.config_loader import ConfigLoader
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from epochwise.compose.grid import Cell, compose, dotted_keys
from epochwise.compose.overrides import GROUPS, parse
from epochwise.compose.places import SHIPPED, conf_folder, config_loader

BATCHES = 500 if "EPOCHWISE_SOAK" in os.environ else 8
REFUSED = "refused"
CHOICES = [
    (group, file.stem)
    for group in GROUPS
    for file in sorted((conf_folder() / group).glob("*.yaml"))
]
STUDIES = sorted((SHIPPED / "experiments").glob("*.yaml"))
NAMES = ["config", "mine", *(file.stem for file in STUDIES)]
MINE = """
defaults: [config, override data: dolly, override peft: ia3, _self_]
question: Is ${study} what ${oc.env:HOME} holds?
data: {format: {input: "${study}", source: null}, size: 0x10}
peft: {target_modules: "${peft.feedforward_modules}"}
train: {epochs: "${train.seed}", learning_rate: 1e-3, micro_batch_size: "???"}
track: {tags: ["${data.name}", 1, null]}
"""
BETWEEN = re.compile(r"  |\n")  # two values: some hold a blank themselves
KEYS = BETWEEN.split(
    """data.path  data.format  data.format.input  data.format.output  data.size  train.epochs
train.learning_rate  train.micro_batch_size  peft.r  peft.target_modules  peft.feedforward_modules
peft.target_modules.deep  model.path  model.weights  track.tags  question  study  folder
skip_missing_models  train.epoch  train.epochs.more"""
)
PLAIN = BETWEEN.split(
    """1  -3  1.0  1e-4  0.0001  1e3  1_000  0x1f  007  nan  inf  true  FALSE  null  None
'1'  '1.0'  'true'  'null'  ""  world:1m  a/b-c.d  a b  @x"""
)
VALUES = PLAIN + BETWEEN.split(
    r"""'a, b'  "it's"  'say "no"'  'it\'s'  'back\\slash'  'ü日本'  'a=b'  '#no'  '{a}'  '[a]'
' blank '  []  [a,b]  [1,1.0,true,null,'1']  [[a,[2]],{b:1}]  {}  {input:q}  {input:null}
{instruction:question,output:1.0}  {input:{deep:[1,{x:null}]}}  {1:a,2.5:b,true:c}  {deep:{a:1}}
{absent:???}  {input:???}  [???]  '???'  ???  {input:'${study}'}  ['${study}',x]  ${study}
${train.seed}  '${train.seed} of ${peft.name}'  '${data.format}'  '${track.tags}'  ${data}
${nothing.here}  '\${study}'  '\\${study}'  '${'  ${oc.env:HOME}  ${oc.decode:'[1]'}
${.name}  ${model.path}"""
)

JOBS = [
    [],
    ["train.learning_rate=1e-4", "train.weight_decay=1", "data.size=2.0", "data.seed=true"],
    ["train.seed=0.0001", "train.epochs='1'", "train.micro_batch_size=null", "folder=1_0"],
    ["question='What, then? It\\'s \"{x: [y]}\" = 5 #1'", "study='ü.日本'", "folder=''"],
    ["track.tags=[a,'b c',1,1.0,true,null,[x],{y: 2}]", "peft.target_modules=[q_proj]"],
    ["data=world", "data.format={instruction: question, output: answer}", "data.path=a b"],
    ["data=dolly", "data.format={input: other}", "data.format.output=2"],
    ["data=dolly", "data.format={input: ???}"],
    ["data=dolly", "data.format=guanaco"],
    ["data=gsm8k", "data.format={}", "data.format.output=null"],
    ["peft=qlora", "model.weights=fp32"],
    ["model.weights=fp32", "peft=qlora", "model=world_4m"],
    ["peft=dora", "train=cosine", "track=none", "peft.use_dora=false"],
    ["model=folder", "train.micro_batch_size=4"],
    ["model=folder", "model.path=${folder}/${study}", "study='${data.name}'"],
    ["train.batch_size=${data.size}", "data.size=${train.seed}", "train.seed=5"],
    ["peft=ia3", "peft.target_modules=null", "question=${peft.feedforward_modules}"],
    ["question='What of ${study}?'"],
    ["question='\\${not} ${train.seed}'", "track.tags=['${study}','a\\b']"],
]


@pytest.fixture(scope="module")
def loader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConfigLoader]:
    """Over our studies, and one that interpolates wherever it can."""
    folder = tmp_path_factory.mktemp("experiments")
    for file in STUDIES:
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "mine.yaml").write_text(MINE)
    with config_loader(folder) as found:
        yield found


def by_hydra(loader: ConfigLoader, name: str, arguments: Sequence[str]) -> str:
    """The settings with types and order: 1 is not 1.0, and neither is True."""
    try:
        config = loader.load_configuration(name, list(arguments), run_mode=RunMode.RUN)
        OmegaConf.set_struct(config, False)
        config.pop("hydra")
        return repr(OmegaConf.to_container(config, resolve=True))
    except (HydraException, OmegaConfBaseException, ValueError):  # int("more"): a list's place
        return REFUSED


def by_us(loader: ConfigLoader, name: str, jobs: Sequence[Sequence[str]]) -> list[str]:
    parsed = [[parse(argument) for argument in job] for job in jobs]
    typed = [{override.key_or_group: override.value() for override in job} for job in parsed]
    return [told(cell) for cell in compose(loader, name, typed)]


def told(cell: Cell) -> str:
    """Hydra leaves it to the program to notice a value that must be given."""
    refused = [problem for problem in cell.problems if "must be given" not in problem]
    return REFUSED if refused or cell.settings is None else repr(cell.settings)


@pytest.mark.parametrize("arguments", JOBS, ids=" ".join)
def test_settings_equal_hydras(loader: ConfigLoader, arguments: list[str]) -> None:
    [ours] = by_us(loader, "config", [arguments])
    assert ours != REFUSED
    assert ours == by_hydra(loader, "config", arguments)


def test_on_a_study_that_interpolates_they_equal_or_are_refused_alike(loader: ConfigLoader) -> None:
    theirs = [by_hydra(loader, "mine", arguments) for arguments in JOBS]
    assert by_us(loader, "mine", JOBS) == theirs
    assert theirs.count(REFUSED) == 4  # the study's own interpolations point to what is gone


@pytest.mark.parametrize("name", NAMES[2:])
def test_a_study_equals_hydras(loader: ConfigLoader, name: str) -> None:
    arguments = ["train.epochs=7", "peft=dora", "peft.lora_alpha=${data.val_size}"]
    [ours] = by_us(loader, name, [arguments])
    assert ours != REFUSED
    assert ours == by_hydra(loader, name, arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["train.epoch=1"],
        ["train.epochs.more=1"],
        ["peft=ia3", "peft.r=1"],
        ["data=dolly", "data.format={system: role}"],
        ["data=dolly", "data.format.system=role"],
        ["data=dolly", "data.format=alpaca", "data.format.input=context"],
        ["data=dolly", "data.format=[input]"],
        ["peft=ia3", "peft.target_modules={k_proj: 1}"],
        ["question=${nothing.here}"],
        ["question=${question}"],
        ["question='${'"],
        ["model=folder", "question=${model.path}"],
    ],
    ids=" ".join,
)
def test_what_hydra_refuses_is_refused(loader: ConfigLoader, arguments: list[str]) -> None:
    assert by_us(loader, "config", [arguments]) == [REFUSED]
    assert by_hydra(loader, "config", arguments) == REFUSED


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["data=dolly", "data.format={inpt: a}"],
            "data.format.inpt: no such key with data=dolly; did you mean data.format.input?",
        ),
        (
            ["data=dolly", "data.format=alpaca", "data.format.input=context"],
            "data.format.input: no such key with data=dolly; did you mean data.format?",
        ),
        (
            ["data=dolly", "data.format=[a]"],
            "data.format: is a mapping, so one must take its place; write"
            " data.format={name: value}",
        ),
        (
            ["peft=ia3", "peft.target_modules={a: b}"],
            "peft.target_modules: is a list, so one must take its place; write"
            " peft.target_modules=[a,b]",
        ),
        (["question='${'"], "question: cannot be resolved: no viable alternative at input '${'"),
        (["track.tags=[a,???]"], "track.tags[1]: must be given: track.tags[1]=..."),
    ],
)
def test_what_is_refused_is_told_with_its_key(
    loader: ConfigLoader, arguments: list[str], line: str
) -> None:
    job = {override.key_or_group: override.value() for override in map(parse, arguments)}
    [cell] = compose(loader, "config", [job])
    assert cell.problems == [line]


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_every_key_of_every_file_is_set_as_by_hydra(
    loader: ConfigLoader, group: str, name: str
) -> None:
    content = OmegaConf.to_container(OmegaConf.load(conf_folder() / group / f"{name}.yaml"))
    assert isinstance(content, dict)
    content.pop("defaults", None)
    keys = dotted_keys(content if group in content else {group: content}) - {*GROUPS, "data.format"}
    draw = random.Random(f"{group} {name}")
    arguments = [f"{group}={name}", *(f"{key}={draw.choice(PLAIN)}" for key in sorted(keys))]
    arguments = [text for text in arguments if not re.match(r"peft\.\w+_modules=", text)]
    [ours] = by_us(loader, "config", [arguments])
    assert ours != REFUSED
    assert ours == by_hydra(loader, "config", arguments)


@pytest.mark.parametrize("seed", range(BATCHES))
def test_random_jobs_are_composed_or_refused_as_by_hydra(loader: ConfigLoader, seed: int) -> None:
    draw = random.Random(seed)
    name = draw.choice(NAMES)
    groups = draw.sample(GROUPS, draw.randrange(4))
    chosen = [f"{group}={choice}" for group, choice in dict(shuffled(CHOICES, draw)).items()]
    chosen = [text for text in chosen if text.partition("=")[0] in groups]
    jobs = [shuffled([*chosen, *random_settings(draw)], draw) for _ in range(4)]
    theirs = [by_hydra(loader, name, job) for job in jobs]
    for job, ours, theirs_of_it in zip(jobs, by_us(loader, name, jobs), theirs, strict=True):
        assert ours == theirs_of_it, (name, job)


def random_settings(draw: random.Random) -> list[str]:
    return [f"{key}={draw.choice(VALUES)}" for key in draw.sample(KEYS, draw.choice([1, 2, 3, 5]))]


def shuffled(items: list[Any], draw: random.Random) -> list[Any]:
    return draw.sample(items, len(items))
