import csv
import json
import math
import os
import random
from pathlib import Path

import numpy as np
import pytest
from diagnose.planted import curve, curve_of, noisy, record

from epochwise.cli import main

SOAK = "EPOCHWISE_SOAK" in os.environ
BROKEN = 2000 if SOAK else 200
VAL = [0.9, 0.7, 0.6, 0.65, 0.75, 0.9]
TRAIN = [1.0, 0.7, 0.5, 0.35, 0.25, 0.2]


@pytest.fixture
def judged(capsys):
    """The JSON of one judged file."""

    def call(path, *flags):
        status = main(["judge", str(path), "--json", *flags])
        told = capsys.readouterr()
        assert status == 0, told.err
        (one,) = json.loads(told.out)
        return one

    return call


def overfits(one, *, best=3):
    assert (one["verdict"], one["axis"]) == ("overfit_loss", "epoch")
    assert one["best_epoch"] == pytest.approx(best)
    assert best <= one["onset_epoch"] <= best + 2
    assert one["rise"] == pytest.approx(0.3)
    assert one["reasons"][0]["advice"]
    return True


def test_trainer_state_of_transformers_is_read(tmp_path, judged):
    from transformers import TrainerState

    log = []
    for epoch, (train, val) in enumerate(zip(TRAIN, VAL, strict=True), 1):
        for half in (0.5, 1.0):
            at = {"epoch": epoch - 1 + half, "step": int(20 * (epoch - 1 + half))}
            log.append({"loss": train, "grad_norm": 1.0, "learning_rate": 1e-4} | at)
        log.append({"eval_loss": val, "eval_accuracy": 0.5, "eval_runtime": 1.0} | at)
    log.append({"train_loss": 0.5, "train_runtime": 9.0, "total_flos": 1.0} | at)
    state = TrainerState(log_history=log)
    state.save_to_json(str(tmp_path / "trainer_state.json"))
    assert overfits(judged(tmp_path / "trainer_state.json"))
    assert overfits(judged(tmp_path))


def test_a_trainer_without_evaluations_is_judged_by_its_training_losses(tmp_path, judged):
    log = [{"loss": 2.0 - 0.03 * i, "epoch": i / 10, "step": i} for i in range(1, 41)]
    path = write(tmp_path, json.dumps({"log_history": log, "global_step": 40}))
    assert judged(path)["verdict"] == "still_improving"


def test_epochs_rounded_until_they_are_equal_are_told_apart_by_their_steps(tmp_path, judged):
    log = [{"loss": 2 - i / 200, "epoch": round(i / 9000, 2), "step": i} for i in range(1, 201)]
    assert judged(write(tmp_path, json.dumps({"log_history": log})))["reasons"][0]["n"] == 200


def test_a_loss_of_zero_beside_a_gradient_that_is_no_number_is_divergence(tmp_path, judged):
    good = [{"loss": 2.0 - 0.1 * i, "grad_norm": 1.0, "epoch": i / 10} for i in range(1, 10)]
    bad = [{"loss": 0.0, "grad_norm": math.nan, "epoch": 1 + i / 10} for i in range(5)]
    path = write(tmp_path, json.dumps({"log_history": good + bad}))
    assert judged(path)["verdict"] == "diverged"


def test_metrics_csv_of_lightning_is_read(tmp_path, judged):
    from lightning.pytorch.loggers import CSVLogger

    logger = CSVLogger(tmp_path, name="run", version=0)
    for epoch, (train, val) in enumerate(zip(TRAIN, VAL, strict=True)):
        for step in range(5):
            logger.log_metrics({"train_loss": train, "epoch": epoch}, step=epoch * 5 + step)
        logger.log_metrics({"val_loss": val, "val_acc": 0.5, "epoch": epoch}, step=epoch * 5 + 4)
    logger.save()
    assert overfits(judged(tmp_path / "run" / "version_0" / "metrics.csv"))


def test_steps_of_whole_epochs_lie_within_them(tmp_path, judged):
    rows = [f"{step // 10},{step},{2 - step / 100}" for step in range(60)]
    one = judged(write(tmp_path, columns("epoch,step,train_loss", *rows)))
    assert (one["axis"], one["best_epoch"]) == ("epoch", 6)
    assert one["reasons"][0]["n"] == 60


