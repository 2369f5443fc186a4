"""When Python looks for objects that only hold each other.

A packet makes some, and they go with it; what stays is what a worker is made of. So looking after every 700 new ones,
as Python does, found nothing and was a tenth of what forwarding cost.
"""

import gc

_NEW_OBJECTS = 10_000  # between looks: a look takes less than a millisecond


def look_rarely() -> None:
    """To be called once, when everything is imported: none of that is looked at again."""
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
