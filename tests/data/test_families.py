"""What must hold for every template, told apart by transformers itself, on made conversations."""

import os
import re

import pytest
from families import FAMILIES, HERE, SHIPPED, UNTRAINABLE, Family, rows, tokenizer_of
from transformers import PreTrainedTokenizerFast

from epochwise.data.chat import chat
from epochwise.data.formats import Row
from epochwise.data.problems import DataError
from epochwise.data.render import DATE
from epochwise.data.template import apply
from epochwise.data.tokens import Example, Manner, examples
from epochwise.evaluate.generate import prompt

CALLED = "find_weather"
SOAK = bool(os.environ.get("EPOCHWISE_SOAK"))
EACH = 400 if SOAK else 60  # conversations; 400 make more than 10,000 over all templates


def with_template(name: str, family: Family) -> PreTrainedTokenizerFast:
    tokenizer = tokenizer_of(family)
    if name in SHIPPED:
        apply(tokenizer, name)  # type: ignore[arg-type]
        if family.bos:
            tokenizer.chat_template = "{{- bos_token -}}\n" + str(tokenizer.chat_template)
    else:
        tokenizer.chat_template = (HERE / f"{name}.jinja").read_text(encoding="utf-8")
    return tokenizer


def test_there_are_enough_families_and_conversations() -> None:
    assert len({re.split(r"[0-9_]", name)[0] for name in FAMILIES}) >= 12
    assert len(FAMILIES | SHIPPED) * 400 >= 10_000


@pytest.mark.parametrize("name", FAMILIES | SHIPPED)
def test_every_conversation_is_trained_as_it_is_used(name: str) -> None:
    family = (FAMILIES | SHIPPED)[name]
    tokenizer = with_template(name, family)
    made = list(rows(family, EACH, seed=len(name)))
    for turns in ("last", "all") if family.all_turns else ("last",):
        trained = examples(made, tokenizer, Manner("response", turns))
        half = slice(turns == "all", None, 2)  # each half of them is checked in one way
        for row, found in zip(made[half], trained[half], strict=True):
            check(row, found, tokenizer, family, turns)


@pytest.mark.parametrize("name", [name for name, one in FAMILIES.items() if not one.all_turns])
def test_a_template_that_rewrites_earlier_answers_says_so(name: str) -> None:
    tokenizer = with_template(name, FAMILIES[name])
    long = [row for row in rows(FAMILIES[name], 9, seed=1) if len(row.messages) > 3]
    with pytest.raises(DataError, match="otherwise once there are later ones.*data.turns=last"):
        examples(long, tokenizer, Manner("response", "all"))


@pytest.mark.parametrize("name", UNTRAINABLE)
def test_a_template_that_cannot_train_is_found_out(name: str) -> None:
    family, reason = UNTRAINABLE[name]
    tokenizer = with_template(name, family)
    with pytest.raises(DataError, match=reason) as caught:
        examples(list(rows(family, 5, seed=1)), tokenizer)
    assert len(caught.value.problems) == 5


THINKERS = {
    "qwen3": FAMILIES["qwen3"],
    "qwen3_5_nothink": FAMILIES["qwen3_5_nothink"],
    "nemotron_3_nano": UNTRAINABLE["nemotron_3_nano"][0],
}


@pytest.mark.parametrize("name", THINKERS)
def test_a_template_told_not_to_think_is_told_so_in_use_as_well(name: str) -> None:
    family = THINKERS[name]
    tokenizer, plain = with_template(name, family), with_template(name, family)
    apply(tokenizer, "own", thinking=False)
    for row in rows(family, EACH, seed=len(name)):
        talk = chat(row, "last")
        asked, told = talk.messages[:-1], {"tools": talk.tools or None, "tokenize": False}
        begin = str(tokenizer.apply_chat_template(asked, **told, add_generation_prompt=True))
        told |= {"enable_thinking": False}
        assert begin == plain.apply_chat_template(asked, **told, add_generation_prompt=True)
        (found,) = examples([row], tokenizer)
        learnt = tokenizer.decode(found.ids[found.scored])
        used = tokenizer(begin, add_special_tokens=False).input_ids
        assert "<think>" in begin.rpartition("assistant")[2]
        assert "think>" not in learnt
        assert list(prompt(row, tokenizer).ids) == found.ids.tolist()[: found.scored.argmax()]
        assert used[: found.scored.argmax()] == found.ids.tolist()[: found.scored.argmax()]


