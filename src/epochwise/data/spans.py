"""Conversations to token ids, and which of them carry loss, by the tokenizer's own template.

A turn is found by rendering twice: the conversation up to it, as when the model has to answer, and
the conversation with it. So training and use agree on every token, whatever the template does.
"""

from collections.abc import Sequence
from itertools import islice
from os.path import commonprefix
from typing import NamedTuple

from transformers import PreTrainedTokenizerBase

from epochwise.data.chat import Chat, Said
from epochwise.data.render import Refused, rendered
from epochwise.data.template import CHOOSE, template_of


class Turn(NamedTuple):
    """What a template makes of a conversation up to a turn that is learnt."""

    prompt: str
    """As when the model has to answer."""
    whole: str
    """With the answer, up to its end-of-turn token."""


class Spanned(NamedTuple):
    ids: list[int]
    spans: list[tuple[int, int]]
    """Where the tokens of each turn that is learnt begin and end."""


class Unfit(NamedTuple):
    reason: str
    """Why a conversation cannot be learnt with this template, and what to do."""


def spanned(chats: Sequence[Chat], tokenizer: PreTrainedTokenizerBase) -> list[Spanned | Unfit]:
    """The tokens of each conversation up to the end-of-turn token after its last answer.

    A turn's end-of-turn token is in its span: that is how a model learns to stop. The span begins
    at the first token with any of the answer in it, also where a token goes over the border.
    """
    found = _turns(chats, tokenizer)
    texts = [text for turns in found if isinstance(turns, list) for turn in turns for text in turn]
    tokens = iter(encoded(tokenizer, texts))
    ends = frozenset(tokenizer.added_tokens_decoder)
    return [
        turns
        if isinstance(turns, Unfit)
        else _spans(list(islice(tokens, 2 * len(turns))), ends, tokenizer)
        for turns in found
    ]


def encoded(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[int]]:
    """The ids of each text, with nothing put before or after it."""
    if not tokenizer.is_fast:
        return [tokenizer(text, add_special_tokens=False).input_ids for text in texts]
    backend = tokenizer.backend_tokenizer  # a third faster than through the tokenizer's own call
    backend.no_truncation()
    backend.no_padding()
    found = backend.encode_batch_fast(list(texts), add_special_tokens=False)
    return [encoding.ids for encoding in found]


def _turns(chats: Sequence[Chat], tokenizer: PreTrainedTokenizerBase) -> list[list[Turn] | Unfit]:
    """The turns of each conversation that are learnt, as text."""
    asked = [(chat.messages[:place], chat.tools) for chat in chats for place in chat.trained]
    told = [(chat.messages[: place + 1], chat.tools) for chat in chats for place in chat.trained]
    prompts = iter(rendered(asked, tokenizer, to_answer=True))
    wholes = iter(rendered(told, tokenizer, to_answer=False))
    name = template_of(tokenizer)
    return [
        _checked(
            chat,
            list(islice(prompts, len(chat.trained))),
            list(islice(wholes, len(chat.trained))),
            name,
        )
        for chat in chats
    ]


def _checked(
    chat: Chat, prompts: list[str | Refused], wholes: list[str | Refused], name: str
) -> list[Turn] | Unfit:
    turns: list[Turn] = []
    for prompt, whole in zip(prompts, wholes, strict=True):
        for text in (prompt, whole):
            if isinstance(text, Refused):
                return Unfit(f"{name} refuses this row: {text.reason}. {_remedy(chat)}")
        turns.append(Turn(str(prompt), str(whole).rstrip()))
    if not turns:
        return Unfit("marks none of its answers as one to learn: mark one, or remove the row")
    return _fault(chat, turns, name) or turns


def _remedy(chat: Chat) -> str:
    if any(said["role"] == "tool" or "tool_calls" in said for said in chat.messages):
        return "Choose a model whose own template has functions, or leave such rows out"
    return f"Change the row, or set {CHOOSE}"


def _fault(chat: Chat, turns: list[Turn], name: str) -> Unfit | None:
    if not all(turn.whole.startswith(turn.prompt) for turn in turns):
        return Unfit(f"{name} does not begin a conversation with its own prompt: set {CHOOSE}")
    if not all(turns[-1].whole.startswith(turn.prompt) for turn in turns):
        return _rewritten(name)
    for place, turn in zip(chat.trained, turns, strict=True):
        answer = turn.whole[len(turn.prompt) :]
        if not all(called in answer for called in names_called(chat.messages[place])):
            return Unfit(
                f"{name} leaves out the function calls that this row teaches:"
                " choose a model whose template has them, or remove the row"
            )
    return None


def _rewritten(name: str) -> Unfit:
    return Unfit(
        f"{name} writes an earlier answer otherwise once there are later ones, so it cannot be"
        f" learnt beside them: set data.turns=last, or {CHOOSE}"
    )


def names_called(said: Said) -> list[str]:
    return [str(call["function"]["name"]) for call in said.get("tool_calls", ())]


def _spans(
    tokens: list[list[int]], ends: frozenset[int], tokenizer: PreTrainedTokenizerBase
) -> Spanned | Unfit:
    """`tokens`: of the prompt and of the whole of each turn, by turns."""
    ids = tokens[-1]
    if not ids or ids[-1] not in ends:
        return Unfit(
            f"{template_of(tokenizer)} ends an answer with no end-of-turn token, so the model would"
            f" never learn to stop: set {CHOOSE}"
        )
    spans = []
    for prompt, whole in zip(tokens[::2], tokens[1::2], strict=True):
        start, end = _alike(ids, prompt), _alike(ids, whole)
        while end > start and ids[end - 1] not in ends:
            end -= 1
        # Behind its end-of-turn token a last answer may have an end of text that no other has.
        more = [token for token in whole[end:] if token not in ends]
        if end == start or str(tokenizer.decode(more)).strip():
            return _rewritten(template_of(tokenizer))
        spans.append((start, end))
    return Spanned(ids, spans)


def _alike(ids: list[int], prompt: list[int]) -> int:
    """How many tokens both begin with."""
    if ids[: len(prompt)] == prompt:
        return len(prompt)
    return len(commonprefix([ids, prompt]))
