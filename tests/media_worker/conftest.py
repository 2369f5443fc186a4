"""How properties are tried here: with the same examples every time, and with all the time that they take."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "media_worker", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("media_worker")
