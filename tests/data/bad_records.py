"""Records that are wrong in one place each, with what must be said of them."""

from typing import Any, NamedTuple

CALL = '{"name": "add", "arguments": {}}'
USER, ASSISTANT = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
HUMAN, GPT = {"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}
TOOL = {"name": "add"}

GOOD: dict[str, dict[str, Any]] = {
    "alpaca": {"instruction": "a", "output": "b"},
    "openai": {"messages": [USER, ASSISTANT]},
    "sharegpt": {"conversations": [HUMAN, GPT]},
    "pairs": {"prompt": "a", "completion": "b"},
    "preference": {"prompt": "a", "chosen": "b", "rejected": "c"},
    "text": {"text": "a"},
    "guanaco": {"text": "### Human: a### Assistant: b"},
}
NOT_TEXT = {  # values of a column of text: what is said of them
    "a number": 42,
    "a number (0.5": 0.5,
    "true or false": True,
    "NaN": float("nan"),
    "a list": ["a"],
    "an object": {"a": "b"},
}
NO_TEXT = {"half a character": "a\ud800", "a NUL": "a\0"}
BLANK = {"null": None, "nothing": "", "a blank": " ", "a line end": "\n\t "}
IDEOGRAPHIC = "\u3000\u2028"  # white space too


class Bad(NamedTuple):
    family: str
    fields: dict[str, Any]
    """In the place of the good ones."""
    column: str
    reason: str
    """A regular expression."""
    not_in: tuple[str, ...] = ()
    """Kinds of files that cannot hold it, or in which it is not wrong."""


def _columns() -> dict[str, Bad]:
    """Every column of text with every value that is none."""
    made: dict[str, Bad] = {}
    needed = {
        "alpaca": ("instruction", "output"),
        "pairs": ("prompt", "completion"),
        "preference": ("chosen", "rejected"),
        "text": ("text",),
    }
    for family, names in needed.items():
        for name in names:
            for what, blank in {**BLANK, "wide blanks": IDEOGRAPHIC}.items():
                bad = Bad(family, {name: blank}, name, "is (missing|empty)")
                made[f"{name} is {what}"] = bad
    optional = {"alpaca": ("input", "system", "source", "kind"), "openai": ("system",)}
    for family, names in [*needed.items(), *optional.items()]:
        for name in names:
            made |= _not_text(family, name)
    return made


def _not_text(family: str, name: str) -> dict[str, Bad]:
    of = {
        f"{family}: {name} is {what}": Bad(
            family, {name: value}, name, f"is {what.replace('(', '.')}", (".csv",)
        )
        for what, value in NOT_TEXT.items()
    }
    holds = {
        f"{family}: {name} holds {what}": Bad(
            family, {name: value}, name, f"holds {what}", (".parquet",) if "half" in what else ()
        )
        for what, value in NO_TEXT.items()
    }
    return of | holds


def _dialogues() -> dict[str, Bad]:
    """Lists of messages, wrong in their own ways."""
    wrong: dict[str, tuple[Any, str]] = {
        "no messages": ([], "is (an empty list|null|text)"),
        "a text": ("hello", "is text .'hello'"),
        "an unknown role": ([{"role": "narrator", "content": "a"}, ASSISTANT], "message 1 .*'narr"),
        "a role misspelt": (
            [USER, {"role": "asistant", "content": "b"}],
            "message 2 has the role 'asis.*did you mean 'assis",
        ),
        "no role": ([USER, {"content": "b"}], "message 2 has the role None"),
        "no content": ([USER, {"role": "assistant"}], "message 2 is empty"),
        "empty content": ([USER, {"role": "assistant", "content": ""}], "message 2 is empty"),
        "blank content": ([{"role": "user", "content": " \n"}, ASSISTANT], "message 1 is empty"),
        "two users": ([USER, USER, ASSISTANT], "message 2 is of the user after user"),
        "two answers": ([USER, ASSISTANT, ASSISTANT], "message 3 is of the assistant after ass"),
        "no answer": ([USER], "ends with the user"),
        "no answer at the end": ([USER, ASSISTANT, USER], "ends with the user"),
        "an answer first": ([ASSISTANT, USER, ASSISTANT], "message 1 is of the assistant after no"),
        "a late system": (
            [USER, {"role": "system", "content": "s"}, ASSISTANT],
            "message 2 is of the system after user",
        ),
        "only a system": ([{"role": "system", "content": "s"}], "ends with the system"),
        "a result without call": (
            [USER, {"role": "tool", "content": "4"}, ASSISTANT],
            "message 2 is of the tool after user, expected assistant or call",
        ),
    }
    made = {
        f"openai: {k}": Bad("openai", {"messages": m}, "messages", r) for k, (m, r) in wrong.items()
    }
    mixed = {  # lists whose items differ in kind, which a Parquet column cannot hold
        "a number among messages": ([USER, 7], "message 2 is a number .7"),
        "a text among messages": ([USER, "b"], "message 2 is text .'b'"),
        "a null among messages": ([USER, None], "message 2 is null"),
        "a list among messages": ([USER, ["b"]], "message 2 is a list"),
        "a numeric role": ([USER, {"role": 1, "content": "b"}], "message 2 has the role 1"),
        "numeric content": (
            [USER, {"role": "assistant", "content": 4}],
            "message 2 is a number .4",
        ),
        "half a character": (
            [USER, {"role": "assistant", "content": "\udc00"}],
            "message 2 holds half a character",
        ),
        "an object as content": (
            [USER, {"role": "assistant", "content": {"a": 1}}],
            "message 2 is an object",
        ),
        "an image": (
            [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}, ASSISTANT],
            "message 1 has a part of type 'image_url'",
        ),
        "a part without text": (
            [{"role": "user", "content": [{"type": "text"}]}, ASSISTANT],
            "message 1 is empty",
        ),
        "a call that is text": (
            [USER, {"role": "assistant", "content": "b", "tool_calls": "add(1)"}],
            "message 2 is text .'add.1.'., expected a call",
        ),
        "a call without name": (
            [USER, {"role": "assistant", "tool_calls": [{"function": {"arguments": "{}"}}]}],
            "message 2 is a list .*expected a call",
        ),
        "a call with broken arguments": (
            [USER, {"role": "assistant", "tool_calls": [{"name": "f", "arguments": "{"}]}],
            "message 2 is a list .*expected a call",
        ),
        "a call last but one": (
            [USER, {"role": "assistant", "tool_calls": [{"name": "f"}]}, USER, ASSISTANT],
            "message 3 is of the user after call, expected tool or call",
        ),
    }
    for name, (messages, reason) in mixed.items():
        made[f"openai: {name}"] = Bad(
            "openai", {"messages": messages}, "messages", reason, (".parquet",)
        )
    return made


