"""Every text of the pages can be read on its ground, light and dark: a contrast of at least 4.5 to 1 (WCAG 2.2, AA)."""

import re
import tomllib

import pytest

from ui.shared.look import STYLE
from ui.shared.project_place import ROOT

LEAST = 4.5
SCHEMES = ("light", "dark")
Colour = tuple[float, float, float, float]  # red, green, blue and opacity, 0 to 1
WHITE: Colour = (1, 1, 1, 1)
SHEETS = {
    "look": STYLE,
    **{
        name: (ROOT / "ui" / name).read_text(encoding="utf-8")
        for name in ("board/browser/style.css", "groups/browser/style.css", "scatter/browser/plot.css")
    },
}
# Texts that lie on a picture, whatever it shows: the worst picture is white.
ON_PICTURES = re.compile(r"\.rank|\.open|st-key-photo-|\.over button|\.legend|\.out\b|\.last .back")
# Texts on Streamlit's own elements in the theme's colour.
ON_ACCENT = re.compile(r"stBaseButton-primary|stMultiSelect")
# Words of which nothing needs to be read: what is off, and marks without a text.
UNREAD = re.compile(r"disabled|:placeholder|\.hours|kbd$|\.tick")


def read_theme(scheme: str) -> dict[str, str]:
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"][scheme]
    names = {re.sub(r"(?=[A-Z])", "-", name).lower(): value for name, value in theme.items() if isinstance(value, str)}
    return {f"--st-{name}": value for name, value in names.items()}


def read_variables(scheme: str) -> dict[str, str]:
    found = read_theme(scheme)
    for sheet in SHEETS.values():
        found |= {name: value.strip() for name, value in re.findall(r"(--[\w-]+):\s*([^;}]+)[;}]", sheet)}
    return found


def split_parts(text: str) -> list[str]:
    """The parts between commas that are in no brackets."""
    parts, depth = [""], 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]


def read_colour(text: str, scheme: str, names: dict[str, str]) -> Colour | None:
    """A colour of a style sheet; None for what is no colour, such as ``none``."""
    text = text.strip()
    if found := re.fullmatch(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", text):
        digits = found[1] if len(found[1]) == 6 else "".join(2 * one for one in found[1])
        return (*(int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4)), 1.0)  # type: ignore[return-value]
    if found := re.fullmatch(r"rgb\((\d+) (\d+) (\d+) / ([\d.]+)\)", text):
        return int(found[1]) / 255, int(found[2]) / 255, int(found[3]) / 255, float(found[4])
    if text == "transparent":
        return 0.0, 0.0, 0.0, 0.0
    if text in ("currentColor", "inherit"):
        return read_colour(names["--st-text-color"], scheme, names)
    if text.startswith("light-dark("):
        return read_colour(split_parts(text[11:-1])[SCHEMES.index(scheme)], scheme, names)
    if text.startswith("var("):
        name, *otherwise = split_parts(text[4:-1])
        return read_colour(names.get(name) or otherwise[0], scheme, names)
    if text.startswith("color-mix(in srgb,"):
        first, second = split_parts(text[18:-1])
        colour, share = first.rsplit(" ", 1)
        one, other = read_colour(colour, scheme, names), read_colour(second, scheme, names)
        assert one is not None
        assert other is not None
        part = float(share.rstrip("%")) / 100
        opacity = part * one[3] + (1 - part) * other[3]
        mixed = [
            (part * one[3] * a + (1 - part) * other[3] * b) / opacity for a, b in zip(one[:3], other[:3], strict=True)
        ]
        return mixed[0], mixed[1], mixed[2], opacity
    return None


def lay_over(colour: Colour, ground: Colour) -> Colour:
    red, green, blue = (colour[3] * a + (1 - colour[3]) * b for a, b in zip(colour[:3], ground[:3], strict=True))
    return red, green, blue, 1.0


def compute_contrast(text: Colour, ground: Colour) -> float:
    """The contrast ratio of WCAG 2.2, from 1 to 21."""

    def light(colour: Colour) -> float:
        red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in colour[:3])
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dim, bright = sorted((light(lay_over(text, ground)), light(ground)))
    return (bright + 0.05) / (dim + 0.05)


def list_pairs(scheme: str) -> list[tuple[str, Colour, Colour]]:
    """Each rule that colours a text, with every ground that the text can lie on."""
    names = read_variables(scheme)
    pages = [
        read_colour(names[name], scheme, names) for name in ("--st-background-color", "--st-secondary-background-color")
    ]
    accent = read_colour(names["--st-primary-color"], scheme, names)
    pairs = []
    for sheet, text in SHEETS.items():
        for chosen, rule in re.findall(r"([^{}]+)\{([^{}]*)\}", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)):
            said = dict(re.findall(r"(?:^|;)\s*(color|background):\s*([^;]+)", rule.strip()))
            colour = read_colour(said["color"], scheme, names) if "color" in said else None
            selector = " ".join(chosen.split())
            if colour is None or UNREAD.search(selector):
                continue
            grounds = [WHITE] if ON_PICTURES.search(selector) else [accent] if ON_ACCENT.search(selector) else pages
            own = read_colour(said.get("background", ""), scheme, names)
            for ground in grounds:
                pairs.append((f"{sheet}: {selector}", colour, lay_over(own, ground) if own else ground))
    return pairs


def test_the_ratio_is_that_of_the_standard():
    assert compute_contrast((0, 0, 0, 1), WHITE) == pytest.approx(21)
    assert compute_contrast((1, 1, 1, 1), (0x5B / 255, 0xB3 / 255, 0x96 / 255, 1)) == pytest.approx(2.5, abs=0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_text_that_the_style_sheets_colour_can_be_read(scheme):
    pairs = list_pairs(scheme)
    assert len(pairs) > 80
    faint = {name: round(ratio, 2) for name, text, ground in pairs if (ratio := compute_contrast(text, ground)) < LEAST}
    assert faint == {}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("text-color", "background-color"),
        ("text-color", "secondary-background-color"),
        ("link-color", "background-color"),
        ("link-color", "secondary-background-color"),
        ("primary-color", "background-color"),
        *((f"{name}-text-color", f"{name}-background-color") for name in ("orange", "blue", "green", "gray")),
        *((f"{name}-text-color", "background-color") for name in ("orange", "blue", "green", "gray")),
    ],
)
def test_every_text_of_the_theme_can_be_read(scheme, text, ground):
    theme = read_theme(scheme)
    one, other = (read_colour(theme[f"--st-{name}"], scheme, theme) for name in (text, ground))
    assert one is not None
    assert other is not None
    assert compute_contrast(one, other) >= LEAST


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_name_of_the_program_and_the_curves_beside_a_map_can_be_read(scheme):
    names = read_variables(scheme)
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
    greens = re.findall(r"\.green \{ fill: (#\w{6})", (ROOT / "ui" / "wordmark.svg").read_text(encoding="utf-8"))
    script = (ROOT / "ui" / "scatter" / "browser" / "plot.js").read_text(encoding="utf-8")
    quiet = re.findall(r'quiet: this\.dark \? "(#\w{6})" : "(#\w{6})"', script)[0]
    for text, ground in (
        (greens[SCHEMES.index(scheme)], config[scheme]["sidebar"]["backgroundColor"]),
        (quiet[1 - SCHEMES.index(scheme)], config[scheme]["backgroundColor"]),
    ):
        one, other = read_colour(text, scheme, names), read_colour(ground, scheme, names)
        assert one is not None
        assert other is not None
        assert compute_contrast(one, other) >= LEAST
