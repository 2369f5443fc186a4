"""Who is asking."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """Somebody whose token was checked. `user_id` and `session_id` are UUIDs as text."""

    user_id: str
    session_id: str
    display_name: str
    role: str  # user | admin | service | guest

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"

    @property
    def is_guest(self) -> bool:
        """Somebody without an account, whom a meeting's code has let into that meeting."""
        return self.role == "guest"

    @property
    def is_service(self) -> bool:
        return self.role == "service"
