"""Scores of a rubric, by any model behind an OpenAI-compatible address."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from epochwise.endpoint import Client, Endpoint, Reply, UnclearError, checked_url
from epochwise.evaluate.interval import mean
from epochwise.quality import Answer, Judged

RUBRIC = Path(__file__).with_name("rubric.md")
KEY = "EPOCHWISE_JUDGE_KEY"  # of its own, so that no other service's key is sent along
SCORE = "judge"
LOWEST, HIGHEST = 1, 5
AT_A_TIME = 4


class Judge(NamedTuple):
    url: str
    """Up to and with `/v1`: chat/completions is put behind it."""
    model: str
    rubric: str

    @property
    def rubric_digest(self) -> str:
        return hashlib.sha256(self.rubric.encode()).hexdigest()[:16]

    @property
    def endpoint(self) -> Endpoint:
        flags = ("--judge-url", "--judge-model")
        return Endpoint(self.url, self.model, KEY, "the judge", flags)


def judge_at(url: str, model: str, rubric: Path) -> Judge:
    """Raises ValueError where the address is none, or the rubric cannot be read."""
    url = checked_url(url, "--judge-url")
    try:
        return Judge(url, model, rubric.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"--rubric {rubric}: cannot be read: {error}") from error


def judged(
    answers: Sequence[Answer], judge: Judge, *, wait: Callable[[float], None] = time.sleep
) -> tuple[list[Answer], Judged]:
    """The answers with the judge's scores, and what these say of each arm.

    Answers for which the judge gives no clear score, however often it is asked, have none, and
    are counted.

    Raises:
        ValueError: The judge cannot be reached, or refuses what it is asked.
    """
    with Client(judge.endpoint, wait=wait) as client, ThreadPoolExecutor(AT_A_TIME) as pool:
        try:
            found = list(pool.map(lambda answer: _score(answer, judge, client), answers))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # else all others would be tried first
            raise
    marked = [
        answer if score is None else replace(answer, scores=answer.scores | {SCORE: score})
        for answer, score in zip(answers, found, strict=True)
    ]
    return marked, _verdict(marked, judge)


def score_of(text: str) -> float:
    """The score in a reply, which must be the JSON that was asked for and nothing else.

    Example:
        >>> score_of('{"score": 4, "reason": "a small slip"}')
        4.0
    """
    try:
        reply = json.loads(text)
    except ValueError as error:
        raise UnclearError(f"the judge replied {text[:200]!r}, which is not JSON") from error
    score = reply.get("score") if isinstance(reply, dict) else None
    if type(score) is not int or not LOWEST <= score <= HIGHEST:
        raise UnclearError(f"the judge replied {text[:200]!r}, without a score from 1 to 5")
    return float(score)


def _verdict(marked: Sequence[Answer], judge: Judge) -> Judged:
    arms = dict.fromkeys(answer.arm for answer in marked)
    scored = {
        arm: [one for one in marked if one.arm == arm and SCORE in one.scores] for arm in arms
    }
    return Judged(
        model=judge.model,
        rubric=judge.rubric_digest,
        arms={
            arm: mean([one.scores[SCORE] for one in found], [one.group for one in found])
            for arm, found in scored.items()
            if found
        },
        unclear=sum(SCORE not in answer.scores for answer in marked),
    )


def _score(answer: Answer, judge: Judge, client: Client) -> float | None:
    """None where every reply was unclear."""
    messages = [
        {"role": "system", "content": judge.rubric},
        {"role": "user", "content": _shown(answer)},
    ]
    body = {"messages": messages, "temperature": 0}

    def read(reply: Reply) -> float:
        return score_of(reply.text)

    try:
        return client.ask(lambda attempt: body, read)
    except UnclearError:
        return None


def _shown(answer: Answer) -> str:
    """As JSON, so that no answer can pass for another field."""
    fields = {
        "question": answer.question,
        "right_answers": answer.references,
        "answer": answer.answer,
    }
    return json.dumps(fields, ensure_ascii=False)
