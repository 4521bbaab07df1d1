"""Any model behind an OpenAI-compatible address: asked, waited for, paid for."""

import json
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, runtime_checkable
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from httpx import Response

T = TypeVar("T")
JSON = dict[str, Any]

ATTEMPTS = 5  # where a server is busy; 7.5 s of waiting in all, if it asks for no more
FIRST_WAIT = 0.5  # seconds; doubled each time
LONGEST_WAIT = 60.0  # seconds, whatever the server asks for
TIMEOUT = 60.0  # seconds for one reply
BUSY = (408, 409, 425, 429)  # statuses that may pass, as all from 500 on may
NOT_UNDERSTOOD = (400, 422, 501)  # what servers say to keys that they do not know
OPTIONAL = ("response_format", "seed")  # keys that some servers do not know
QUOTA = "insufficient_quota"  # OpenAI's code for a 429 that no waiting mends
HALF = re.compile("[\ud800-\udfff]")  # JSON can escape half a character; no text holds one
BYTES_PER_TOKEN = 3  # few enough to foresee no less than what most texts take


class Endpoint(NamedTuple):
    url: str
    """Up to and with `/v1`: chat/completions is put behind it."""
    model: str
    key: str
    """The environment variable that holds the key; no key is read from anywhere else."""
    name: str = "the model"
    """What messages call it."""
    flags: tuple[str, str] = ("--url", "--model")
    """Where a user has said so."""


class Reply(NamedTuple):
    text: str
    truncated: bool
    """The model was stopped at the most tokens it may write."""


class UnclearError(ValueError):
    """A reply that is not of the form that was asked for."""


class SpentError(ValueError):
    """The next request might go over a limit."""


class Tokens(NamedTuple):
    prompt: int
    reply: int

    def plus(self, other: "Tokens") -> "Tokens":
        return Tokens(self.prompt + other.prompt, self.reply + other.reply)

    @property
    def total(self) -> int:
        return self.prompt + self.reply


@dataclass(frozen=True)
class Limit:
    """The most that may be spent, and what tokens cost; None where nothing is said."""

    tokens: int | None = None
    money: float | None = None
    price_in: float = 0.0
    """Of a million prompt tokens."""
    price_out: float = 0.0

    def cost(self, tokens: Tokens) -> float:
        return (tokens.prompt * self.price_in + tokens.reply * self.price_out) / 1e6

    def allows(self, tokens: Tokens) -> bool:
        within = self.tokens is None or tokens.total <= self.tokens
        return within and (self.money is None or self.cost(tokens) <= self.money)


class Meter:
    """What has been spent, by the server's own count, and what may be under way."""

    def __init__(self, limit: Limit = Limit(), spent: Tokens = Tokens(0, 0)) -> None:  # noqa: B008
        self.limit = limit
        self.spent = spent
        self.estimated = 0  # replies without a count of the server's
        self._reserved = Tokens(0, 0)
        self._lock = threading.Lock()

    def reserve(self, body: Mapping[str, Any]) -> Tokens:
        """Room for the most that a request may take.

        Raises:
            SpentError: There is too little left.
        """
        most = Tokens(_foreseen(json.dumps(body["messages"])), body.get("max_tokens", 0))
        with self._lock:
            if not self.limit.allows(self.spent.plus(self._reserved).plus(most)):
                raise SpentError("the limit on what may be spent is reached")
            self._reserved = self._reserved.plus(most)
        return most

    def settle(self, reserved: Tokens, used: Tokens) -> None:
        with self._lock:
            self._reserved = self._reserved.plus(Tokens(-reserved.prompt, -reserved.reply))
            self.spent = self.spent.plus(used)


