"""E-mail addresses in the one form that is stored and compared."""

import unicodedata


def normalise_email(text: str) -> str:
    """`text` without blanks around it, in lower case, its domain in Unicode, all in NFC.

    Lower case and not casefold: that makes "ß" into "ss", and "strasse@" may be somebody else's mailbox.

    :raises ValueError: it is no address. The message is for people.
    """
    # Here and below: importing it takes long, and most processes that start never read an address.
    from email_validator import EmailNotValidError, validate_email

    try:
        # The test environment only adds `.test` (RFC 6761 §6.2) to what is allowed.
        found = validate_email(text.strip(), check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None
    return unicodedata.normalize("NFC", found.normalized.lower())


def with_ascii_domain(address: str) -> str:
    """A normalised address as every mail server takes it: its domain in IDNA's ASCII form (RFC 5891 §4.4)."""
    from email_validator import validate_email

    found = validate_email(address, check_deliverability=False, test_environment=True)
    return f"{found.local_part}@{found.ascii_domain}"
