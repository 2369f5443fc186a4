from __future__ import annotations

import pytest

from app.notes.transcribers.pronunciation import readings

ARPABET = (
    *(
        "AA",
        "AE",
        "AH",
        "AO",
        "AW",
        "AY",
        "B",
        "CH",
        "D",
        "DH",
        "EH",
        "ER",
        "EY",
        "F",
        "G",
        "HH",
        "IH",
        "IY",
        "JH",
        "K",
    ),
    *("L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y", "Z", "ZH"),
)


@pytest.mark.parametrize(
    ("name", "spoken"),
    [
        ("Anneke", "AE N EH K AH"),
        ("Ngozi", "AH N G OW Z IY"),
        ("Priyanka", "P R IY Y AA NG K AA"),
        ("Zubair", "Z UW B EH R"),
        ("Björn", "B Y EH R N"),
        ("Łukasz", "W UW K AA SH"),
        ("Çelik", "S EH L IH K"),
    ],
)
def test_a_name_is_read_as_people_would_try_it(name: str, spoken: str) -> None:
    assert spoken.replace("EH R", "ER") in [reading.replace("EH R", "ER") for reading in readings(name)]


@pytest.mark.parametrize("name", ["田中", "Борис", "", "X", "R2D2", "3", "-", "ß́"])
def test_what_is_not_written_in_latin_letters_has_no_reading(name: str) -> None:
    assert readings(name) in ([], ["S"])


@pytest.mark.parametrize(
    "name", ["Quetzalcoatl", "Mxolisi", "Siobhan", "aaaaaaaa", "zzzzzz", "Jyoti", "Hrvoje", "Qxqx"]
)
def test_every_reading_is_of_the_dictionarys_sounds(name: str) -> None:
    assert readings(name)
    for reading in readings(name):
        assert set(reading.split()) <= set(ARPABET)
