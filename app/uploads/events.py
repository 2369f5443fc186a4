from typing import NamedTuple


class UploadChanged(NamedTuple):
    """An upload that was being verified is complete, has failed, or lacks parts after all."""

    upload_id: str
    user_id: str
