"""The committed base models load, are small, and are as good as their card says."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from epochwise.world import MODELS, model_folder
from epochwise.world.card import write_card
from epochwise.world.generator import rows
from epochwise.world.measure import answer, document, held_out_documents, loss

NAMES = ["1m", "4m"]
SHORT = 100  # documents; the mean of a sample this small lies within 10 % of the recorded one


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(model_folder("1m"))


def test_an_unknown_model_is_refused_with_the_known_names() -> None:
    with pytest.raises(ValueError, match=r"got model '7b', expected one of \['1m', '4m'\]"):
        model_folder("7b")


def test_what_is_committed_stays_under_12_megabytes() -> None:
    assert sum(path.stat().st_size for path in MODELS.rglob("*") if path.is_file()) <= 12_000_000


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_bf16(name: str) -> None:
    with safe_open(model_folder(name) / "model.safetensors", "pt") as weights:
        assert {weights.get_tensor(key).dtype for key in weights.keys()} == {torch.bfloat16}  # noqa: SIM118


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_as_good_as_recorded(name: str, tokenizer: PreTrainedTokenizerFast) -> None:
    folder = model_folder(name)
    recorded = json.loads((folder / "evaluation.json").read_text())
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    assert isinstance(model, LlamaForCausalLM)
    assert model.num_parameters() == recorded["parameters"]
    texts = [document(tokenizer, text) for text in held_out_documents(SHORT)]
    measured = loss(model, texts).mean
    assert measured == pytest.approx(recorded["held_out_nats_per_token"], rel=0.1)
    assert measured < 2.5  # a model that knows only how frequent words are is above 5


@pytest.mark.parametrize("name", NAMES)
def test_both_models_have_the_same_tokenizer(name: str) -> None:
    first, other = model_folder("1m"), model_folder(name)
    for file in ("tokenizer.json", "chat_template.jinja"):
        assert (first / file).read_bytes() == (other / file).read_bytes()


def test_the_card_says_what_was_measured(tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "evaluation.json").write_bytes(
            (model_folder(name) / "evaluation.json").read_bytes()
        )
    write_card(tmp_path)
    assert (tmp_path / "README.md").read_text() == (MODELS / "README.md").read_text()


def test_rows_are_short(tokenizer: PreTrainedTokenizerFast) -> None:
    texts = [answer(tokenizer, row) for row in rows(5000)]
    lengths = [len(text.ids) for text in texts]
    assert sum(lengths) / len(lengths) <= 36
    assert max(lengths) <= 96
    answers = [len(text.ids) - text.unjudged for text in texts]
    assert sum(answers) / len(answers) <= 12


def test_special_tokens_are_single_and_padding_is_not_the_end(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    assert tokenizer.eos_token == "<|end|>"
    assert tokenizer.encode("<|bos|><|user|><|assistant|><|system|><|end|><|pad|>") == [
        1,
        3,
        4,
        5,
        2,
        0,
    ]


def test_chat_has_one_beginning_and_each_turn_an_end(tokenizer: PreTrainedTokenizerFast) -> None:
    turns = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Sort these words."},
        {"role": "assistant", "content": "figs, plums"},
        {"role": "user", "content": "Again."},
    ]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert text == (
        "<|bos|><|system|>Be short.<|end|><|user|>Sort these words.<|end|>"
        "<|assistant|>figs, plums<|end|><|user|>Again.<|end|><|assistant|>"
    )
    ids = tokenizer.apply_chat_template(turns)["input_ids"]
    assert ids.count(tokenizer.bos_token_id) == 1
    assert ids.count(tokenizer.eos_token_id) == len(turns)


def test_the_prompt_is_the_beginning_of_the_whole(tokenizer: PreTrainedTokenizerFast) -> None:
    for row in rows(300):
        ids, unjudged = answer(tokenizer, row)
        user = {
            "role": "user",
            "content": "\n\n".join(filter(None, (row["instruction"], row["input"]))),
        }
        prompt = tokenizer.apply_chat_template([user], add_generation_prompt=True)["input_ids"]
        assert ids[:unjudged] == prompt
        assert tokenizer.decode(ids[unjudged:]) == row["output"] + "<|end|>"


def test_any_text_survives_the_tokenizer(tokenizer: PreTrainedTokenizerFast) -> None:
    for text in ("Mira Tolven lives in Oskmere.", " two  spaces ", "Zoë paid 3,50 €\n\n"):
        assert tokenizer.decode(tokenizer.encode(text)) == text
