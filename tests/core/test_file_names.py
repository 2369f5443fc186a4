"""The name that a download is saved under, from what a person typed."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import unquote

import pytest

from app.core.file_names import disposition, file_name

HELD_AT = datetime(2026, 11, 20, 11, 5)
DATE = "2026-11-20 11.05"


@pytest.mark.parametrize(
    ("title", "stem"),
    [
        ("Weekly review", "Weekly review"),
        ("  Weekly \n review ", "Weekly review"),
        ("Überblick 計画", "Überblick 計画"),
        ("../../etc/passwd", ".. etc passwd"),
        ('a"b\\c:d*e?f<g>h|i', "a b c d e f g h i"),
        ("invoice\u202egpj.exe", "invoice gpj.exe"),  # would be shown as invoiceexe.jpg
        ("\x00\x1b[31m", "[31m"),
        ("...", "recording"),
        ("//", "recording"),
        ("", "recording"),
    ],
)
def test_a_title_becomes_a_name_for_every_file_system(title: str, stem: str) -> None:
    name = file_name(title, HELD_AT, ".mp4")
    assert name.removesuffix(f" {DATE}.mp4").lstrip(". ") == stem.lstrip(". ")
    assert not name.startswith(".")


def test_a_long_title_is_cut_between_letters_and_never_the_date() -> None:
    name = file_name("計" * 200, HELD_AT, ".mp4")
    assert name == "計" * 60 + f" {DATE}.mp4"
    assert len(name.encode()) < 255


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("Weekly review.mp4", 'attachment; filename="Weekly review.mp4"'),
        ("Übung.mp4", "attachment; filename=\"Ubung.mp4\"; filename*=UTF-8''%C3%9Cbung.mp4"),
        ("計画.m4a", "attachment; filename=\"file.m4a\"; filename*=UTF-8''%E8%A8%88%E7%94%BB.m4a"),
        # Wide forms of ", \ and / are plain ones in ASCII; a % would be taken for the start of a code.
        (
            "a＂b＼c／d.mp4",
            "attachment; filename=\"a b c d.mp4\"; filename*=UTF-8''a%EF%BC%82b%EF%BC%BCc%EF%BC%8Fd.mp4",
        ),
        ("READ ME", 'attachment; filename="READ ME"'),
        ("計画", "attachment; filename=\"file\"; filename*=UTF-8''%E8%A8%88%E7%94%BB"),
        ('a.b"c', 'attachment; filename="a.b c"'),
        ("100%.mp4", "attachment; filename=\"100.mp4\"; filename*=UTF-8''100%25.mp4"),
    ],
)
def test_clients_get_the_name_in_ascii_and_in_full(name: str, header: str) -> None:
    assert disposition(name) == header
    if "filename*" in header:
        assert unquote(header.partition("UTF-8''")[2]) == name
