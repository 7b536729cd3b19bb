"""The version guard of the modules that use private names of a library."""

from importlib.metadata import version


def require_version(distribution: str, expected: str, module: str) -> None:
    """Raise `ImportError` unless the installed release is one of the ``expected`` series.

    The series is a version without its last number: private names change without notice between
    two of them.
    """
    installed = version(distribution)
    if installed.rpartition(".")[0] != expected:
        raise ImportError(
            f"{module} uses private names of {distribution} {expected}, but {installed} is"
            f" installed. Check each function of {module} against {installed}, run the tests and"
            " `make test-engine`, then change the version in that module."
        )
