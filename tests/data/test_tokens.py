from collections.abc import Callable
from itertools import groupby
from operator import itemgetter

import pytest
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from epochwise.config import DataConfig
from epochwise.data.chat import chat
from epochwise.data.formats import Message, Row
from epochwise.data.functions import leaves_out_functions
from epochwise.data.limit import Examples
from epochwise.data.problems import DataError
from epochwise.data.template import apply
from epochwise.data.tokens import Example, Manner, example, examples

MakeRow = Callable[..., Row]
Config = Callable[..., DataConfig]
Spans = tuple[str, str]


def spans(made: Example, tokenizer: PreTrainedTokenizerFast) -> Spans:
    """The text that carries no loss, and the text that does."""
    prompt, scored = made.ids[~made.scored], made.ids[made.scored]
    return str(tokenizer.decode(prompt)), str(tokenizer.decode(scored))


def test_the_answer_and_its_end_are_scored_and_the_newline_after_it_is_gone(
    chatml: PreTrainedTokenizerFast, row: MakeRow
) -> None:
    made = example(row("Sort", "a, b", input="b a"), chatml)
    assert spans(made, chatml) == (
        "<|im_start|>system\nBe kind<|im_end|>\n"
        "<|im_start|>user\nSort\nb a<|im_end|>\n<|im_start|>assistant\n",
        "a, b<|im_end|>",
    )


def test_there_is_one_bos_where_the_template_has_one(
    llama: PreTrainedTokenizerFast, row: MakeRow
) -> None:
    made = example(row("Hi", "Ho"), llama)
    assert made.ids.tolist().count(llama.bos_token_id) == 1
    assert spans(made, llama) == ("<s>[INST] Hi [/INST]", " Ho</s>")


def test_a_base_model_learns_the_alpaca_layout_up_to_eos(
    base: PreTrainedTokenizerFast, row: MakeRow
) -> None:
    apply(base, "alpaca")
    made = example(row("Sort", "a, b", input="b a"), base)
    prompt, scored = spans(made, base)
    assert prompt.endswith("### Instruction:\nSort\n\n### Input:\nb a\n\n### Response:\n")
    assert scored == "a, b<eos>"


def test_only_the_last_answer_of_a_conversation_is_scored(
    chatml: PreTrainedTokenizerFast, row: MakeRow
) -> None:
    made = example(row("C", "D", system="S", history=(("A", "B"),)), chatml)
    prompt, scored = spans(made, chatml)
    assert prompt == (
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nA<|im_end|>\n"
        "<|im_start|>assistant\nB<|im_end|>\n<|im_start|>user\nC<|im_end|>\n<|im_start|>assistant\n"
    )
    assert scored == "D<|im_end|>"


def test_all_but_the_first_token_can_be_scored(
    chatml: PreTrainedTokenizerFast, row: MakeRow
) -> None:
    response, everything = (example(row(), chatml, Manner(on)) for on in ("response", "all"))
    assert everything.ids.tolist() == response.ids.tolist()
    assert everything.scored.tolist() == [False] + [True] * (len(everything.ids) - 1)


def test_an_answers_own_line_ends_are_kept(chatml: PreTrainedTokenizerFast, row: MakeRow) -> None:
    made = example(row("Sort", "\na\n"), chatml)
    assert spans(made, chatml)[1] == "\na\n<|im_end|>"


def test_a_token_across_the_border_is_scored(row: MakeRow) -> None:
    words = {"[": 0, ":": 1, "a": 2, "\n": 3, "\n\n": 4, "]": 5}
    tokenizer = Tokenizer(models.BPE(words, [("\n", "\n")]))
    tokenizer.add_special_tokens(["]"])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    fast.chat_template = (
        "[{% for m in messages if m.role == 'assistant' %}{{ ':\n' + m.content + ']' }}"
        "{% endfor %}{{ ':\n' if add_generation_prompt }}"
    )
    begun = [example(row(output=text), fast) for text in ("a", "\na")]
    assert [made.ids.tolist() for made in begun] == [[0, 1, 3, 2, 5], [0, 1, 4, 2, 5]]
    assert [made.scored.argmax() for made in begun] == [3, 2]


