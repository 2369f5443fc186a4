"""What may be a reaction: one emoji."""

from app.chat.models import LONGEST_EMOJI

# Unicode UTS #51, "EBNF and regex", without digits and letters that are none by themselves.
_PART = r"\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\uFE0F|[\U000E0020-\U000E007E]+\U000E007F)?"
_ONE_EMOJI = rf"\p{{RI}}\p{{RI}}|[0-9#*]\uFE0F?\u20E3|{_PART}(?:\u200D{_PART})*"


def is_emoji(text: str) -> bool:
    """Whether this is one emoji: with a skin tone, a flag, or several joined to one too."""
    import regex  # here: few requests need it, and it takes its time to load

    return len(text) <= LONGEST_EMOJI and regex.fullmatch(_ONE_EMOJI, text) is not None
