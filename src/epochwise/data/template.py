"""Chat templates: the tokenizer's own, or a shipped one for base models that have none."""

from pathlib import Path
from typing import Literal, get_args

from transformers import PreTrainedTokenizerBase

Template = Literal["own", "alpaca", "chatml", "llama2", "plain"]
SHIPPED = get_args(Template)[1:]
CHOOSE = f"model.template={'|'.join(SHIPPED)}"
THINKING = "enable_thinking"  # what Qwen3, GLM and others call it
CHATML_TOKENS = ("<|im_start|>", "<|im_end|>")


def apply(
    tokenizer: PreTrainedTokenizerBase, template: Template, thinking: bool | None = None
) -> None:
    """Sets the tokenizer's chat template, so that training, chat and the saved model agree on it.

    Args:
        thinking: Said in the template itself, so that whoever renders it later says the same.

    Raises:
        ValueError: The template is missing, needs tokens that this tokenizer lacks, or knows of no
            thinking that could be turned on or off.
    """
    if template == "own":
        if tokenizer.chat_template is None:
            raise ValueError(f"{named(tokenizer)} has no chat template of its own: set {CHOOSE}")
        if thinking is not None:
            tokenizer.chat_template = _thinking(tokenizer, thinking)
        return
    if thinking is not None:
        raise ValueError(f"model.thinking: is for a model's own template, not for {template}")
    known = tokenizer.get_vocab()
    missing = [token for token in CHATML_TOKENS if token not in known]
    if template == "chatml" and missing:  # new ones would have embeddings no adapter ever trains
        raise ValueError(
            f"model.template=chatml needs the tokens {missing}, which {named(tokenizer)} lacks:"
            " set model.template=alpaca|llama2|plain"
        )
    if template != "chatml" and tokenizer.eos_token is None:
        raise ValueError(
            f"model.template={template} ends an answer with the end-of-sequence token, which"
            f" {named(tokenizer)} lacks: choose another model"
        )
    # one beginning-of-sequence token, where this tokenizer puts one before any text:
    opening = "{{- bos_token -}}\n" if opens(tokenizer) else ""
    tokenizer.chat_template = opening + shipped(template)


def _thinking(tokenizer: PreTrainedTokenizerBase, thinking: bool) -> str:
    """Its template, which no longer asks whether to think."""
    before = str(tokenizer.chat_template)
    if THINKING not in before:
        raise ValueError(
            f"model.thinking={str(thinking).lower()}: {template_of(tokenizer)} knows no"
            f" {THINKING}; leave it out"
        )
    # The line end goes with the block: templates are rendered with trim_blocks.
    return f"{{% set {THINKING} = {str(thinking).lower()} %}}\n{before}"


def shipped(template: str) -> str:
    """Its Jinja text."""
    file = Path(__file__).parent / "templates" / f"{template}.jinja"
    return file.read_text(encoding="utf-8")


def opens(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether it puts a beginning-of-sequence token before any text."""
    return bool(tokenizer("a").input_ids[:1] == [tokenizer.bos_token_id])


def named(tokenizer: PreTrainedTokenizerBase) -> str:
    return tokenizer.name_or_path or "this tokenizer"


def template_of(tokenizer: PreTrainedTokenizerBase) -> str:
    return f"the chat template of {named(tokenizer)}"