def test_a_template_that_prints_the_date_gives_the_same_tokens_every_day(
    chatml: PreTrainedTokenizerFast, row: MakeRow
) -> None:
    chatml.chat_template = (
        "{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}"
        "{% endif %}{{ date_string }}" + str(chatml.chat_template)
    )
    made = example(row(), chatml)
    assert spans(made, chatml)[0].startswith("26 Jul 2024<|im_start|>")


@pytest.mark.parametrize(
    ("template", "words"),
    [
        (
            "{{ messages | length }}{% for m in messages %}{{ m.content }}<|im_end|>{% endfor %}",
            "does not begin a conversation with its own prompt",
        ),
        ("{% for m in messages %}{{ m.content }}{% endfor %}", "no end-of-turn token"),
        ("{{ raise_exception('no such role') }}", "refuses this row: no such role"),
    ],
)
def test_templates_that_cannot_train_are_named(
    template: str, words: str, chatml: PreTrainedTokenizerFast, row: MakeRow
) -> None:
    chatml.chat_template = template
    with pytest.raises(DataError, match=words) as caught:
        example(row(), chatml)
    assert "made.json row 1" in str(caught.value)
    assert "model.template=alpaca|chatml|llama2|plain" in str(caught.value)


def test_a_template_without_system_messages_names_the_row_that_has_one(
    llama: PreTrainedTokenizerFast, row: MakeRow
) -> None:
    with pytest.raises(DataError, match="made.json row 1.*no system messages here"):
        example(row(system="S"), llama)


def test_rows_over_the_limit_are_listed_with_their_length(
    llama: PreTrainedTokenizerFast, row: MakeRow, data: Config
) -> None:
    # <s>[INST] q [/INST] <answer></s>: 19 tokens and the answer's
    rows = [row("q", "a" * n, place=f"my.json row {n}") for n in (3, 9, 5)]
    examples = Examples(rows, llama, data(max_tokens=23))
    assert [examples.fits(n) for n in range(3)] == [True, True, True]
    with pytest.raises(DataError) as caught:
        examples.of([0, 1, 2])
    assert caught.value.problems == [
        "2 rows are too long: set data.max_tokens=28 or more,"
        " or data.too_long=drop|truncate_prompt|split",
        "my.json row 9: 28 tokens, over data.max_tokens=23",
        "my.json row 5: 24 tokens, over data.max_tokens=23",
    ]


def test_rows_over_the_limit_are_dropped_and_counted_when_asked_for(
    llama: PreTrainedTokenizerFast, row: MakeRow, data: Config
) -> None:
    rows = [row("q", "a" * n) for n in (3, 9, 5, 99)]
    examples = Examples(rows, llama, data(max_tokens=23, too_long="drop"))
    assert [examples.fits(n) for n in range(3)] == [True, False, False]
    assert examples.dropped == 2


CALL = '{"name": "look_up", "arguments": {"word": "a"}}'
TALK = Row(
    (
        Message("system", "S"),
        Message("user", "A"),
        Message("assistant", "B"),
        Message("user", "C"),
        Message("assistant", "D"),
    ),
    place="made.json row 1",
)