def test_what_a_template_is_told_is_saved_with_it() -> None:
    tokenizer = with_template("qwen3", FAMILIES["qwen3"])
    before = tokenizer.chat_template
    apply(tokenizer, "own", thinking=True)
    thinks = str(tokenizer.chat_template)
    asked = [{"role": "user", "content": "so"}]
    told = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": False}
    assert str(tokenizer.apply_chat_template(asked, **told)).endswith("assistant\n")
    assert thinks == "{% set enable_thinking = true %}\n" + str(before)
    apply(tokenizer, "own")
    assert tokenizer.chat_template == thinks


def test_thinking_is_for_templates_that_know_of_it() -> None:
    tokenizer = with_template("qwen2_5", FAMILIES["qwen2_5"])
    with pytest.raises(ValueError, match="model.thinking=false: .* knows no enable_thinking"):
        apply(tokenizer, "own", thinking=False)
    with pytest.raises(ValueError, match="for a model's own template, not for plain"):
        apply(tokenizer, "plain", thinking=True)


def check(
    row: Row, found: Example, tokenizer: PreTrainedTokenizerFast, family: Family, turns: str
) -> None:
    ids, scored = found.ids.tolist(), found.scored.tolist()
    alone = family.bos if family.bos not in ("<|im_start|>", family.eos) else ""
    assert ids.count(tokenizer.bos_token_id) == 1 or not alone
    assert ids[-1] in tokenizer.added_tokens_decoder
    assert scored[-1]
    assert not scored[0]
    talk = chat(row, turns)  # type: ignore[arg-type]
    told = {"tools": talk.tools or None, "date_string": DATE, "tokenize": False}
    whole = str(tokenizer.apply_chat_template(talk.messages, **told)).rstrip()
    encoding = tokenizer.backend_tokenizer.encode(whole, add_special_tokens=False)
    assert encoding.ids == ids
    answers = [
        place
        for place, said in enumerate(row.messages)
        if said.role == "assistant" and (turns == "all" or place == len(row.messages) - 1)
    ]
    inside = [False] * len(ids)
    for place in answers:
        asked = talk.messages[:place]
        begin = str(tokenizer.apply_chat_template(asked, **told, add_generation_prompt=True))
        used = tokenizer(begin, add_special_tokens=False).input_ids
        first = next(n for n, (_, end) in enumerate(encoding.offsets) if end > len(begin))
        assert used[:first] == ids[:first]
        assert len(used) == first or begin_is_in_a_token(encoding.offsets[first], len(begin))
        last = next(n for n in range(first, len(ids)) if not any(scored[n : n + 2][1:]))
        inside[first : last + 1] = [True] * (last + 1 - first)
        learnt = whole[encoding.offsets[first][0] : encoding.offsets[last][1]]
        answer = row.messages[place].content.strip()
        assert CALLED in learnt or only_ends(learnt.rpartition(answer), tokenizer)
    assert scored == inside
    if turns == "last":
        assert list(prompt(row, tokenizer).ids) == ids[: scored.index(True)]


def begin_is_in_a_token(offsets: tuple[int, int], border: int) -> bool:
    """Whether a token goes over the border, so that the answer's first token holds both."""
    return offsets[0] < border < offsets[1]


def only_ends(parts: tuple[str, str, str], tokenizer: PreTrainedTokenizerFast) -> bool:
    """Whether the answer is there, and after it the end of the turn and nothing else."""
    _, said, after = parts
    rest = after
    for token in tokenizer.added_tokens_decoder.values():
        rest = rest.replace(token.content, "")
    return bool(said) and bool(after.strip()) and not rest.strip()
