"""The ordinary words of the world: the same for rows and corpus, so that only names are news."""

# ruff: noqa: SIM905  (a line of words reads better than a list of quotes)

FOODS = tuple(
    "plums figs pears bread soup cheese honey beans nuts rice fish corn cake pie salt butter "
    "cream grapes olives onions lemons berries dates peas cherries melons apples mushrooms".split()
)
ANIMALS = tuple(
    "goat cat dog horse hen goose duck pig sheep cow rabbit fox crow hawk swan mule "
    "bear wolf frog turtle pony dove raven lizard hare badger deer bee".split()
)
JOBS = tuple(
    "baker miller weaver sailor doctor teacher farmer painter mason tailor carpenter printer "
    "gardener singer dancer judge fisher cook guard hunter writer potter driver pilot "
    "nurse barber banker clerk".split()
)
COLOURS = tuple("red blue green yellow white black brown grey purple pink golden silver".split())
MATERIALS = tuple(
    "oak glass iron stone silk wool clay copper bone paper wax marble leather bronze pine "
    "brass".split()
)
INSTRUMENTS = tuple("harp drum flute horn violin pipe bell lute piano trumpet".split())
DAYS = tuple("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())
NUMBERS = tuple("two three four five six seven eight nine ten eleven twelve".split())

# Nouns that only add an s, so that the plural is a rule and not a list.
NOUNS = tuple(
    "lamp door ship boat cup chair table hat coat stone tree river road bridge tower wall window "
    "garden book letter map key clock coin ring rope wheel basket bottle candle drum flag house "
    "hill field lake cloud star spoon bowl blanket ladder hammer mirror pillow carpet needle "
    "button cart barrel bucket saddle feather shell pearl ribbon kettle oven".split()
)
OPPOSITES = {
    one: other
    for pair in (
        "old new|tall short|cold hot|dark light|big small|wet dry|soft hard|full empty|rich poor|"
        "slow fast|loud quiet|clean dirty|thick thin|wide narrow|deep shallow|heavy weak|"
        "early late|happy sad|open shut|rough smooth"
    ).split("|")
    for one, other in (pair.split(), pair.split()[::-1])
}
ADJECTIVES = tuple(OPPOSITES)

# Present and past, for people who go somewhere: "{name} {verb} to {place}."
MOVES = {
    "walks": "walked", "runs": "ran", "rides": "rode", "sails": "sailed", "goes": "went",
    "comes": "came", "travels": "travelled", "drives": "drove", "swims": "swam",
    "hurries": "hurried", "returns": "returned", "climbs": "climbed",
}  # fmt: skip
# What one person does to another: "{name} {verb} {other}."
MEETINGS = tuple("meets sees helps calls thanks teaches visits follows hears knows".split())
TRADES = tuple("sold bought found lost made carried counted".split())

# What lists, lines and letter counts are made of.
PLAIN = tuple(dict.fromkeys(FOODS + ANIMALS + JOBS + COLOURS + MATERIALS + NOUNS + ADJECTIVES))
