"""Parses User-Agent headers, so that users can recognize their sessions."""

from dataclasses import dataclass
from functools import cache, lru_cache

from ua_parser import Parser, load_builtins
from ua_parser.regex import Resolver


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAgent:
    """Common names of the device, browser and system; None if the header lacks them.

    Versions are omitted: browsers freeze or falsify the system's version on purpose.
    """

    device: str | None = None
    browser: str | None = None
    operating_system: str | None = None


@lru_cache(maxsize=2_000)
def read_user_agent(header: str) -> UserAgent:
    """Return the parsed header. The client controls its content."""
    result = _parser().parse(header)
    return UserAgent(
        device=result.device.family if result.device else None,
        browser=result.user_agent.family if result.user_agent else None,
        operating_system=result.os.family if result.os else None,
    )


@cache
def _parser() -> Parser:
    """Load the rules on first use; they take 0.1 s and about 25 MB.

    The engine is explicit, so that a missing one raises instead of falling back to `re`, whose
    superlinear time would allow denial of service (ReDoS) by header.
    """
    return Parser(Resolver(load_builtins()))
