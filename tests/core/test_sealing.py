import pytest

from app.core.sealing import Sealer, Unsealable


def test_what_is_sealed_is_not_to_be_read_and_comes_back_whole() -> None:
    sealer = Sealer(lambda: "s" * 32)
    sealed = sealer.seal("letters", "über alles geheim")
    assert "geheim" not in sealed
    assert sealer.unseal("letters", sealed) == "über alles geheim"
    assert sealer.seal("letters", "über alles geheim") != sealed  # two that are alike can't be told


@pytest.mark.parametrize(
    ("secret", "purpose", "change"),
    [
        ("t" * 32, "letters", lambda sealed: sealed),
        ("s" * 32, "parcels", lambda sealed: sealed),
        ("s" * 32, "letters", lambda sealed: sealed[:-2] + ("AA" if sealed[-2:] != "AA" else "BB")),
        ("s" * 32, "letters", lambda _sealed: ""),
        ("s" * 32, "letters", lambda sealed: sealed.rpartition(".")[0]),
    ],
    ids=["another secret", "another purpose", "changed", "nothing", "cut"],
)
def test_what_is_not_sealed_so_is_not_opened(secret: str, purpose: str, change: object) -> None:
    sealed = Sealer(lambda: "s" * 32).seal("letters", "x")
    with pytest.raises(Unsealable):
        Sealer(lambda: secret).unseal(purpose, change(sealed))  # type: ignore[operator]


def test_what_a_former_secret_sealed_is_opened_and_new_things_are_sealed_with_the_newest() -> None:
    of_old = Sealer(lambda: "o" * 32).seal("letters", "x")
    sealer = Sealer(lambda: "n" * 32, ["p" * 32, "o" * 32])
    assert sealer.unseal("letters", of_old) == "x"
    assert Sealer(lambda: "n" * 32).unseal("letters", sealer.seal("letters", "y")) == "y"
    assert (sealer.is_of_former("letters", of_old), sealer.is_of_former("letters", sealer.seal("letters", "y"))) == (
        *(True, False),
    )
