import pytest

from epochwise.data.check.private import private, redacted

KEYS = [
    "sk-proj-Ab12Cd34Ef56Gh78Ij90Kl12",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuv",
    "AKIAIOSFODNN7EXAMPLE",
    "AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY",
    "hf_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
    "xoxb-123456789012-abcdefGHIJKL",
    "glpat-Ab12Cd34Ef56Gh78Ij90",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("key", KEYS)
def test_keys_of_known_issuers(key: str) -> None:
    assert redacted(f"use {key}, please") == "use [key], please"


def test_what_is_called_a_key_and_looks_random() -> None:
    assert redacted('api_key = "9fK2mQ7xL0pR4tVw8Zb3"') == 'api_key = "[key]"'


@pytest.mark.parametrize(
    "text",
    [
        "sk-xxxxxxxxxxxxxxxxxxxxxxxx",
        "api_key = YOUR_API_KEY_GOES_HERE",
        "the token: internationalization",
        "at 12:30 on 2024-05-17",
        "pi is 3.14159265358979",
        "1,000,000 + 2,500,000",
        "ISBN 978-3-16-148410-0",
        "write @home and user@host",
        "add 123 456 7890123 to it",
    ],
)
def test_what_only_resembles_private_data(text: str) -> None:
    assert private(text) == []


@pytest.mark.parametrize(
    "text", ["+81 90-1234-5678", "(555) 123-4567", "555-123-4567", "+86 138 0013 8000"]
)
def test_telephone_numbers(text: str) -> None:
    assert redacted(f"call {text}.") == "call [telephone number]."


def test_long_texts_without_end_take_no_time() -> None:
    assert private("a" * 200_000 + "@" + "b." * 50_000) == []
    assert private("+1" + " 23" * 50_000) is not None