def test_events_of_tensorboard_are_read(tmp_path, judged):
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        for step, (train, val) in enumerate(zip(TRAIN, VAL, strict=True), 1):
            writer.add_scalar("train/loss", train, step)
            writer.add_scalar("eval/loss", val, step)
            writer.add_text("note", "no number", step)
    (path,) = tmp_path.iterdir()
    for one in (judged(path), judged(tmp_path)):
        assert (one["verdict"], one["best_epoch"], one["axis"]) == ("overfit_loss", 3, "step")


def test_events_of_keras_lie_in_a_folder_a_split(tmp_path, judged):
    from torch.utils.tensorboard import SummaryWriter

    for split, losses in (("train", TRAIN), ("validation", VAL)):
        with SummaryWriter(str(tmp_path / split)) as writer:
            for step, loss in enumerate(losses):
                writer.add_scalar("epoch_loss", loss, step)
    assert judged(tmp_path)["verdict"] == "overfit_loss"


def test_an_export_of_wandb_is_read(tmp_path, judged):
    names = ["Step", "neat-sun-7 - val/loss", "neat-sun-7 - val/loss__MIN"]
    names += ["neat-sun-7 - val/loss__MAX", "neat-sun-7 - train/loss"]
    rows = [[s, v, v - 1, v + 1, t] for s, (v, t) in enumerate(zip(VAL, TRAIN, strict=True))]
    path = tmp_path / "wandb_export.csv"
    with path.open("w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([names, *rows])
    one = judged(path)
    assert (one["verdict"], one["best_epoch"]) == ("overfit_loss", 2)


def test_a_table_of_several_runs_asks_for_one(tmp_path, judged, capsys):
    names = "Step,a - val/loss,b - val/loss"
    rows = [f"{step},{val},1.0" for step, val in enumerate(VAL)]
    path = write(tmp_path, columns(names, *rows))
    assert main(["judge", str(path)]) == 2
    assert "name the column of one: a - val/loss, b - val/loss" in capsys.readouterr().err
    assert judged(path, "--val", "a - val/loss")["verdict"] == "overfit_loss"


CONSOLE = """
  0%|          | 0/60 [00:00<?, ?it/s]
{'loss': 1.0, 'grad_norm': nan, 'learning_rate': 2e-05, 'epoch': 0.5}
 17%|#6        | 10/60 {'eval_loss': '0.9', 'eval_runtime': 0.1, 'epoch': 1.0}
{'loss': '0.7', 'epoch': 1.5} {not: a dict} {'eval_loss': 0.7, 'epoch': 2.0}
{'eval_loss': 0.6, 'epoch': 3.0}
{'loss': __import__('os').abort(), 'epoch': 3.5}
{'eval_loss': 0.65, 'epoch': 4.0}
{'eval_loss': 0.75, 'epoch': 5.0}
{'eval_loss': 0.9, 'epoch': 6.0}
{'train_runtime': 9.1, 'train_loss': 0.5, 'epoch': 6.0}
"""


def write(folder: Path, text: str) -> Path:
    """Under a name that tells nothing: the content has to."""
    path = folder / "history"
    path.write_text(text, encoding="utf-8")
    return path


def columns(*rows):
    return "\n".join(rows) + "\n"


SHAPES = {
    "keras": json.dumps({"loss": TRAIN, "accuracy": [0.5] * 6, "val_loss": VAL}),
    "nested": json.dumps({"params": {"epochs": 6}, "history": {"loss": TRAIN, "val_loss": VAL}}),
    "strings": json.dumps({"train": [f"{x}" for x in TRAIN], "valid": [f"{x}" for x in VAL]}),
    "objects": json.dumps(
        [{"epoch": i, "train_loss": t, "valLoss": v}
         for i, (t, v) in enumerate(zip(TRAIN, VAL, strict=True), 1)]
    ),
    "lines": columns(
        *(json.dumps({"epoch": i, "val": {"no": 1}, "val_loss": v}) for i, v in enumerate(VAL, 1))
    ),
    "console": CONSOLE,
    "csv": columns("epoch,loss,val_loss", *(f"{i + 1},{TRAIN[i]},{VAL[i]}" for i in range(6))),
    "card": columns(
        "| Training Loss | Epoch | Step | Validation Loss | Accuracy |",
        "|:-------------:|:-----:|:----:|:---------------:|:--------:|",
        *(f"| No log | {i + 1}.0 | {20 * (i + 1)} | {VAL[i]} | 0.5 |" for i in range(6)),
    ),
    "from zero": columns("epoch,accuracy,val_loss", *(f"{i},0.5,{VAL[i]}" for i in range(6))),
    "tsv": columns("epoch\tval_loss", *(f"{i + 1}\t{VAL[i]}" for i in range(6))),
    "semicolons": columns(
        "epoch;val_loss", *(f"{i + 1};{str(VAL[i]).replace('.', ',')}" for i in range(6))
    ),
    "unnumbered": columns("train loss,Validation Loss", *(f"{t},{v}" for t, v in
                                                          zip(TRAIN, VAL, strict=True))),
    "restart": columns(
        "epoch,val_loss", "1,0.9", "2,0.7", "3,5.0", "4,9.0", "3,0.6", "4,0.65", "5,0.75", "6,0.9"
    ),
    "missing": columns(
        "epoch,loss,val_loss",
        *(f"{i / 2 + 0.5},1.0,{VAL[i // 2] if i % 2 else ''}" for i in range(12)),
    ),
    "own axes": json.dumps(
        {"train": [{"epoch": i / 10, "loss": 1.0} for i in range(1, 61)],
         "val": [{"epoch": i, "loss": v} for i, v in enumerate(VAL, 1)]}
    ),
    "lengths": json.dumps({"train_losses_loss": TRAIN * 10, "val_loss": VAL}),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_a_history_is_told_by_its_content(shape, tmp_path, judged):
    assert overfits(judged(write(tmp_path, SHAPES[shape])))


def test_series_under_any_names_are_named_by_flags(tmp_path, judged, capsys):
    path = write(tmp_path, json.dumps({"a": TRAIN, "b": VAL}))
    assert main(["judge", str(path)]) == 2
    told = capsys.readouterr().err
    assert "a, b" in told
    assert "--val NAME" in told
    assert overfits(judged(path, "--train", "a", "--val", "b"))
    assert main(["judge", str(path), "--val", "c"]) == 2
    assert "--val c: found only the columns a, b" in capsys.readouterr().err


def test_thousands_separators_and_words_are_numbers(tmp_path, judged):
    rows = ["step,loss", '"1,000",2.0', '"2,000",1.5', '"3,000",NaN', '"4,000",nan']
    one = judged(write(tmp_path, columns(*rows)))
    assert one["verdict"] == "diverged"
    assert "step 3000" in one["reasons"][0]["advice"]


def test_a_run_of_our_own_is_judged_by_its_rows(tmp_path, judged):
    rows = noisy([2.0, 1.5, 1.4, 1.6, 1.9], 500)
    points = curve_of(rows, [2.0, 1.2, 0.8, 0.4, 0.2])
    one = record([point.val for point in points])
    vars(one)["curve"] = tuple(points)
    one.save(tmp_path / "record.json")
    alone = judged(tmp_path / "record.json")
    rows.save(tmp_path / "rows.npz")
    both = judged(tmp_path)
    assert alone["verdict"] == both["verdict"] == "overfit_loss"
    assert alone["reasons"][0]["name"] == "generalization_loss"
    assert both["reasons"][0]["name"] == "rise"


def test_a_run_under_way_is_judged_by_its_journal(tmp_path, judged):
    points = curve([2.0, 1.5, 1.4, 1.6, 1.9], [2.0, 1.2, 0.8, 0.4, 0.2])
    lines = [{"kind": "point", **point._asdict(), "crc": "0"} for point in points]
    lines.insert(1, {"kind": "step", "step": 1, "epoch": 0.5, "loss": 1.8, "crc": "0"})
    torn = columns(*map(json.dumps, lines)) + '{"kind": "poi'
    (tmp_path / "journal.jsonl").write_text(torn)
    one = judged(tmp_path)
    assert (one["verdict"], one["best_epoch"]) == ("overfit_loss", 2)


def test_all_files_are_told_and_all_problems(tmp_path, capsys):
    good = write(tmp_path, SHAPES["keras"])
    binary = tmp_path / "binary"
    binary.write_bytes(bytes(range(256)))
    absent = tmp_path / "absent"
    assert main(["judge", str(binary), str(good), str(absent)]) == 2
    told = capsys.readouterr()
    assert "overfit_loss" in told.out
    assert f"{binary}: found neither text nor TensorBoard events" in told.err
    assert f"{absent}: there is no such file" in told.err


@pytest.mark.parametrize(
    ("names", "status"),
    [("overfit_loss", 1), ("memorised,overfit_loss", 1), ("diverged", 0), ("overfit", 2)],
)
def test_fail_on_tells_by_the_exit_status(names, status, tmp_path, capsys):
    path = write(tmp_path, SHAPES["keras"])
    assert main(["judge", str(path), "--fail-on", names]) == status
    assert status != 2 or "did you mean overfit_loss" in capsys.readouterr().err


def test_a_table_holds_verdict_best_epoch_and_advice(tmp_path, capsys):
    assert main(["judge", str(write(tmp_path, SHAPES["keras"]))]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "overfit_loss" in told
    assert "epoch 3" in told
    assert "train.epochs=3" in told


def test_a_long_history_is_judged(tmp_path, judged):
    rng = np.random.default_rng(0)
    losses = 1 + np.exp(-np.arange(20_000) / 2000) + rng.normal(0, 0.02, 20_000)
    rows = [f"{i},{loss}" for i, loss in enumerate(losses)]
    assert judged(write(tmp_path, columns("step,val_loss", *rows)))["verdict"] == "healthy"


WORDS = [b"", b"{", b"]", b"NaN", b"1e999", b"-1", b'"', b",", b"\x00", b"\xff\xfe", b"null", b"\n"]
DEEP = [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 200 + b"]" * 200, b'{"log_history": 3}']
FAR = [b'{"val_loss": [1e46, 1e170, 1, 2]}', b"val_loss\n1\n-1e308\n1e308\n1e-320\n2\n"]
HUGE = b'{"val_loss": [' + b"9" * 400 + b', 1, 2], "step": [1, 1' + b"0" * 400 + b", 3]}"


def events(folder: Path) -> bytes:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder / "events")) as writer:
        for step, loss in enumerate(VAL):
            writer.add_scalar("eval/loss", loss, step)
    (path,) = (folder / "events").iterdir()
    return path.read_bytes()


def damaged(data: bytes, draw: random.Random) -> bytes:
    place, end = sorted((draw.randrange(len(data) + 1), draw.randrange(len(data) + 1)))
    match draw.randrange(5):
        case 0:
            return data[:place]
        case 1:
            return data[:place] + draw.choice(WORDS) + data[end:]
        case 2:
            return data[:place] + draw.randbytes(draw.randrange(1, 40)) + data[place:]
        case 3:
            return data[:place] + data[place:end] * 2 + data[end:]
        case _:
            return data.replace(*draw.choice([(b"0.", b"x"), (b":", b"::"), (b"1", b"[1]"),
                                              (b"0.", b"1e400"), (b"epoch", b"loss")]))  # fmt: skip


def test_broken_files_give_a_message_and_never_a_traceback(tmp_path, capsys):
    record([2.0, 1.5, 1.4, 1.6]).save(tmp_path / "record.json")
    valid = [text.encode() for text in SHAPES.values()]
    valid += [(tmp_path / "record.json").read_bytes(), events(tmp_path), HUGE]
    draw = random.Random(0)
    broken = DEEP + FAR + [HUGE] + [damaged(draw.choice(valid), draw) for _ in range(BROKEN)]
    path = tmp_path / "broken"
    for data in broken:
        path.write_bytes(data)
        status = main(["judge", str(path)])
        told = capsys.readouterr()
        assert status in (0, 2), data
        assert (status == 2) == told.err.startswith("epochwise: cannot judge"), data
        assert "Traceback" not in told.out + told.err
