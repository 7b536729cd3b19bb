"""What a User-Agent header says of the device, for people to tell their sessions apart by."""

from dataclasses import dataclass
from functools import cache, lru_cache

from ua_parser import Parser, load_builtins
from ua_parser.regex import Resolver


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAgent:
    """Names as people know them; None where the header tells nothing.

    Versions are left out: browsers state false ones of the system, on purpose.
    """

    device: str | None = None
    browser: str | None = None
    operating_system: str | None = None


@lru_cache(maxsize=2_000)
def read_user_agent(header: str) -> UserAgent:
    """Return what the header says, which is anything that the client likes."""
    found = _parser().parse(header)
    return UserAgent(
        device=found.device.family if found.device else None,
        browser=found.user_agent.family if found.user_agent else None,
        operating_system=found.os.family if found.os else None,
    )


@cache
def _parser() -> Parser:
    """Load the rules when first asked; they take 0.1 s and some 25 MB.

    The engine is named, so that it is there or fails: Python's own takes far longer than
    linear time for hostile headers.
    """
    return Parser(Resolver(load_builtins()))
