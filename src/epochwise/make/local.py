"""A model of this machine, asked like a server: requests that wait are answered together."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import NamedTuple, TypeVar

import torch

from epochwise.config import ModelConfig
from epochwise.data.formats import exchange
from epochwise.endpoint import JSON, Meter, Reply, Tokens, UnclearError
from epochwise.evaluate.generate import Manner, Prompt, Written, prompt, written
from epochwise.model.pretrained import Pretrained, load_pretrained
from epochwise.model.ranks import ALONE

T = TypeVar("T")

GATHER = 0.05  # seconds for others to come
ANY = "yes"  # an answer, so that a template can show where it would begin


class Waiting(NamedTuple):
    """A request, and the reply that there will be."""

    content: str
    seed: int
    reply: "Future[tuple[Prompt, Written]]"


def loaded(config: ModelConfig) -> Pretrained:
    """The model, on the accelerator where there is one.

    Raises:
        ValueError: It cannot be loaded, or has no chat template, by the flags that name it.
    """
    try:
        return load_pretrained(config, ALONE.device)
    except (ValueError, OSError) as error:
        raise ValueError(_by_flags(config.path, str(error))) from error


class Local:
    """Answers batch by batch in a thread of its own; each reply follows from its request alone."""

    def __init__(
        self, name: str, pretrained: Pretrained, manner: Manner, *, meter: Meter, tries: int
    ) -> None:
        self.meter = meter
        self._name = name
        self._pretrained = pretrained
        self._manner = manner
        self._tries = tries if manner.temperature else 1  # the likeliest reply stays the same
        self._waiting: queue.Queue[Waiting | None] = queue.Queue()
        self._thread = threading.Thread(target=self._answer, daemon=True)

    def __enter__(self) -> "Local":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._waiting.put(None)
        self._thread.join()

    def ask(self, body: Callable[[int], JSON], read: Callable[[Reply], T]) -> T:
        """What `read` makes of the reply; asked again, with another seed, where it is unclear.

        Raises:
            UnclearError: As many replies as are tried were of no use.
            SpentError: The meter's limit leaves no room for this request.
            ValueError: The model has no room for it, or this machine no memory.
        """
        for attempt in range(self._tries - 1):
            try:
                return read(self._reply(body(attempt)))
            except UnclearError:
                continue
        return read(self._reply(body(self._tries - 1)))

    def _reply(self, body: JSON) -> Reply:
        reserved = self.meter.reserve(body)
        used = Tokens(0, 0)
        try:
            (message,) = body["messages"]
            waiting = Waiting(message["content"], body["seed"], Future())
            self._waiting.put(waiting)
            asked, reply = waiting.reply.result()
            used = Tokens(len(asked.ids), reply.tokens)
            return Reply(reply.text, truncated=not reply.ended)
        finally:
            self.meter.settle(reserved, used)

    def _answer(self) -> None:
        while first := self._waiting.get():
            batch = [first, *self._others()]
            try:
                prompts = [self._prompt(waiting) for waiting in batch]
                replies = written(
                    self._pretrained.model, self._pretrained.tokenizer, prompts, self._manner
                )
            except torch.OutOfMemoryError:
                told = "no memory is left for its replies: lower --at-a-time, or --weights nf4"
                _fail(batch, ValueError(f"--model {self._name}: {told}"))
            except Exception as error:  # whoever asked is told, and tells
                _fail(batch, error)
            else:
                for waiting, asked, reply in zip(batch, prompts, replies, strict=True):
                    waiting.reply.set_result((asked, reply))

    def _others(self) -> list[Waiting]:
        """Requests that come in time to be answered with the first."""
        found: list[Waiting] = []
        while len(found) < self._manner.batch_size - 1:
            try:
                waiting = self._waiting.get(timeout=GATHER)
            except queue.Empty:
                break
            if waiting is None:
                self._waiting.put(None)
                break
            found.append(waiting)
        return found

    def _prompt(self, waiting: Waiting) -> Prompt:
        """As training would put it before an answer. Raises ValueError where it has no room."""
        try:
            asked = prompt(exchange(waiting.content, ANY), self._pretrained.tokenizer)
        except ValueError as error:
            raise ValueError(_by_flags(self._name, str(error))) from error
        most, reply = self._pretrained.model.config.max_position_embeddings, self._manner
        if len(asked.ids) + reply.max_new_tokens > most:
            raise ValueError(
                f"--model {self._name}: reads and writes {most} tokens at most, and"
                f" {len(asked.ids)} are asked with up to {reply.max_new_tokens} to reply: ask for"
                " less at once, or lower --max-reply-tokens"
            )
        return asked._replace(seed=waiting.seed)


def _fail(batch: list[Waiting], error: Exception) -> None:
    for waiting in batch:
        waiting.reply.set_exception(error)


def _by_flags(name: str, problem: str) -> str:
    """A problem of the model's, in the words of these commands."""
    reason = problem.removeprefix(f"model.path={name}: ").strip(": ")
    for key, flag in (
        ("model.template=", "--template "),
        ("model.thinking=false", "--no-thinking"),
    ):
        reason = reason.replace(key, flag)
    return f"--model {name}: {reason}"
