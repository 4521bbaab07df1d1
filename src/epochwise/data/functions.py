"""Whether a chat template shows the functions that a row brings: many have no place for them."""

from transformers import PreTrainedTokenizerBase

from epochwise.data.chat import chat
from epochwise.data.formats import Row
from epochwise.data.render import Refused, rendered
from epochwise.data.spans import names_called


def leaves_out_functions(row: Row, tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether definitions make no difference to the text, or an earlier call is not in it."""
    talk = chat(row, "last")
    (text,) = rendered([(talk.messages, talk.tools)], tokenizer, to_answer=False)
    if isinstance(text, Refused):
        return False
    if not all(name in text for said in talk.messages for name in names_called(said)):
        return True
    return bool(talk.tools) and [text] == rendered(
        [(talk.messages, [])], tokenizer, to_answer=False
    )
