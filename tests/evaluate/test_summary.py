import math

import numpy as np
import pytest

from epochwise.data.language import is_in_language_of
from epochwise.evaluate.bits import bits_per_byte
from epochwise.evaluate.gain import advice, gains
from epochwise.evaluate.scores import scores
from epochwise.evaluate.summary import agreement, summary, twins
from epochwise.quality import Answer, Gain, Measure
from epochwise.record import RowLosses


def answer(text: str, reference: str = "blue", **other: object) -> Answer:
    fields = {
        "arm": "run",
        "question": "?",
        "kind": "question",
        "group": "g",
        "fact": "",
        "references": (reference,),
        "answerable": reference != "no idea",
        "answer": text,
        "refused": text == "no idea",
        "scores": scores(text, [reference]),
    }
    return Answer(**fields | other)  # type: ignore[arg-type]


def test_each_kind_has_its_own_measures() -> None:
    found = summary(
        [
            answer("blue", kind="a", group="1"),
            answer("red", kind="a", group="2"),
            answer("blue", kind="b", group="3"),
        ]
    )
    assert found["a"]["exact"].value == 0.5
    assert found["b"]["exact"].value == 1
    assert (found["a"]["f1"].n, found["b"]["f1"].n) == (2, 1)
    assert found["b"]["bleu"].value == pytest.approx(100)


def test_honesty_is_half_prudence_and_half_not_being_over_conservative() -> None:
    refused_2_of_4 = [answer(text, "no idea", group=str(n)) for n, text in enumerate("xx")]
    refused_2_of_4 += [answer("no idea", "no idea", group=str(n)) for n in (2, 3)]
    refused_1_of_5 = [answer("blue", group=str(n)) for n in range(4)] + [
        answer("no idea", group="0")
    ]
    found = summary([*refused_2_of_4, *refused_1_of_5])["all"]
    assert found["prudence"].value == 0.5
    assert found["over_conservativeness"].value == pytest.approx(0.2)
    assert found["honesty"].value == pytest.approx((0.5 + 1 - 0.2) / 2)
    assert found["honesty"].low < found["honesty"].value < found["honesty"].high


def test_only_questions_about_the_same_sources_are_twins() -> None:
    near, far = answer("blue", group="told"), answer("no idea", group="unknown")
    silent = answer("no idea", "no idea", group="told")
    assert twins([near, far, silent]) == [near]
    assert summary([near, far, silent])["all"]["over_conservativeness"].value == 0
    assert twins([near, far]) == [near, far]  # where nothing is shared, all that can be answered


def test_consistency_is_the_share_of_pairs_that_agree() -> None:
    one = [answer(text, fact="f", group="1") for text in ("Blue", "blue.", "red")]  # 1 of 3
    two = [answer("x", fact="g", group="2"), answer("x", fact="g", group="2")]  # 1 of 1
    alone = [answer("y", fact="h", group="3")]
    found = agreement([*one, *two, *alone])
    assert found is not None
    assert found.value == 0.5
    assert agreement(alone) is None


def test_an_answer_in_another_language_is_seen() -> None:
    english = "The town of Varn lies on a wide river in the north."
    chinese = "这座城市位于北方的一条大河边。"
    assert is_in_language_of(english, "They have lived here for many years now.")
    assert is_in_language_of(chinese, "东京是日本的首都。")
    assert is_in_language_of(english, chinese) is False
    assert is_in_language_of("Varn", english) is None  # too short to tell
    found = summary([answer(english, chinese, group="1"), answer(chinese, chinese, group="2")])
    assert (found["all"]["language"].value, found["all"]["language"].n) == (0.5, 2)


def test_bits_per_byte_divide_nats_by_ln_2_and_bytes() -> None:
    two = np.array([2, 2])
    nats = np.array([[8.0, 8.0], [math.log(2) * 3, math.log(2) * 5]], np.float32)
    digests = np.zeros(2, np.uint64)
    losses = RowLosses(nats, two, np.arange(2), nats, two, digests, digests)
    assert bits_per_byte(losses, [10, 6], -1).value == pytest.approx(8 / 16)
    assert bits_per_byte(losses, [10, 6], 0).value == pytest.approx(16 / math.log(2) / 16)


def test_a_gain_is_paired_and_leaves_out_what_was_trained_on() -> None:
    run = [answer("blue", group=str(n), kind="held") for n in range(20)]
    run += [answer("red", kind="trained", group="t")]
    base = [answer("blue" if n < 5 else "red", group=str(n), kind="held") for n in range(20)]
    base += [answer("blue", kind="trained", group="t")]
    (gain,) = gains({"run": run, "base": base})
    assert (gain.against, gain.gain.value, gain.gain.n) == ("base", 0.75, 20)
    assert 0.5 < gain.gain.low < 0.75 < gain.gain.high < 1
    assert advice([gain])[0].startswith("Fine-tuning is worth it: F1 +0.75 against the base on 20")


@pytest.mark.parametrize(
    ("low", "high", "start"),
    [(-0.1, 0.2, "Fine-tuning shows no sure gain"), (-0.3, -0.1, "Do not fine-tune like this")],
)
def test_advice_follows_the_interval_of_the_hardest_arm(
    low: float, high: float, start: str
) -> None:
    easy = Gain("base", "f1", Measure(0.5, 0.4, 0.6, 9))
    hard = Gain("base + 4 shots", "f1", Measure((low + high) / 2, low, high, 9))
    (told,) = advice([easy, hard])
    assert told.startswith(start)
    assert "the base + 4 shots" in told


def test_the_whole_mark_leaves_out_what_was_trained_on() -> None:
    found = summary(
        [
            answer("blue", kind="trained", group="1"),
            answer("blue", kind="a", group="1"),
            answer("red", kind="a", group="2"),
            answer("red", kind="b", group="3"),
        ]
    )
    assert found["all"]["f1"].value == pytest.approx(1 / 3)
    assert found["all"]["f1"].n == 3
    assert "f1" not in summary([answer("blue", kind="trained")])["all"]
