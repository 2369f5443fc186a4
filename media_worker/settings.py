"""Every setting of a media worker, read from the environment and `.env`, once, here and nowhere else.

The README's second table of settings is generated from these fields, and so is the end of `.env.example`.
"""

import ipaddress
import socket
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

CommaList = Annotated[tuple[str, ...], NoDecode]


class SettingsError(Exception):
    """A setting is missing or wrong. The message has one line per setting, each beginning with its name."""


class OwnSettings(BaseSettings):
    """What only a media worker knows."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True
    )

    parley_url: str = Field(
        "http://127.0.0.1:8080", description="Where the worker reaches Parley; `make run` sets it for its own."
    )
    media_service_key: SecretStr = Field(
        SecretStr(""), description="The worker's service key; `make run` makes one for its own."
    )
    media_worker_name: str = Field(
        "",
        max_length=100,
        description="What tells this worker from others, the same after a restart. Empty: host name and port.",
    )
    media_capacity: int = Field(
        200, ge=1, le=10_000, description="How many people the worker takes at once; further meetings go elsewhere."
    )
    media_host: str = Field(
        "0.0.0.0",  # noqa: S104 – clients come from everywhere
        description="Address to receive media on; `0.0.0.0`: all of IPv4, `::`: of IPv6.",
    )
    media_addresses: CommaList = Field(
        (),
        description="Addresses that clients are told, with commas between: the public one where there is NAT. "
        "Empty: those that the machine itself has.",
    )
    media_engine: Literal["auto", "batch", "portable"] = Field(
        "auto",
        description="What forwards packets: `batch` (Linux), `portable`; `auto`: the fastest that works.",
    )

    media_spool_dir: Path = Field(
        Path("storage/spool/tracks"),
        description="Folder for what is being recorded, until Parley has it. Workers of one machine may share it.",
    )
    media_spool_reserve_mb: int = Field(
        500,
        ge=1,
        description="What must stay free on that disk, in MiB. With less, recordings end with what they have; calls "
        "go on.",
    )

    @field_validator("media_addresses", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("media_addresses")
    @classmethod
    def _check_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            ipaddress.ip_address(address)
        return value

    @field_validator("media_host")
    @classmethod
    def _check_host(cls, value: str) -> str:
        ipaddress.ip_address(value)
        return value

    def name(self, port: int) -> str:
        """Of a worker that was given none."""
        return self.media_worker_name or f"{socket.gethostname()}/{port}"


class Settings(OwnSettings):
    """Beside them what every process of Parley knows."""

    media_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="UDP port to receive media on; `0`: the system chooses. Each worker of a machine has its own.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")
    log_format: Literal["json", "console"] = Field(
        "json", description="`json`: one object a line; `console`: for people."
    )


def load_settings(**overrides: Any) -> Settings:
    """Read the environment and `.env`; `overrides` (by field name) win over both. Raises `SettingsError`."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = [f"{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors()]
        raise SettingsError("\n".join(lines)) from None
