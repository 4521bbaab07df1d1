import pytest
from transformers import PreTrainedTokenizerFast

from epochwise.data.template import apply

BEGINNING = "Below is an instruction that describes a task"
ENDING = "Write a response that appropriately completes the request.\n\n"


def test_own_keeps_the_template_and_needs_one(
    chatml: PreTrainedTokenizerFast, base: PreTrainedTokenizerFast
) -> None:
    before = chatml.chat_template
    apply(chatml, "own")
    assert chatml.chat_template == before
    with pytest.raises(ValueError, match=r"model\.template=alpaca\|chatml\|llama2\|plain"):
        apply(base, "own")


def test_alpaca_has_the_layout_of_stanford_alpaca(base: PreTrainedTokenizerFast) -> None:
    apply(base, "alpaca")
    question = {"role": "user", "content": "Sort\nb a", "instruction": "Sort", "input": "b a"}
    prompt = base.apply_chat_template([question], tokenize=False, add_generation_prompt=True)
    assert prompt == (
        f"{BEGINNING}, paired with an input that provides further context. {ENDING}"
        "### Instruction:\nSort\n\n### Input:\nb a\n\n### Response:\n"
    )


def test_alpaca_ends_each_answer_and_repeats_no_opening(base: PreTrainedTokenizerFast) -> None:
    apply(base, "alpaca")
    talk = [
        {"role": role, "content": text}
        for role, text in [("user", "A"), ("assistant", "B"), ("user", "C"), ("assistant", "D")]
    ]
    assert base.apply_chat_template(talk, tokenize=False) == (
        f"{BEGINNING}. {ENDING}### Instruction:\nA\n\n### Response:\nB<eos>\n\n"
        "### Instruction:\nC\n\n### Response:\nD<eos>"
    )


def test_a_system_message_takes_the_place_of_alpacas_opening(base: PreTrainedTokenizerFast) -> None:
    apply(base, "alpaca")
    talk = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "A"}]
    prompt = base.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
    assert prompt == "Be brief.\n\n### Instruction:\nA\n\n### Response:\n"


def test_a_shipped_template_opens_as_the_tokenizer_does(llama: PreTrainedTokenizerFast) -> None:
    apply(llama, "alpaca")
    text = llama.apply_chat_template([{"role": "user", "content": "A"}], tokenize=False)
    assert isinstance(text, str)
    assert text.startswith(f"<s>{BEGINNING}")


def test_chatml_needs_its_tokens(
    chatml: PreTrainedTokenizerFast, base: PreTrainedTokenizerFast
) -> None:
    apply(chatml, "chatml")
    talk = [{"role": "user", "content": "A"}]
    assert chatml.apply_chat_template(talk, tokenize=False, add_generation_prompt=True) == (
        "<|im_start|>user\nA<|im_end|>\n<|im_start|>assistant\n"
    )
    with pytest.raises(ValueError, match=r"<\|im_end\|>.*set model\.template=alpaca\|llama2"):
        apply(base, "chatml")


def test_alpaca_needs_a_token_to_end_with(base: PreTrainedTokenizerFast) -> None:
    base.eos_token = None
    with pytest.raises(ValueError, match="end-of-sequence token"):
        apply(base, "alpaca")
