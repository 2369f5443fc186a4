"""Which requests bring parts of uploads."""

import re
from collections.abc import Mapping
from typing import Any

PART_PATH = re.compile(r"/api/v1/uploads/([0-9a-f-]{36})/parts/([0-9]{1,5})")


def is_part(scope: Mapping[str, Any]) -> bool:
    return scope["method"] == "PUT" and PART_PATH.fullmatch(scope["path"]) is not None


def part_of(scope: Mapping[str, Any]) -> tuple[str, int]:
    """The upload's id and the part's number, of a request that `is_part`."""
    *_, upload_id, _, number = scope["path"].split("/")
    return upload_id, int(number)
