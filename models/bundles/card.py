"""Writes the model card of a bundle."""

from collections.abc import Iterator

from models.bundles.bundle import Bundle
from models.judging.judge import Judge


def write_card(bundle: Bundle, *, method: str, source: str) -> str:
    """A bundle's MODEL_CARD.md; ``method`` is how its encoder was trained, ``source`` where its crops come from."""
    rate = bundle.settings.false_alarm_rate
    encoders = [f"- {spec.name}, crops of {spec.input_px} px" for spec in bundle.encoders]
    lines = [
        f"# {bundle.name}",
        "",
        f"Made {bundle.created_at:%Y-%m-%d %H:%M} UTC from {source} "
        f"({sum(bundle.counts.values())} crops of {len(bundle.counts)} species).",
        "",
        *_describe_scores(bundle),
        "",
        *_describe_errors(bundle),
    ]
    if bundle.species_judge is not None:
        lines += ["## Species", "", *_describe_judge(bundle.species_judge, rate=rate), ""]
    known = bundle.background
    if known is not None:
        lines += [
            "## Nothing and people",
            "",
            f"Trained on {known.n_nothing} boxes on nothing and {known.n_people} of people. Crops that look like them "
            "are neither flagged nor named as a species. They come last in the queue and are never thrown away.",
            "",
            "If a species had been unknown, so many of its crops would be called nothing:",
            "",
            "| species | crops | called nothing |",
            "|---|---|---|",
            *(f"| {_cell(name)} | {len(known.animals[name])} | {n} |" for name, n in known.n_animals_lost.items()),
            "",
        ]
    if bundle.camera_judges or bundle.patch_judges:
        lines += ["## Whole frames", "", "Photos without a detection are scored by the model of their camera.", ""]
        lines += _describe_cameras(bundle)
        lines.append("")
    lines += [
        "## False alarms",
        "",
        f"Crops with a p-value of at most the false-alarm rate (at first {rate:g}) are flagged. P-values come from "
        "crops held out in turn, in whole events. They are scored by models that were not trained on them and get the "
        "species that they fit best, as in a run; so more can be taken for a species than there are crops of it. A "
        "crop is measured in the units of its species, in which 1 is the "
        "score that one in twenty normal crops of the species is over, and then compared with the held-out crops of "
        "all species, each in units of its own. How small a p-value can be depends on the number of crops held out; "
        "the table says it. The rate holds for crops like those in training. Other cameras or "
        "seasons, or boxes drawn in another way, can raise the rate.",
        "",
        "## Made of",
        "",
        f"- detector: {bundle.detector}",
        *encoders,
        f"- training of the encoder: {method}",
        f"- embeddings of length {' + '.join(map(str, bundle.sections))}, {_describe_scaling(bundle)}",
        "",
        "The encoder's weights are in this folder if they came from a file; published ones are loaded by name. "
        "The detector stays where it is, also where its features are used. The licences of weights and photos are "
        "those of their sources.",
        "",
    ]
    if bundle.notes:
        lines += ["## To know", "", *(f"- {note}" for note in bundle.notes), ""]
    return "\n".join(lines)


def _describe_scores(bundle: Bundle) -> list[str]:
    if bundle.species_judge is None:
        return [
            "Its scores say how little a whole frame fits the earlier frames of its camera. It knows no species; a "
            "person should look at frames with a high score."
        ]
    return [
        "Its scores say how little a crop fits the species below. It cannot name other species; "
        "a person should look at crops with a high score."
    ]


SCORED_WORDS = {
    "reconstruction": "how badly it is put together again, as a whole",
    "worst_part": "how badly the worst part of it, an eighth of the side, is put together again",
}


def _describe_errors(bundle: Bundle) -> list[str]:
    words = SCORED_WORDS.get(bundle.scored_by)
    if words is None:
        return []
    return [
        f"A crop gets the species that its numbers in the bottleneck fit best, and is scored by {words} from these "
        "numbers, compared with held-out crops of that species. An autoencoder also puts plain backgrounds together "
        "well whatever stands on them, and crops full of detail badly: look at the recall of each species beside the "
        "false-alarm rate on Evaluate before you trust it.",
        "",
    ]


def _describe_cameras(bundle: Bundle) -> Iterator[str]:
    for name in sorted({*bundle.camera_judges, *bundle.patch_judges}):
        if name in bundle.patch_judges:
            patches = bundle.patch_judges[name]
            yield (
                f"- {name}: {len(patches.group.scores)} frames, by their most unusual patch: its distance to the "
                f"nearest of {len(patches.bank.patches):,} normal patches, least p-value "
                f"{say_least(patches.group.least_p_value)}"
            )
        else:
            judge = bundle.camera_judges[name]
            model, least = judge.kinds[0].model, judge.find_least_p_value(judge.kinds[0])
            yield f"- {name}: {model.n_rows} frames, {model.words}, least p-value {say_least(least)}"


def say_least(p_value: float) -> str:
    """The smallest p-value that there can be: ``at least 1 in 41 (0.0244)``."""
    return f"at least 1 in {round(1 / p_value):,} ({p_value:.3g})"


def _describe_scaling(bundle: Bundle) -> str:
    normaliser = bundle.first_judge.normaliser
    words = "standardised and of unit length"
    if normaliser.weights:
        words += f", weights {' to '.join(f'{weight:g}' for weight in normaliser.weights)}"
    if normaliser.directions_ is not None:
        words += f", reduced to {normaliser.width} principal components"
    return words


def _describe_judge(judge: Judge, *, rate: float) -> list[str]:
    lines = ["| species | crops of it | model | compared with | least p-value |", "|---|---|---|---|---|"]
    for kind in judge.kinds:
        group = judge.groups[kind.group]
        smallest = judge.find_least_p_value(kind)
        least = say_least(smallest)
        if smallest > rate:
            least += f": none can be flagged at {rate:g}"
        lines.append(
            f"| {_cell(kind.name)} | {kind.model.n_rows} | {kind.model.words} | "
            f"{len(group.scores)} held-out crops taken for {_cell(group.name)} | {least} |"
        )
    return lines


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
