"""Chat templates: the tokenizer's own, or a shipped one for base models that have none."""

from typing import Literal

from transformers import PreTrainedTokenizerBase

# The prompt of Stanford Alpaca (github.com/tatsu-lab/stanford_alpaca). Messages made from our rows
# carry instruction and input apart; any other message has its text in `content`.
ALPACA = """\
{%- set task = namespace(header='') -%}
{%- for message in messages -%}
{%- if message.role == 'system' -%}
{%- set task.header = message.content + '\\n\\n' -%}
{%- elif message.role == 'user' -%}
{%- set input = message.input or '' -%}
{%- if loop.first or task.header -%}
{{- task.header or ('Below is an instruction that describes a task, paired with an input that \
provides further context. ' if input else 'Below is an instruction that describes a task. ') \
+ 'Write a response that appropriately completes the request.\\n\\n' -}}
{%- set task.header = '' -%}
{%- endif -%}
{{- '### Instruction:\\n' + (message.instruction or message.content) + '\\n\\n' -}}
{{- '### Input:\\n' + input + '\\n\\n' if input else '' -}}
{{- '### Response:\\n' if not loop.last -}}
{%- else -%}
{{- message.content + eos_token + ('' if loop.last else '\\n\\n') -}}
{%- endif -%}
{%- endfor -%}
{{- '### Response:\\n' if add_generation_prompt -}}
"""

CHATML = """\
{%- for message in messages -%}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' -}}
{%- endfor -%}
{{- '<|im_start|>assistant\\n' if add_generation_prompt -}}
"""
CHATML_TOKENS = ("<|im_start|>", "<|im_end|>")


def apply(tokenizer: PreTrainedTokenizerBase, template: Literal["own", "alpaca", "chatml"]) -> None:
    """Sets the tokenizer's chat template, so that training, chat and the saved model agree on it.

    Raises:
        ValueError: The template is missing, or needs tokens that this tokenizer lacks.
    """
    match template:
        case "own":
            if tokenizer.chat_template is None:
                raise ValueError(
                    f"{tokenizer.name_or_path or 'this tokenizer'} has no chat template of its own:"
                    " set model.template=alpaca|chatml"
                )
        case "alpaca":
            if tokenizer.eos_token is None:
                raise ValueError(
                    f"model.template=alpaca ends an answer with the end-of-sequence token, which"
                    f" {tokenizer.name_or_path or 'this tokenizer'} lacks: choose another model"
                )
            tokenizer.chat_template = _opening(tokenizer) + ALPACA
        case "chatml":
            known = tokenizer.get_vocab()
            if missing := [token for token in CHATML_TOKENS if token not in known]:
                # New tokens would have embeddings that an adapter never trains.
                raise ValueError(
                    f"model.template=chatml needs the tokens {missing}, which"
                    f" {tokenizer.name_or_path or 'this tokenizer'} lacks:"
                    " set model.template=alpaca"
                )
            tokenizer.chat_template = _opening(tokenizer) + CHATML


def _opening(tokenizer: PreTrainedTokenizerBase) -> str:
    """The beginning-of-sequence token, where this tokenizer puts one before any text."""
    opens = tokenizer("a").input_ids[:1] == [tokenizer.bos_token_id]
    return "{{- bos_token -}}\n" if opens else ""
