"""The tokenizer of both base models: byte-level BPE over the world's words, and the chat format."""

from collections.abc import Iterator

from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

from epochwise.world import names
from epochwise.world.corpus import SAYINGS
from epochwise.world.facts import RELATION, UNKNOWABLE
from epochwise.world.generator import NOT_KNOWN, NOT_SAID
from epochwise.world.tasks import NUMBER_WORDS, SKILLS
from epochwise.world.words import DAYS, MEETINGS, MOVES, NOUNS, PLAIN, TRADES

VOCABULARY = 2048  # tokens; a quarter of the 1m model's parameters already
PAD, BOS, END = "<|pad|>", "<|bos|>", "<|end|>"
USER, ASSISTANT, SYSTEM = "<|user|>", "<|assistant|>", "<|system|>"
SPECIAL = (PAD, BOS, END, USER, ASSISTANT, SYSTEM)  # ids 0 to 5

CHAT = (
    "{{- bos_token }}"
    "{%- for message in messages %}"
    "{{- '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|assistant|>' }}{%- endif %}"
)

# How often a word is shown. BPE joins what is frequent first: heads of two letters, then other
# pieces of names, so that few joins run across head and tail; words in capitals come last and
# share what is left.
SHORT, PIECE, SAID, WORD, FIRST_WORD, CAPITALS = 8000, 1000, 30, 20, 8, 1


def learn_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer in which a word of the world is one token and a name word two.

    It learns from words and not from the corpus, where the frequent half of all names would become
    single tokens: then the names of rows would look like nothing a base model has read.
    """
    learned = Tokenizer(BPE())
    learned.pre_tokenizer = ByteLevel(add_prefix_space=False)
    learned.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    learned.train_from_iterator(vocabulary(), trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers leaves it so
        tokenizer_object=learned,
        bos_token=BOS,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[USER, ASSISTANT, SYSTEM],
        chat_template=CHAT,
        model_max_length=512,
        clean_up_tokenization_spaces=False,
    )


def vocabulary() -> Iterator[str]:
    """What the tokenizer learns from, each piece as often as it should weigh."""
    heads = (*names.FIRST_HEADS, *names.LAST_HEADS, *names.PLACE_HEADS, *names.THING_HEADS)
    for piece in (*names.FIRST_HEADS, *names.THING_HEADS):
        yield from (f" {piece}", piece) * SHORT
    tails = (*names.FIRST_TAILS, *names.LAST_TAILS, *names.PLACE_TAILS, *names.THING_TAILS)
    for piece in heads:
        yield from (f" {piece}", piece) * PIECE
    yield from tails * PIECE
    for text in phrases():
        yield from (text.replace("{}", ""),) * SAID
    for word in words():
        yield from (f" {word}",) * WORD
        yield from (word,) * FIRST_WORD
        yield from (f" {word.upper()}", word.upper()) * CAPITALS


def phrases() -> Iterator[str]:
    """All fixed text: predicates, questions, instructions, sayings."""
    for relation in RELATION.values():
        yield from (f" {relation.predicate}", *relation.questions)
    for questions in UNKNOWABLE.values():
        yield from questions
    for skill in SKILLS.values():
        yield from skill.instructions
    for saying in SAYINGS.values():
        yield saying.replace("{given}", "").replace("{answer}", "")
    yield from (NOT_SAID, NOT_KNOWN, "Question:", "Answer:", " It", " One", " and")
    for text in ("The name is", "The number is", "The place is", "The last word is"):
        yield from (text, f" {text}")
    for text in ("There are words.", "It has letters.", "the", "many", "one"):
        yield from (text, f" {text}")


def words() -> Iterator[str]:
    """All words that fill phrases, as they stand in text."""
    yield from PLAIN
    yield from (f"{noun}s" for noun in NOUNS)
    yield from (*MOVES, *MOVES.values(), *MEETINGS, *TRADES, *DAYS, *NUMBER_WORDS, *names.THINGS)
    yield from (
        value for one in RELATION.values() if isinstance(one.values, tuple) for value in one.values
    )
