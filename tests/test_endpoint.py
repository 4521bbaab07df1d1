from collections.abc import Iterator
from typing import Any

import pytest
from judge_server import Server, serving

from epochwise.endpoint import Client, Endpoint, Limit, Meter, Reply, SpentError, Tokens

KEY = "EPOCHWISE_TEST_KEY"
ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 10}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


def asked(server: Server, waits: list[float], **settings: Any) -> str:
    with Client(Endpoint(server.url, "m", KEY), wait=waits.append, **settings) as client:
        return client.ask(lambda attempt: ASKED, text_of)


def text_of(reply: Reply) -> str:
    return reply.text


def test_a_busy_server_is_waited_for_longer_each_time(server: Server) -> None:
    server.replies = [(503, ""), (429, ""), (500, ""), (200, "here")]
    waits: list[float] = []
    assert asked(server, waits) == "here"
    assert waits == [0.5, 1.0, 2.0]


def test_as_long_as_the_server_asks_for(server: Server) -> None:
    server.headers = {"Retry-After": "7"}
    server.replies = [(429, ""), (200, "here")]
    waits: list[float] = []
    assert asked(server, waits) == "here"
    assert waits == [7.0]


@pytest.mark.parametrize("key", ["two\nlines", "schlüssel"])
def test_a_key_that_no_header_may_hold_is_told_and_not_shown(
    key: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, key)
    with pytest.raises(ValueError, match=f"{KEY}: holds characters that no key has") as told:
        asked(server, [])
    assert key not in str(told.value)


def test_what_the_server_counts_is_what_is_spent(server: Server) -> None:
    server.replies = [(200, "here")]
    server.counts = {"prompt_tokens": 11, "completion_tokens": 3}
    meter = Meter()
    asked(server, [], meter=meter)
    server.counts = None  # then it is estimated, and said so
    asked(server, [], meter=meter)
    assert meter.spent.prompt > 11
    assert meter.spent.reply > 3
    assert meter.estimated == 1


def test_no_request_is_made_that_might_go_over_the_limit(server: Server) -> None:
    server.replies = [(200, "here")]
    server.counts = {"prompt_tokens": 10, "completion_tokens": 10}
    meter = Meter(Limit(tokens=60))
    asked(server, [], meter=meter)
    with pytest.raises(SpentError):
        [asked(server, [], meter=meter) for _ in range(10)]
    assert meter.spent.total <= 60
    assert len(server.asked) == meter.spent.total / 20


def test_a_failed_request_gives_its_room_back(server: Server) -> None:
    server.replies = [(404, "no such model")]
    meter = Meter(Limit(tokens=60))
    for _ in range(5):
        with pytest.raises(ValueError, match="refuses with status 404"):
            asked(server, [], meter=meter)
    assert meter.spent == Tokens(0, 0)
    meter.reserve(ASKED)


def test_money_is_limited_as_tokens_are() -> None:
    limit = Limit(money=1.0, price_in=1.0, price_out=4.0)
    assert limit.cost(Tokens(500_000, 100_000)) == pytest.approx(0.9)
    assert limit.allows(Tokens(500_000, 125_000))
    assert not limit.allows(Tokens(500_000, 125_001))
