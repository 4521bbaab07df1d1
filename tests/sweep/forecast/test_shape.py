from settings import changed

from epochwise.sweep.forecast.shape import MOST, Told, chosen, shape, told


def of_ranks(experiment, *ranks):
    return [shape(changed(experiment, {"peft.r": rank})) for rank in ranks]


def test_what_changes_numbers_alone_is_one_shape(experiment):
    alike = [{"peft.lora_alpha": 8}, {"train.seed": 3}, {"data.size": 9}, {"train.epochs": 7}]
    alike += [{"peft.lora_dropout": 0.3}, {"peft.name": "mine"}, {"train.micro_batch_size": 3}]
    assert {shape(changed(experiment, change)) for change in alike} == {shape(experiment)}


def test_what_changes_the_work_of_a_step_is_another_shape(experiment):
    others = [{"peft.r": 5}, {"model.path": "world:4m"}, {"model.weights": "bf16"}]
    others += [{"train.batch_size": 4}, {"train.micro_batch_size": 2}, {"peft.lora_dropout": 0.0}]
    others += [{"evaluate.batch_size": 7}, {"peft.peft_type": "VERA"}]
    found = {shape(changed(experiment, change)) for change in others}
    assert len(found - {shape(experiment)}) == len(others)


def test_of_many_ranks_the_lowest_and_highest_are_measured(experiment):
    ranks = of_ranks(experiment, 8, 2, 64, 16)
    assert [each.rank for each in chosen(dict.fromkeys(ranks, 1.0))] == [64, 2]


def test_of_ranks_that_are_near_the_highest_stands_for_all(experiment):
    ranks = of_ranks(experiment, 8, 4, 32, 16)
    assert [each.rank for each in chosen(dict.fromkeys(ranks, 1.0))] == [32]


def test_of_too_many_kinds_those_with_the_most_work_are_measured(experiment):
    kinds = [shape(changed(experiment, {"train.batch_size": n})) for n in range(3, 12)]
    work = {kind: float(place) for place, kind in enumerate(kinds)}
    found = chosen(work)
    assert len(found) == MOST
    assert found == kinds[::-1][:MOST]


def test_a_rank_between_two_is_told_from_both(experiment):
    low, middle, high, above = of_ranks(experiment, 2, 4, 10, 12)
    assert told(middle, [high, low]) == Told(low, high, 0.25)
    assert told(low, [high, low]) == Told(low, low, 0.0)
    assert told(above, [low, high]) == Told(high, high, 0.0)


def test_another_kind_is_told_from_the_same_model_first(experiment):
    wanted, batch, model = (
        shape(changed(experiment, change))
        for change in (
            {"train.batch_size": 16},
            {"peft.peft_type": "VERA"},
            {"train.batch_size": 16, "model.path": "world:4m"},
        )
    )
    assert told(wanted, [model, batch]).low == batch
    assert told(wanted, [model]).low == model