def learnt(made: Example, tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """The text of each stretch that carries loss."""
    stretches = groupby(zip(made.ids.tolist(), made.scored.tolist(), strict=True), itemgetter(1))
    return [str(tokenizer.decode([n for n, _ in some])) for scored, some in stretches if scored]


def test_every_answer_of_a_conversation_is_scored_with_its_end(
    chatml: PreTrainedTokenizerFast,
) -> None:
    made = example(TALK, chatml, Manner("response", "all"))
    assert learnt(made, chatml) == ["B<|im_end|>", "D<|im_end|>"]
    assert made.ids.tolist() == example(TALK, chatml).ids.tolist()


def test_an_answer_that_its_source_marks_is_not_learnt(chatml: PreTrainedTokenizerFast) -> None:
    def marked(*places: int) -> Row:
        return TALK._replace(
            messages=tuple(
                said._replace(trained=place not in places)
                for place, said in enumerate(TALK.messages)
            )
        )

    assert learnt(example(marked(2), chatml, Manner("response", "all")), chatml) == ["D<|im_end|>"]
    for turns in ("all", "last"):
        first = example(marked(4), chatml, Manner("response", turns))
        assert learnt(first, chatml) == ["B<|im_end|>"]
        assert str(chatml.decode(first.ids)).endswith("B<|im_end|>")
    with pytest.raises(DataError, match="row 1: marks none of its answers as one to learn"):
        example(marked(2, 4), chatml)


def test_a_document_is_learnt_whole_with_its_ends(
    llama: PreTrainedTokenizerFast, chatml: PreTrainedTokenizerFast
) -> None:
    row = Row((Message("text", "Once."),))
    opened, plain = (example(row, tokenizer) for tokenizer in (llama, chatml))
    assert str(llama.decode(opened.ids)) == "<s>Once.</s>"
    assert opened.scored.tolist() == [False] + [True] * 6
    assert str(chatml.decode(plain.ids)) == "Once.<|im_end|>"
    assert plain.scored.tolist() == [False] + [True] * 5


def test_nothing_to_learn_is_a_fault_of_the_row(base: PreTrainedTokenizerFast) -> None:
    base.eos_token = None
    with pytest.raises(DataError, match="no token that could carry loss"):
        example(Row((Message("text", "a"),)), base)


def test_an_earlier_answer_that_a_template_strips_is_no_longer_learnt(
    chatml: PreTrainedTokenizerFast,
) -> None:
    chatml.chat_template = (  # as Qwen3's, which thinks only before the last answer
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}"
        "{{ '<think>\n' if loop.last and m.role == 'assistant' }}"
        "{{ m.content + '<|im_end|>\n' }}{% endfor %}"
        "{{ '<|im_start|>assistant\n' if add_generation_prompt }}"
    )
    assert learnt(example(TALK, chatml), chatml) == ["<think>\nD<|im_end|>"]
    with pytest.raises(DataError, match="row 1.*otherwise once there are later ones.*turns=last"):
        example(TALK, chatml, Manner("response", "all"))


def test_every_row_that_cannot_be_trained_is_named_at_once(
    llama: PreTrainedTokenizerFast,
) -> None:
    rows = [TALK._replace(place=f"my.json row {n}") for n in range(3)]
    with pytest.raises(DataError) as caught:
        examples(rows, llama)
    assert [problem[:13] for problem in caught.value.problems] == [
        f"my.json row {n}" for n in range(3)
    ]


def calling(content: str = "") -> Row:
    asked = Message("user", "What is a?")
    called = Message("assistant", content, calls=(CALL,))
    told = (Message("tool", "a letter"), Message("assistant", "A letter."))
    return Row((asked, called, *told), ('{"name": "look_up", "parameters": {}}',), place="row 1")


def test_a_call_is_learnt_as_the_template_writes_it(chatml: PreTrainedTokenizerFast) -> None:
    chatml.chat_template = (
        "{{ tools | map(attribute='function') | map(attribute='name') | join if tools }}"
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content }}"
        "{% for c in m.tool_calls %}{{ c.id + c.function.name + c.function.arguments.word }}"
        "{% endfor %}{{ m.tool_call_id }}{{ '<|im_end|>\n' }}{% endfor %}"
        "{{ '<|im_start|>assistant\n' if add_generation_prompt }}"
    )
    made = example(calling(), chatml, Manner("response", "all"))
    assert learnt(made, chatml) == ["call00001look_upa<|im_end|>", "A letter.<|im_end|>"]
    assert "a lettercall00001<|im_end|>" in str(chatml.decode(made.ids))
    assert not leaves_out_functions(calling(), chatml)


def test_results_belong_to_calls_in_their_order() -> None:
    called = Message("assistant", "", calls=(CALL, CALL.replace("look_up", "find")))
    results = (Message("tool", "1"), Message("tool", "2"))
    row = Row((Message("user", "A"), called, *results, called, *results, Message("assistant", "B")))
    told = [said for said in chat(row, "last").messages if said["role"] == "tool"]
    assert [said["name"] for said in told] == ["look_up", "find"] * 2
    assert [said["tool_call_id"] for said in told] == [f"call{n:05}" for n in (1, 2, 3, 4)]


def test_functions_that_a_template_leaves_out_are_noticed(
    chatml: PreTrainedTokenizerFast, base: PreTrainedTokenizerFast
) -> None:
    assert leaves_out_functions(calling("look_up"), chatml)  # the definition
    with pytest.raises(DataError, match="leaves out the function calls that this row teaches"):
        example(calling(), chatml, Manner("response", "all"))
    apply(base, "alpaca")
    with pytest.raises(
        DataError, match="row 1.*no place for function calls.*model whose own template has"
    ):
        example(calling(), base)
