"""The plural of an animal's English name, for sentences such as ``about 1 in 50 normal foxes``."""

import re

SAME = "bison boar caribou cattle chamois deer eland elk fish grouse hartebeest impala kudu moose sheep"
IRREGULAR = {"calf": "calves", "fox": "foxes", "goose": "geese", "mouse": "mice", "ox": "oxen", "wolf": "wolves"}
REGULAR = (
    "agouti antelope ape armadillo baboon badger bat bear beaver bird bobcat buffalo buzzard camel capybara "
    "caracal cat cheetah chimpanzee chipmunk civet coati cougar cow coyote crane crow dhole dingo dog donkey "
    "duck eagle elephant falcon ferret gazelle genet gibbon giraffe goat gorilla hare hawk hedgehog heron "
    "hippopotamus hog horse hyena jackal jaguar jay kangaroo langur leopard lion lizard lynx macaque magpie margay "
    "marmot marten meerkat mink mole mongoose monkey muntjac nilgai ocelot opossum orangutan oryx otter owl panda "
    "pangolin panther partridge peccary pheasant pig pigeon polecat pony porcupine possum puma quail rabbit raccoon "
    "rat raven reptile rhinoceros rodent serval shrew skunk sloth snake squirrel stoat stork tapir thrush tiger "
    "tortoise turkey turtle vole vulture wallaby warthog waterbuck weasel wildcat wildebeest wolverine wombat "
    "woodcock woodpecker zebra"
)

_SAME, _REGULAR = frozenset(SAME.split()), frozenset(REGULAR.split())


def name_many(species: str) -> str:
    """``foxes``, ``red deer``, ``stone martens``; ``crops of Vulpes vulpes`` for a name that is not common English."""
    before, _, last = species.rpartition(" ")
    word = last.casefold()
    if word in _SAME:
        many = last
    elif word in IRREGULAR:
        many = IRREGULAR[word]
    elif word.endswith("mouse"):
        many = last[:-5] + "mice"
    elif word in _REGULAR:
        many = last[:-1] + "ies" if re.search(r"[^aeiou]y$", word) else last + ("es" if _hisses(word) else "s")
    else:
        return f"crops of {species}"
    return f"{before} {many}" if before else many


def _hisses(word: str) -> bool:
    return word.endswith(("s", "x", "z", "ch", "sh"))
