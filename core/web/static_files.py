"""Storage of static files."""

from whitenoise.storage import (  # type: ignore[import-untyped]
    CompressedManifestStaticFilesStorage,
)


class StaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """WhiteNoise's storage; its URLs have no hashes if no files were collected, as in tests.

    Otherwise no page could be rendered then, not even that of an error.
    """

    def stored_name(self, name: str) -> str:
        """Return the name with the hash. Raises `ValueError` for a file that was not collected."""
        return str(super().stored_name(name)) if self.hashed_files else name
