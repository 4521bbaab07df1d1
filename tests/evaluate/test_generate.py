from collections import Counter
from math import log
from pathlib import Path

import pytest
import torch
from phrase_model import ASSISTANT, END, save

from epochwise.config import ModelConfig, PeftConfig
from epochwise.data.formats import exchange
from epochwise.data.tokens import example
from epochwise.evaluate.generate import Manner, answers, prompt, written
from epochwise.model.adapter import add_adapter
from epochwise.model.pretrained import Pretrained, fresh, load_pretrained
from epochwise.model.ranks import ALONE
from epochwise.world.generator import rows

SOME = [
    exchange(r["instruction"], r["output"], input=r["input"])._replace(place=f"row {n}")
    for n, r in enumerate(rows(24))
]
ONE_BY_ONE = Manner(12, 1, bf16=False)
TOGETHER = Manner(12, 24, bf16=False)


def test_a_prompt_is_what_training_puts_before_the_answer(world_1m: Pretrained) -> None:
    asked = prompt(SOME[0], world_1m.tokenizer)
    ids, scored = example(SOME[0], world_1m.tokenizer)
    assert [*asked.ids, *ids[scored]] == list(ids)
    text = world_1m.tokenizer.decode(list(asked.ids))
    asks = f"{SOME[0].question}"
    assert text == f"<|bos|><|user|>{asks}<|end|><|assistant|>"
    assert world_1m.tokenizer.decode([asked.end]) == "<|end|>"


def test_a_prompt_does_not_know_the_answer(world_1m: Pretrained) -> None:
    other = SOME[0].answering("Something else.")
    assert prompt(other, world_1m.tokenizer) == prompt(SOME[0], world_1m.tokenizer)


def test_answers_in_batches_are_those_given_one_by_one(world_1m: Pretrained) -> None:
    prompts = [prompt(row, world_1m.tokenizer) for row in SOME]
    assert len({len(one.ids) for one in prompts}) > 5  # so that most are padded
    alone = answers(world_1m.model, world_1m.tokenizer, prompts, manner=ONE_BY_ONE)
    assert answers(world_1m.model, world_1m.tokenizer, prompts, manner=TOGETHER) == alone
    assert len(set(alone)) > 12


def test_an_answer_is_the_likeliest_token_each_time(world_1m: Pretrained) -> None:
    asked = prompt(SOME[1], world_1m.tokenizer)
    ids = list(asked.ids)
    for _ in range(12):
        with torch.inference_mode():
            ids.append(int(world_1m.model(torch.tensor([ids])).logits[0, -1].argmax()))
        if ids[-1] == asked.end:
            break
    wanted = world_1m.tokenizer.decode(ids[len(asked.ids) :], skip_special_tokens=True).strip()
    assert answers(world_1m.model, world_1m.tokenizer, [asked], manner=TOGETHER) == [wanted]


@pytest.mark.parametrize("method", ["PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING"])
def test_virtual_tokens_stand_before_the_prompt_as_in_training(
    world_1m: Pretrained, method: str
) -> None:
    settings = {"name": method, "peft_type": method, "num_virtual_tokens": 4}
    config = PeftConfig.model_validate(settings)
    model = add_adapter(fresh(world_1m.model, config), config, seed=0, total_steps=1).eval()
    prompts = [prompt(row, world_1m.tokenizer) for row in SOME[:6]]
    manner = Manner(4, 6, bf16=False, pads=False)
    given = answers(model, world_1m.tokenizer, prompts, manner=manner)
    for asked, text in zip(prompts, given, strict=True):
        ids = list(asked.ids)
        for _ in range(4):
            batch = {"input_ids": torch.tensor([ids]), "attention_mask": torch.ones(1, len(ids))}
            with torch.inference_mode():
                ids.append(int(model(**batch).logits[0, -1].argmax()))
            if ids[-1] == asked.end:
                break
        wanted = world_1m.tokenizer.decode(ids[len(asked.ids) :], skip_special_tokens=True)
        assert text == wanted.strip()


def test_an_answer_ends_where_the_model_ends_its_turn(world_1m: Pretrained) -> None:
    asked = prompt(SOME[1], world_1m.tokenizer)
    (text,) = answers(world_1m.model, world_1m.tokenizer, [asked], manner=TOGETHER)
    words = world_1m.tokenizer(text, add_special_tokens=False).input_ids
    early = asked._replace(end=words[-2])
    (shorter,) = answers(world_1m.model, world_1m.tokenizer, [early], manner=TOGETHER)
    assert shorter
    assert text.startswith(shorter)
    assert len(shorter) < len(text)


def test_advice_of_the_models_makers_on_sampling_is_not_followed(world_1m: Pretrained) -> None:
    prompts = [prompt(row, world_1m.tokenizer) for row in SOME[:4]]
    plain = answers(world_1m.model, world_1m.tokenizer, prompts, manner=TOGETHER)
    world_1m.model.generation_config.repetition_penalty = 5.0
    assert answers(world_1m.model, world_1m.tokenizer, prompts, manner=TOGETHER) == plain


def test_progress_is_told_with_every_batch(world_1m: Pretrained) -> None:
    prompts = [prompt(row, world_1m.tokenizer) for row in SOME[:5]]
    told: list[int] = []
    manner = Manner(1, 2, bf16=False)
    answers(world_1m.model, world_1m.tokenizer, prompts, manner=manner, on_answers=told.append)
    assert told == [2, 2, 1]


def test_a_prompt_that_leaves_no_room_for_an_answer_is_refused(world_1m: Pretrained) -> None:
    long = prompt(SOME[0].asking("blue " * 600), world_1m.tokenizer)
    with pytest.raises(ValueError, match=r"row 0: \d+ tokens of prompt .* the model's 512: lower"):
        answers(world_1m.model, world_1m.tokenizer, [long], manner=TOGETHER)


@pytest.mark.parametrize(("temperature", "share"), [(1.0, 3 / 4), (0.5, 9 / 10)])
def test_tokens_are_drawn_as_often_as_they_are_likely(
    temperature: float, share: float, tmp_path: Path
) -> None:
    chances = {ASSISTANT: {"often": log(3), "rarely": 0.0}, "often": {END: 0}, "rarely": {END: 0}}
    path = str(save(tmp_path, chances))
    config = ModelConfig(name="phrases", path=path, weights="fp32", template="own")
    model, tokenizer, *_ = load_pretrained(config, ALONE.device)
    asked = [prompt(SOME[0], tokenizer)._replace(seed=seed) for seed in range(4000)]
    manner = Manner(2, 4000, bf16=False, temperature=temperature)
    found = written(model, tokenizer, asked, manner)
    drawn = Counter(one.text for one in found)
    assert drawn.keys() == {"often", "rarely"}
    assert drawn["often"] / 4000 == pytest.approx(share, abs=0.03)  # 4 standard errors
    assert {(one.tokens, one.ended) for one in found} == {(2, True)}
    some = written(model, tokenizer, asked[::7], manner)  # the same, whoever is beside
    assert some == found[::7]
    (cut_off,) = written(model, tokenizer, asked[:1], manner._replace(max_new_tokens=1))
    assert (cut_off.tokens, cut_off.ended) == (1, False)
