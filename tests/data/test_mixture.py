"""Several sources in one set: shares, nesting, and what is told of them."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from epochwise.config import DataConfig, Experiment, SourceConfig
from epochwise.data.prepare import row_digests
from epochwise.data.problems import DataError
from epochwise.data.rows import digest, read
from epochwise.data.split import Split, split_for
from epochwise.experiment import run_trunk
from epochwise.record import Record, RowLosses, run_folder
from epochwise.report.table import results, write_csv

Config = Callable[..., DataConfig]


def file(path: Path, count: int) -> str:
    rows = [
        {"instruction": f"{path.stem} {n}", "output": "b", "kind": "abc"[n % 10 // 7 + n % 10 // 9]}
        for n in range(count)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


@pytest.fixture
def mixture(tmp_path: Path, data: Config) -> DataConfig:
    """300 rows of one source with weight 3, 900 of another with weight 1."""
    sources = {
        "few": SourceConfig(path=file(tmp_path / "few.jsonl", 300), weight=3),
        "many": SourceConfig(path=file(tmp_path / "many.jsonl", 900)),
    }
    return data(path="mixture", format="auto", sources=sources, size=100, val_size=40)


def origins(config: DataConfig, places: list[int]) -> Counter[str]:
    rows = read(config)
    return Counter(rows[place].origin for place in places)


def split_at(config: DataConfig, size: int) -> Split:
    return split_for(config.model_copy(update={"size": size}), read(config))


def test_weights_decide_the_share_of_each_source_at_every_size(mixture: DataConfig) -> None:
    whole = split_at(mixture, 200)
    assert origins(mixture, whole.val) == {"few": 30, "many": 10}
    for size in range(1, 201):
        assert abs(origins_of(mixture, whole.train[:size])["few"] - 0.75 * size) < 1
    for size in (1, 7, 100):
        part = split_at(mixture, size)
        assert part.train == whole.train[:size]
        assert part.val == whole.val


def origins_of(config: DataConfig, places: list[int]) -> Counter[str]:
    return Counter("few" if place < 300 else "many" for place in places)


def test_a_source_that_runs_out_is_named_and_not_replaced(mixture: DataConfig) -> None:
    with pytest.raises(ValueError, match="'few' has no more rows for its share: set data.size=36"):
        split_at(mixture, 400)
    found = split_at(mixture, 360)
    assert origins_of(mixture, found.train) == {"few": 270, "many": 90}


def sized(mixture: DataConfig, **sizes: int) -> DataConfig:
    assert mixture.sources is not None
    sources = {
        name: source.model_copy(update={"val_size": sizes.get(name)})
        for name, source in mixture.sources.items()
    }
    return mixture.model_copy(update={"sources": sources})


@pytest.mark.parametrize(
    ("sizes", "found"),
    [
        ({"few": 7}, {"few": 7, "many": 33}),
        ({"few": 0}, {"many": 40}),
        ({"many": 40}, {"many": 40}),
        ({"few": 25, "many": 15}, {"few": 25, "many": 15}),
    ],
)
def test_a_source_may_say_how_many_of_its_rows_validate(
    sizes: dict[str, int], found: dict[str, int], mixture: DataConfig
) -> None:
    config = sized(mixture, **sizes)
    parts = [split_at(config, size) for size in (5, 200)]
    assert origins_of(mixture, parts[1].val) == found
    assert parts[0].val == parts[1].val
    assert parts[0].train == parts[1].train[:5]
    assert origins_of(mixture, parts[1].train) == {"few": 150, "many": 50}
    groups = {parts[1].group[row] for row in parts[1].val}
    assert not groups & {parts[1].group[row] for row in parts[1].train}


def test_a_source_with_too_few_rows_to_validate_is_named(mixture: DataConfig) -> None:
    config = sized(mixture, few=301).model_copy(update={"val_size": 400})
    with pytest.raises(ValueError, match=r"data.sources.few.val_size=301: only 300 of its rows"):
        split_at(config, 10)


def test_rows_of_other_sources_do_not_stand_in_for_a_sources_own(
    tmp_path: Path, data: Config
) -> None:
    asked = [{"instruction": f"asked {n}", "output": "b"} for n in range(40)]
    for name, answer in (("mine", "b"), ("others", "c")):  # every question is in both
        rows = [row | {"output": answer} for row in asked]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    sources = {
        "mine": SourceConfig(path=str(tmp_path / "mine.jsonl"), val_size=10),
        "others": SourceConfig(path=str(tmp_path / "others.jsonl"), val_size=0),
    }
    config = data(path="mixture", format="auto", sources=sources, size=20, val_size=10)
    assert origins(config, split_at(config, 20).val) == {"mine": 10}


def test_what_sources_do_not_say_is_no_part_of_a_runs_id(
    mixture: DataConfig, experiment: Experiment
) -> None:
    assert mixture.model_dump()["sources"]["many"].keys() == {"path", "format", "weight"}

    def id_of(config: DataConfig) -> str:
        return experiment.model_copy(update={"data": config}).id("rows")

    assert id_of(sized(mixture)) == id_of(mixture)
    assert id_of(sized(mixture, few=7)) != id_of(mixture)


def test_kinds_have_the_share_that_they_have_of_all_rows(tmp_path: Path, data: Config) -> None:
    path = file(tmp_path / "my.jsonl", 1000)
    config = data(path=path, format="auto", size=100, val_size=100, stratify="kind")
    rows = read(config)
    found = split_for(config, rows)
    for places in (found.val, found.train):
        assert Counter(rows[place].kind for place in places) == {"a": 70, "b": 20, "c": 10}
    plain = split_for(config.model_copy(update={"stratify": None}), rows)
    assert Counter(rows[place].kind for place in plain.train) != {"a": 70, "b": 20, "c": 10}


def passages(path: Path) -> str:
    """400 rows of 4 passages with 200, 100, 60 and 40 rows, and 10 of a fifth."""
    counts = {"A": 200, "B": 100, "C": 60, "D": 40, "E": 10}
    rows = [
        {"instruction": f"{name} {n}", "output": "b", "source": name}
        for name, count in counts.items()
        for n in range(count)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


def test_sources_have_the_share_that_they_have_of_the_rows_that_train(
    tmp_path: Path, data: Config
) -> None:
    path = passages(tmp_path / "my.jsonl")
    plain = data(path=path, format="auto", size=200, val_size=10)
    config = plain.model_copy(update={"stratify": "source"})
    rows = read(config)
    whole = split_at(config, 200)
    assert whole.val == split_at(plain, 200).val
    held_out = {rows[row].source for row in whole.val}
    there = Counter(row.source for row in rows if row.source not in held_out)
    for size in range(1, 201):
        found = Counter(rows[row].source for row in whole.train[:size])
        for name, count in there.items():
            assert abs(found[name] - size * count / there.total()) <= 1
        if size in (1, 7, 100):
            assert split_at(config, size).train == whole.train[:size]
    plain_found = Counter(rows[row].source for row in split_at(plain, 20).train)
    assert plain_found != Counter(rows[row].source for row in whole.train[:20])


def test_many_small_sources_are_each_seen_once_before_any_twice(
    tmp_path: Path, data: Config
) -> None:
    path = tmp_path / "my.jsonl"
    rows = [
        {"instruction": f"{source} {n}", "output": "b", "source": f"window {source}"}
        for source in range(100)
        for n in range(3)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    config = data(path=str(path), format="auto", size=90, val_size=30, stratify="source")
    read_rows = read(config)
    found = Counter(read_rows[row].source for row in split_at(config, 90).train)
    assert set(found.values()) == {1}


def test_kinds_have_their_share_in_each_source_of_a_mixture(mixture: DataConfig) -> None:
    config = sized(mixture, few=20).model_copy(update={"stratify": "kind"})
    rows = read(config)
    whole = split_at(config, 200)
    assert origins_of(mixture, whole.val) == {"few": 20, "many": 20}
    for places, source, count in (
        (whole.val, "few", 20),
        (whole.val, "many", 20),
        (whole.train, "few", 150),
        (whole.train, "many", 50),
        (whole.train[:40], "few", 30),
    ):
        found = Counter(rows[row].kind for row in places if rows[row].origin == source)
        for kind, share in {"a": 0.7, "b": 0.2, "c": 0.1}.items():
            assert abs(found[kind] - share * count) <= 1
    assert split_at(config, 40).train == whole.train[:40]
    assert split_at(config, 40).val == whole.val


def test_a_kind_of_which_no_row_is_left_is_named(tmp_path: Path, data: Config) -> None:
    path = tmp_path / "my.jsonl"
    rows = [{"instruction": f"{n}", "output": "b", "source": f"{n // 4}"} for n in range(40)]
    rows[-1]["kind"] = "rare"
    path.write_text("\n".join(map(json.dumps, rows)))
    config = data(path=str(path), format="auto", size=24, val_size=8, stratify="kind", seed=14)
    with pytest.raises(ValueError, match="'rare' has no more rows for its share: set data.size"):
        split_for(config, read(config))


@pytest.mark.parametrize("by", ["source", "kind"])
def test_strata_that_no_row_has_are_told(by: str, tmp_path: Path, data: Config) -> None:
    path = tmp_path / "my.jsonl"
    rows = [{"instruction": f"{n}", "output": "b"} for n in range(40)]
    path.write_text("\n".join(map(json.dumps, rows)))
    config = data(path=str(path), format="auto", size=8, val_size=8, stratify=by)
    with pytest.raises(ValueError, match=f"data.stratify={by}: no row has a {by}; leave it out"):
        split_for(config, read(config))


def test_rows_say_where_they_come_from(mixture: DataConfig) -> None:
    rows = read(mixture)
    assert (rows[0].origin, rows[0].place) == ("few", "few: few.jsonl line 1")
    assert (rows[-1].origin, rows[-1].place) == ("many", "many: many.jsonl line 900")


def test_what_is_wrong_with_every_source_is_told_at_once(mixture: DataConfig) -> None:
    assert mixture.sources is not None
    Path(mixture.sources["few"].path).write_text('{"instruction": "a", "output": ""}')
    sources = mixture.sources | {"gone": SourceConfig(path="nowhere.jsonl")}
    with pytest.raises(DataError) as caught:
        read(mixture.model_copy(update={"sources": sources}))
    assert caught.value.problems[0].startswith("few: few.jsonl line 1: output is empty")
    assert caught.value.problems[1].startswith("data.sources.gone.path=nowhere.jsonl: there is")


def test_the_digest_changes_with_the_rows_of_any_source(mixture: DataConfig) -> None:
    before = digest(mixture)
    assert mixture.sources is not None
    path = Path(mixture.sources["many"].path)
    path.write_text(path.read_text().replace("many 7", "many x", 1))
    assert digest(mixture) != before


def test_a_runs_id_knows_weights_and_not_places(
    mixture: DataConfig, experiment: Experiment
) -> None:
    def id_of(**changes: object) -> str:
        assert mixture.sources is not None
        few = mixture.sources["few"].model_copy(update=changes)
        data = mixture.model_copy(update={"sources": mixture.sources | {"few": few}})
        return experiment.model_copy(update={"data": data}).id("rows")

    assert id_of(path="elsewhere.jsonl") == id_of()
    assert id_of(weight=2.0) != id_of()


def test_keys_that_are_not_used_are_no_part_of_a_runs_settings(experiment: Experiment) -> None:
    assert set(experiment.model_dump()["data"]) == {
        *("name", "path", "format", "size", "val_size", "seed", "max_tokens", "too_long"),
        "train_on",
    }


def test_each_sources_validation_loss_is_kept(
    mixture: DataConfig, experiment: Experiment, tmp_path: Path
) -> None:
    data = mixture.model_copy(update={"size": 16, "val_size": 12})
    run = experiment.model_copy(update={"data": data})
    run_trunk({"run": run}, tmp_path, on_step=lambda tick: None)
    folder = run_folder(tmp_path, "run")
    record, losses = Record.load(folder / "record.json"), RowLosses.load(folder / "rows.npz")
    assert list(record.sources) == ["few", "many"]
    rows = read(data)
    val = [rows[place] for place in split_for(data, rows).val]
    assert losses.val_digest.tolist() == row_digests(val).tolist()
    for name, found in record.sources.items():
        mine = np.array([row.origin == name for row in val])
        tokens = losses.val_tokens[mine].sum()
        assert found == pytest.approx((losses.val[:, mine].sum(axis=1) / tokens).tolist(), rel=1e-5)
    assert record.sources["few"] != record.sources["many"]
    (row,) = results([record])
    assert row["val_loss.many"] == record.sources["many"][-1]
    write_csv(tmp_path / "results.csv", [row])
    assert "val_loss.few,val_loss.many" in (tmp_path / "results.csv").read_text()
