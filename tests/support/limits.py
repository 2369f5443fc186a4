"""Limits of how often: off, for tests of everything else. Their clock stands still, and with it every window."""

from app.core.settings import Settings

_PREFIXES = ("rate_limit_", "login_failures_", "code_failures_", "share_failures_")
HOW_OFTEN = [name for name in Settings.model_fields if name.startswith(_PREFIXES)]
OFF = dict.fromkeys(HOW_OFTEN, "off")
OFF_IN_ENVIRONMENT = {name.upper(): "off" for name in HOW_OFTEN}
DEFAULTS = {name: Settings.model_fields[name].default for name in HOW_OFTEN}
