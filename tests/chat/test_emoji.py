import pytest

from app.chat.emoji import is_emoji


@pytest.mark.parametrize("text", ["👍", "👍🏽", "❤️", "🇩🇪", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🏳️‍🌈", "#️⃣", "👩🏽‍❤️‍💋‍👩🏿"])
def test_one_emoji_may_be_made_of_several_code_points(text: str) -> None:
    assert is_emoji(text)


@pytest.mark.parametrize(
    "text", ["", "a", "1", "#", "👍👍", "👍\u0301", "🇩", "a\u20e3", "<b>", "\n", "👍\u200d", "👍🏽" * 7]
)
def test_anything_else_is_none(text: str) -> None:
    assert not is_emoji(text)
