"""The service key of the media workers that `make run` starts: made at the first start, kept in STORAGE_DIR."""

from app.accounts import service as accounts
from app.accounts.authentication import SERVICE_KEY_PREFIX
from app.core.runtime import Runtime
from app.core.secret_files import keep_secret

# Nobody has an address there (RFC 6761): no mail goes to it, and nobody can claim it.
EMAIL = "media-workers@parley.test"
NAME = "Media workers"


class NotAService(Exception):
    """Somebody has taken the role from the account; it is not taken back behind their back."""


def own_key(runtime: Runtime) -> str:
    """The key, which is good from now on, and the same each time.

    :raises NotAService:
    """
    key = SERVICE_KEY_PREFIX + keep_secret(runtime.settings.storage_dir, "media_workers_key")
    with runtime.writing() as work:
        user = accounts.find_by_email(work, EMAIL)
        if user is None:
            user = accounts.create(work, email=EMAIL, display_name=NAME, role="service", password=None)
        if user.role != "service":
            raise NotAService
        accounts.keep_service_key(work, user, key)
    return key