@runtime_checkable
class Model(Protocol):
    """Who replies: a server, or a model of this machine."""

    meter: Meter

    def ask(self, body: Callable[[int], JSON], read: Callable[[Reply], T]) -> T:
        """What `read` makes of the reply, as Client.ask."""

    def __enter__(self) -> "Model": ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Client:
    """Asks one endpoint, from several threads if need be."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        meter: Meter | None = None,
        tries: int = ATTEMPTS,
        timeout: float = TIMEOUT,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        import httpx

        key = _key(endpoint.key)
        self.endpoint = endpoint
        self.meter = meter or Meter()
        self.left_out: tuple[str, ...] = ()
        """Keys that this server does not know."""
        self._tries = tries
        self._wait = wait
        self._http = httpx.Client(
            timeout=timeout, headers={"Authorization": f"Bearer {key}"} if key else {}
        )

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def ask(self, body: Callable[[int], JSON], read: Callable[[Reply], T]) -> T:
        """What `read` makes of the reply; asked again where it is unclear, or the server busy.

        Args:
            body: The request's fields but for the model, for each attempt from 0 on.
            read: Raises UnclearError for a reply that is of no use.

        Raises:
            UnclearError: As many replies as are tried were of no use.
            SpentError: The meter's limit leaves no room for this request.
            ValueError: The endpoint cannot be reached, or refuses what it is asked.
        """
        import httpx

        busy = unclear = 0
        while True:
            try:
                return read(self._reply({"model": self.endpoint.model} | body(unclear)))
            except UnclearError:
                unclear += 1
                if unclear == self._tries:
                    raise
            except (httpx.TransportError, httpx.HTTPStatusError) as error:
                busy += 1
                if busy == ATTEMPTS:
                    raise ValueError(self._silent(error)) from error
                self._wait(_pause(error, busy))

    def _silent(self, error: Exception) -> str:
        name, url, flags = self.endpoint.name, self.endpoint.url, self.endpoint.flags
        return (
            f"{name} at {url} gave no reply in {ATTEMPTS} attempts: {error}; check"
            f" {flags[0]}, and that the server is running"
        )

    def _reply(self, body: JSON) -> Reply:
        reserved = self.meter.reserve(body)
        used = Tokens(0, 0)
        try:
            response = self._post(body)
            self._check(response)
            reply, count = _read(response, self.endpoint.name)
            self.meter.estimated += count is None
            used = count or Tokens(reserved.prompt, _foreseen(reply.text))
            return reply
        finally:
            self.meter.settle(reserved, used)

    def _post(self, body: JSON) -> "Response":
        """The response; where the server may not know some key, that of the body without."""
        left_out = self.left_out
        while True:
            kept = {key: value for key, value in body.items() if key not in left_out}
            response = self._http.post(f"{self.endpoint.url}/chat/completions", json=kept)
            doubtful = [key for key in OPTIONAL if key in kept]
            if response.status_code not in NOT_UNDERSTOOD or not doubtful:
                break
            left_out = (*left_out, doubtful[0])
        if response.is_success:
            self.left_out = left_out
        return response

    def _check(self, response: "Response") -> None:
        """Raises ValueError for a refusal that will not pass, else httpx's own error."""
        status = response.status_code
        lasting = 400 <= status < 500 and (status not in BUSY or QUOTA in response.text)
        if lasting or 300 <= status < 400:
            name, url, flags = self.endpoint.name, self.endpoint.url, self.endpoint.flags
            raise ValueError(
                f"{name} at {url} refuses with status {status}: {response.text[:200]}; check"
                f" {flags[0]}, {flags[1]}={self.endpoint.model}, and the key in {self.endpoint.key}"
            )
        response.raise_for_status()


def checked_url(url: str, flag: str) -> str:
    """The address without a slash at its end. Raises ValueError where it is none."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not close, or a port that is no number
        known = False
    if not known:
        raise ValueError(f"{flag} {url}: expected an address such as http://127.0.0.1:8000/v1")
    return url.rstrip("/")


def _read(response: "Response", name: str) -> tuple[Reply, Tokens | None]:
    """The reply, and what it took by the server's count, which not all servers give."""
    try:
        document = response.json()
        choice = document["choices"][0]
        text = choice["message"]["content"]
        text = HALF.sub("", str(text or ""))
        truncated = choice.get("finish_reason") == "length"
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UnclearError(f"{name} replied {response.text[:200]!r}") from error
    usage = document.get("usage")
    counts = [usage.get(f"{part}_tokens") for part in ("prompt", "completion")] if usage else []
    counted = bool(counts) and all(isinstance(count, int) and count >= 0 for count in counts)
    return Reply(text, truncated), Tokens(*counts) if counted else None


def _key(variable: str) -> str:
    """Raises ValueError for what no header may hold: the HTTP library would quote it, and tell."""
    key = os.environ.get(variable, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ValueError(f"{variable}: holds characters that no key has; set it anew")
    return key


def _pause(problem: Exception, attempt: int) -> float:
    """Seconds: twice as long each time, or as long as the server asks for."""
    response = getattr(problem, "response", None)
    asked = response.headers.get("Retry-After", "") if response is not None else ""
    own = FIRST_WAIT * 2.0 ** (attempt - 1)
    return min(max(own, float(asked)), LONGEST_WAIT) if asked.isdecimal() else own


def _foreseen(text: str) -> int:
    """Tokens of a text, rather too many than too few."""
    return len(text.encode()) // BYTES_PER_TOKEN + 1
