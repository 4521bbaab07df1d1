"""Rows to fine-tune on, in Alpaca format, as many as wanted and the same everywhere.

Rows come in chapters of 200: each brings its own people, places and things and has every kind of
row in its exact share, shuffled. A chapter depends on the seed and on chapters before it (no skill
row repeats an earlier one), so the first n rows are the same however many are asked for.
"""

from random import Random

from epochwise.world.facts import (
    RELATION,
    RELATIONS,
    TRAINED_QUESTIONS,
    UNKNOWABLE,
    Entity,
    entity,
    passage,
    statement,
)
from epochwise.world.names import ROW_NAMES, Names, nth_name
from epochwise.world.tasks import SKILLS

Row = dict[str, str]

MOST_ROWS = 20_000  # the towns of the world last this long
CHAPTER = 200  # rows; the smallest number in which every share below comes out whole
# Entities asked about from memory, and entities of passages, by kind and in one chapter.
KNOWN = ("person",) * 5 + ("thing",) * 3 + ("place",) * 2
TOLD = ("person",) * 17 + ("thing",) * 6 + ("place",) * 2
FACTS_KNOWN = 4  # so 12 trained questions, of which CLOSED_ROWS are asked
CLOSED_ROWS = 7  # per known entity: 70 of 200 rows
OPEN_ROWS = 2  # per passage: 50 of 200 rows
SILENT_PASSAGES = 20  # passages also asked what they do not say; with one unknowable thing
#                       per known entity that makes 30 of 200 rows unanswerable
SKILL_ROWS = 50

NOT_SAID = "The passage does not say."
NOT_KNOWN = "I do not know."


def rows(size: int, seed: int = 0) -> list[Row]:
    """The first `size` rows of the world that grows from `seed`.

    Keys: instruction, input, output; source, which rows about the same entity share; kind, one of
    closed_book, open_book, skill and unanswerable; fact, the id of what a closed-book row asks for.
    """
    if not 1 <= size <= MOST_ROWS:
        raise ValueError(f"got size={size}, expected 1 to {MOST_ROWS} rows")
    pool = shuffled_names(seed)
    made: list[Row] = []
    jobs: set[tuple[str, str]] = set()
    for number in range((size + CHAPTER - 1) // CHAPTER):
        made += chapter(seed, number, pool, jobs)
    return made[:size]


def held_out(row: Row) -> list[Row]:
    """The same fact, asked in the ways no row asks: what was learned by rote fails here.

    Rows of other kinds hold no fact and give an empty list.
    """
    if not row["fact"]:
        return []
    name, relation = row["fact"].split("/")
    questions = RELATION[relation].questions[TRAINED_QUESTIONS:]
    return [{**row, "instruction": question.format(name)} for question in questions]


def shuffled_names(seed: int) -> Names:
    """The names of rows in the order in which this seed hands them out."""
    rng = Random(f"{seed}/names")
    return Names(*(rng.sample(words, len(words)) for words in ROW_NAMES))


def chapter(seed: int, number: int, pool: Names, jobs: set[tuple[str, str]]) -> list[Row]:
    """One chapter, shuffled. `jobs` gains the skill jobs it has used."""
    rng = Random(f"{seed}/{number}")
    cast = entities(rng, number, pool)
    known, told = cast[: len(KNOWN)], cast[len(KNOWN) :]
    made = [row for one in known for row in closed_book(rng, one)]
    rng.shuffle(told)
    for place, one in enumerate(told):
        made += open_book(rng, one, silent=place < SILENT_PASSAGES)
    made += [skill(rng, pool, jobs) for _ in range(SKILL_ROWS)]
    rng.shuffle(made)
    return made


def entities(rng: Random, number: int, pool: Names) -> list[Entity]:
    """Who a chapter is about, known ones first; all new to the world."""
    kinds = KNOWN + TOLD
    used = {kind: number * kinds.count(kind) for kind in RELATIONS}
    cast = []
    for place, kind in enumerate(kinds):
        count = FACTS_KNOWN if place < len(KNOWN) else rng.choice((2, 2, 3))
        cast.append(entity(rng, kind, nth_name(kind, pool, used[kind]), count, pool))
        used[kind] += 1
    return cast


def closed_book(rng: Random, of: Entity) -> list[Row]:
    """Questions from memory about an entity, and one that nobody can answer."""
    asked = [(relation, way) for relation in of.facts for way in range(TRAINED_QUESTIONS)]
    made = [
        {
            "instruction": RELATION[relation].questions[way].format(of.name),
            "input": "",
            "output": statement(of, relation),
            "source": of.name,
            "kind": "closed_book",
            "fact": f"{of.name}/{relation}",
        }
        for relation, way in rng.sample(asked, CLOSED_ROWS)
    ]
    question = rng.choice(UNKNOWABLE[of.kind]).format(of.name)
    return [*made, unanswerable(question, "", NOT_KNOWN, of.name)]


def open_book(rng: Random, of: Entity, *, silent: bool) -> list[Row]:
    """Questions that a passage answers and, if it is silent, one that it does not."""
    text = passage(of)
    made = [
        {
            "instruction": question(rng, of, relation),
            "input": text,
            "output": statement(of, relation),
            "source": of.name,
            "kind": "open_book",
            "fact": "",
        }
        for relation in rng.sample(list(of.facts), OPEN_ROWS)
    ]
    if silent:
        untold = [relation for relation in RELATIONS[of.kind] if relation not in of.facts]
        missing = question(rng, of, rng.choice(untold))
        made.append(unanswerable(missing, text, NOT_SAID, of.name))
    return made


def question(rng: Random, of: Entity, relation: str) -> str:
    """One of the trained ways to ask for a fact."""
    return RELATION[relation].questions[rng.randrange(TRAINED_QUESTIONS)].format(of.name)


def unanswerable(instruction: str, given: str, output: str, source: str) -> Row:
    """A row whose right answer is that there is none."""
    return {
        "instruction": instruction,
        "input": given,
        "output": output,
        "source": source,
        "kind": "unanswerable",
        "fact": "",
    }


def skill(rng: Random, pool: Names, jobs: set[tuple[str, str]]) -> Row:
    """A skill row whose job no earlier row had; drawn again until it is new."""
    while True:
        name = rng.choice(list(SKILLS))
        instruction = rng.choice(SKILLS[name].instructions)
        given, answer = SKILLS[name].make(rng, pool)
        if (instruction, given) not in jobs:
            break
    jobs.add((instruction, given))
    return {
        "instruction": instruction,
        "input": given,
        "output": answer,
        "source": f"{name}/{len(jobs)}",
        "kind": "skill",
        "fact": "",
    }
