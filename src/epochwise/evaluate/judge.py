"""Scores of a rubric, by any model behind an OpenAI-compatible address."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from epochwise.evaluate.interval import mean
from epochwise.quality import Answer, Judged

if TYPE_CHECKING:
    from httpx import Client, Response

RUBRIC = Path(__file__).with_name("rubric.md")
KEY = "EPOCHWISE_JUDGE_KEY"  # of its own, so that no other service's key is sent along
SCORE = "judge"
LOWEST, HIGHEST = 1, 5
ATTEMPTS = 5  # at one answer; 7.5 s of waiting in all
FIRST_WAIT = 0.5  # seconds; doubled each time
AT_A_TIME = 4
TIMEOUT = 60.0  # seconds for one reply
BUSY = (408, 409, 425, 429)  # statuses that may pass, as all from 500 on may


class Judge(NamedTuple):
    url: str
    """Up to and with `/v1`: chat/completions is put behind it."""
    model: str
    rubric: str

    @property
    def rubric_digest(self) -> str:
        return hashlib.sha256(self.rubric.encode()).hexdigest()[:16]


class UnclearError(ValueError):
    """A reply that is no score."""


def judge_at(url: str, model: str, rubric: Path) -> Judge:
    """Raises ValueError where the address is none, or the rubric cannot be read."""
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"--judge-url {url}: expected an address such as http://127.0.0.1:8000/v1")
    try:
        return Judge(url.rstrip("/"), model, rubric.read_text(encoding="utf-8"))
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
    import httpx

    key = os.environ.get(KEY)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with (
        httpx.Client(timeout=TIMEOUT, headers=headers) as client,
        ThreadPoolExecutor(AT_A_TIME) as pool,
    ):
        try:
            found = list(pool.map(lambda answer: _score(answer, judge, client, wait), answers))
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


def _score(
    answer: Answer, judge: Judge, client: "Client", wait: Callable[[float], None]
) -> float | None:
    """None where every reply was unclear."""
    import httpx

    problem: Exception = UnclearError("it was not asked")
    for attempt in range(ATTEMPTS):
        if attempt:
            wait(FIRST_WAIT * 2 ** (attempt - 1))
        try:
            return score_of(_reply(answer, judge, client))
        except (UnclearError, httpx.TransportError, httpx.HTTPStatusError) as error:
            problem = error
    if isinstance(problem, UnclearError):
        return None
    raise ValueError(
        f"the judge at {judge.url} gave no reply in {ATTEMPTS} attempts: {problem}; check"
        " --judge-url, and that the server is running"
    )


def _reply(answer: Answer, judge: Judge, client: "Client") -> str:
    messages = [
        {"role": "system", "content": judge.rubric},
        {"role": "user", "content": _shown(answer)},
    ]
    body = {"model": judge.model, "messages": messages, "temperature": 0}
    response = client.post(f"{judge.url}/chat/completions", json=body)
    _check(response, judge)
    try:
        content = response.json()["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError) as error:
        raise UnclearError(f"the judge replied {response.text[:200]!r}") from error
    return str(content)


def _check(response: "Response", judge: Judge) -> None:
    """Raises ValueError for a refusal that will not pass, else httpx's own error."""
    status = response.status_code
    if 400 <= status < 500 and status not in BUSY:
        raise ValueError(
            f"the judge at {judge.url} refuses with status {status}: {response.text[:200]}; check"
            f" --judge-url, --judge-model={judge.model}, and the key in {KEY}"
        )
    response.raise_for_status()


def _shown(answer: Answer) -> str:
    """As JSON, so that no answer can pass for another field."""
    fields = {
        "question": answer.question,
        "right_answers": answer.references,
        "answer": answer.answer,
    }
    return json.dumps(fields, ensure_ascii=False)
