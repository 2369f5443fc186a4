"""Who is asking."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """Somebody whose token was checked. `user_id` and `session_id` are UUIDs as text."""

    user_id: str
    session_id: str
    display_name: str
    role: str  # user | admin | service

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"

    @property
    def is_service(self) -> bool:
        return self.role == "service"
