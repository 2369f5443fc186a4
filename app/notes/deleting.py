"""What notes leave in the object store goes with them."""

from typing import Any

from app.core.objects.base import ObjectStore
from app.core.runtime import Runtime, Work

DELETE_OBJECTS = "notes.delete_objects"


def delete_objects(work: Work, prefix: str) -> None:
    """Have every object whose key starts with `prefix` deleted once that is committed."""
    work.enqueue(DELETE_OBJECTS, {"prefix": prefix})


def run(runtime: Runtime, payload: dict[str, Any]) -> None:
    store: ObjectStore = runtime.drivers[ObjectStore]
    for info in list(store.list(payload["prefix"])):
        store.delete(info.key)
