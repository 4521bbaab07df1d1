"""Many rows from a few: a model writes more of the kind, round by round (2212.10560)."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from epochwise.draw import seed_for
from epochwise.endpoint import JSON, Model, Reply, UnclearError
from epochwise.make import reply as replies
from epochwise.make.build import UNCLEAR
from epochwise.make.jobs import carry_out
from epochwise.make.journal import Journal
from epochwise.make.pool import Pool
from epochwise.make.prompt import Prompts, filled, language_name
from epochwise.make.reply import Form

SEEDS_SHOWN, GROWN_SHOWN = 6, 2  # examples in a prompt, as in self-instruct
BAD_SHOWN = 8  # counter-examples: the newest
BARREN = 12  # requests in a row that give nothing new: more of them would not either


@dataclass(frozen=True)
class Manner:
    """How rows are asked for."""

    per_request: int
    form: Form
    language: str
    temperature: float
    max_reply_tokens: int
    seed: int
    at_a_time: int
    """Requests of one wave: all are shown examples from the rows before it."""


class Author:
    """Has a model write new rows like those of a pool."""

    def __init__(self, model: Model, prompts: Prompts, manner: Manner) -> None:
        self.model = model
        self.prompts = prompts
        self.manner = manner

    def entry(self, number: int, content: str) -> JSON:
        """What the model has written for a request. Raises as Model.ask does."""
        left_out: Counter[str] = Counter()

        def body(attempt: int) -> JSON:
            request: JSON = {
                "messages": [{"role": "user", "content": content}],
                "temperature": self.manner.temperature,
                "max_tokens": self.manner.max_reply_tokens,
                "seed": seed_for(self.manner.seed, "rows", number, attempt) % 2**31,
            }
            if self.manner.form == "json":
                request["response_format"] = replies.schema("rows")
            return request

        def read(reply: Reply) -> list[JSON]:
            try:
                return replies.rows(reply, self.manner.form)
            except UnclearError:
                left_out[UNCLEAR] += 1
                raise

        try:
            rows = self.model.ask(body, read)
        except UnclearError:
            rows = []
        return {"request": number, "rows": rows, "left_out": dict(left_out)}

    def prompt(self, number: int, pool: Pool) -> str:
        """With examples drawn for this request, and what a person has marked as bad."""
        rng = Random(seed_for(self.manner.seed, "examples", number))
        grown = rng.sample(pool.good, min(GROWN_SHOWN, len(pool.good)))
        shown = rng.sample(pool.seeds, min(SEEDS_SHOWN, len(pool.seeds))) + grown
        rng.shuffle(shown)
        fields = {
            "count": self.manner.per_request,
            "language": language_name(self.manner.language),
            "examples": "\n\n".join(_shown(row) for row in shown),
            "bad": _bad(pool),
        }
        return filled(self.prompts["rows"], fields).strip()


def replay(pool: Pool, journal: Journal, at_a_time: int) -> None:
    """Bring the pool to where the journal stands: all whole waves, and what was marked."""
    made = _made(journal)
    while all(pool.requests + n in made for n in range(at_a_time)):
        for _ in range(at_a_time):
            pool.add(made[pool.requests])
    for entry in journal.entries:
        pool.mark({int(number): why for number, why in entry.get("marks", {}).items()})


def grow(
    pool: Pool,
    author: Author,
    journal: Journal,
    *,
    target: int,
    on_rows: Callable[[int], None] = lambda count: None,
) -> str:
    """Go on until the pool holds `target` good rows.

    Requests go out in waves; a wave's rows are taken in order, and only whole waves are. So what
    comes out depends on the replies alone, and a wave that was broken off is completed.

    Returns why it stopped before: empty where it did not.

    Raises:
        ValueError: The endpoint cannot be reached, or refuses. What was written by then is kept.
    """
    while len(pool.good) < target:
        if pool.barren >= BARREN:
            return f"{BARREN} requests in a row gave no new row: the model repeats itself"
        wave = range(pool.requests, pool.requests + author.manner.at_a_time)
        left = [number for number in wave if number not in _made(journal)]
        jobs = [partial(author.entry, number, author.prompt(number, pool)) for number in left]
        meter = author.model.meter
        done = carry_out(jobs, journal, meter, at_a_time=len(wave), on_done=lambda count: None)
        if not done:
            return "the limit on what may be spent is reached: raise it"
        made = _made(journal)
        for number in wave:
            pool.add(made[number])
        on_rows(len(pool.good))
    return ""


def _made(journal: Journal) -> dict[int, JSON]:
    return {entry["request"]: entry for entry in journal.entries if "request" in entry}


def _shown(row: JSON) -> str:
    given = f"\nInput: {row['input']}" if row["input"] else ""
    return f"Q: {row['instruction']}{given}\nA: {row['output']}"


def _bad(pool: Pool) -> str:
    marked = list(pool.bad.items())[-BAD_SHOWN:]
    if not marked:
        return ""
    told = [f"{_shown(pool.rows[number])}\nBad: {why or 'not wanted'}" for number, why in marked]
    return "\n\n".join(["A person has marked these as bad. Write none like them:", *told])


def unreviewed(pool: Pool, journal: Journal) -> Sequence[int]:
    """Numbers of rows that no person has been shown yet."""
    seen = max((entry["reviewed"] for entry in journal.entries if "reviewed" in entry), default=0)
    return range(seen, len(pool.rows))
