"""Text of other tools is read in its encoding, or refused: a name that comes out wrong is worse than none."""

import pytest

from core.disk.text import decode_text
from core.errors import FileFormatError


def decode(content):
    return decode_text(content, source="labels.csv", expected="a table")


@pytest.mark.parametrize(
    "text",
    [
        "Süd/a.jpg,Füchsin\nb.jpg,Äskulapnatter\nc.jpg,größer",
        "Pétrus,“in quotes” – a dash, l’œuvre, 5 €, ½, 25°C",
        "Škoda,Žilina,košile,São,AÇÃO,piñón,¿qué?",
        "Åse,Århus,blåbær,Þór,Eyjafjörður,Ðuro,maður",
        "camera–trap,fox…,hääyöaie,d’Été,«à»,L’ÉTÉ",
    ],
)
def test_western_text_of_windows_is_read(text):
    assert decode(text.encode("cp1252")) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("лиса обыкновенная", "cp1251"),
        ("Füchsin", "mac_roman"),
        ("Süd", "mac_roman"),
        ("狐狸", "gbk"),
        ("キツネ", "shift_jis"),
        ("αλεπού", "cp1253"),
        ("ثعلب", "cp1256"),
        ("여우", "cp949"),
    ],
)
def test_text_in_another_encoding_is_refused_and_not_garbled(text, encoding):
    with pytest.raises(FileFormatError, match=r"labels\.csv is neither in UTF-8 .*line 2.*Save it as UTF-8") as raised:
        decode(f"file,species\na.jpg,{text}\n".encode(encoding))
    assert text not in str(raised.value)


def test_one_broken_sign_does_not_garble_all_others():
    with pytest.raises(FileFormatError, match=r"UTF-8 in parts, with signs that are none \(line 2\)"):
        decode("file,species\na.jpg,Füchsin\n".encode() + b"b.jpg,\xff\n")