SHAREGPT: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown speaker": (
        {"conversations": [{"from": "alice", "value": "a"}, GPT]},
        "conversations",
        "message 1 has the role 'alice'",
    ),
    "nothing said": (
        {"conversations": [HUMAN, {"from": "gpt", "value": None}]},
        "conversations",
        "message 2 is empty",
    ),
    "no speaker": (
        {"conversations": [HUMAN, {"value": "b"}]},
        "conversations",
        "message 2 has the role None",
    ),
    "a question last": (
        {"conversations": [HUMAN, GPT, HUMAN]},
        "conversations",
        "ends with the user",
    ),
    "an answer first": ({"conversations": [GPT]}, "conversations", "message 1 is of the assistant"),
    "an empty call": (
        {"conversations": [HUMAN, {"from": "function_call", "value": " "}, GPT]},
        "conversations",
        "message 2 is empty",
    ),
    "a call that is no JSON": (
        {"conversations": [HUMAN, {"from": "function_call", "value": "{name"}, GPT]},
        "conversations",
        "message 2 is text .*expected a call",
    ),
    "a call without name": (
        {"conversations": [HUMAN, {"from": "function_call", "value": "{}"}, GPT]},
        "conversations",
        "message 2 is text .*expected a call",
    ),
    "a call of a list of texts": (
        {"conversations": [HUMAN, {"from": "function_call", "value": '["add"]'}, GPT]},
        "conversations",
        "message 2 is text .*expected a call",
    ),
    "an observation of nothing": (
        {
            "conversations": [
                HUMAN,
                {"from": "function_call", "value": CALL},
                {"from": "observation", "value": ""},
                GPT,
            ]
        },
        "conversations",
        "message 3 is empty",
    ),
    "two systems": (
        {"system": "s", "conversations": [{"from": "system", "value": "t"}, HUMAN, GPT]},
        "system",
        "is given twice",
    ),
    "tools that are text": ({"tools": "add"}, "tools", "is text .'add'"),
    "tools that are broken JSON": ({"tools": '[{"name": '}, "tools", "is text "),
    "tools without name": (
        {"tools": '[{"description": "adds"}]'},
        "tools",
        "function 1 is an object",
    ),
    "tools that are names": ({"tools": '["add", "subtract"]'}, "tools", "function 1 is text"),
    "tools with a nameless second": (
        {"tools": '[{"name": "a"}, {}]'},
        "tools",
        "function 2 is an object",
    ),
    "tools with a number for a name": (
        {"tools": '[{"name": 7}]'},
        "tools",
        "function 1 is an object",
    ),
}
OTHERS: dict[str, Bad] = {
    "history: a text": Bad("alpaca", {"history": "Hi"}, "history", "is text .'Hi'"),
    "history: an object": Bad("alpaca", {"history": {"a": "b"}}, "history", "is an object"),
    "history: one text a turn": Bad("alpaca", {"history": [["Hi"]]}, "history", "turn 1 is a list"),
    "history: three texts": Bad("alpaca", {"history": [["a", "b", "c"]]}, "history", "turn 1"),
    "history: an empty answer": Bad(
        "alpaca", {"history": [["a", "b"], ["c", ""]]}, "history", "turn 2"
    ),
    "history: broken JSON": Bad("alpaca", {"history": "[["}, "history", "is text"),
    "history: a flat list": Bad("alpaca", {"history": ["a", "b"]}, "history", "turn 1 is text"),
    "history: nulls": Bad("alpaca", {"history": [["a", None]]}, "history", "turn 1"),
    "guanaco: only a question": Bad("guanaco", {"text": "### Human: a"}, "text", "is not '### Hum"),
    "guanaco: words before": Bad(
        "guanaco", {"text": "x ### Human: a### Assistant: b"}, "text", "is not"
    ),
    "guanaco: two questions": Bad(
        "guanaco", {"text": "### Human: a### Human: b"}, "text", "is not"
    ),
    "guanaco: an empty answer": Bad(
        "guanaco", {"text": "### Human: a### Assistant: "}, "text", "is not"
    ),
    "preference: no prompt": Bad("preference", {"prompt": None}, "prompt", "is (missing|empty)"),
    "preference: another prompt": Bad(
        "preference",
        {"chosen": "\n\nHuman: x\n\nAssistant: y", "rejected": "\n\nHuman: x\n\nAssistant: z"},
        "chosen",
        "does not begin with the prompt",
    ),
    "preference: other beginnings": Bad(
        "preference",
        {"chosen": "\n\nHuman: a\n\nAssistant: y", "rejected": "\n\nHuman: b\n\nAssistant: z"},
        "rejected",
        "differs from the chosen conversation",
    ),
    "preference: an answer of the user": Bad(
        "preference",
        {"chosen": [USER], "prompt": "a"},
        "chosen",
        "message 2 is of the user",
        (".parquet",),
    ),
    "pairs: a prompt that answers": Bad(
        "pairs",
        {"prompt": [ASSISTANT]},
        "completion",
        "message 1 is of the assistant",
        (".parquet",),
    ),
}

BAD: dict[str, Bad] = {
    **_columns(),
    **_dialogues(),
    **{f"sharegpt: {k}": Bad("sharegpt", *rest) for k, rest in SHAREGPT.items()},
    **OTHERS,
}
