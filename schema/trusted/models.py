"""The table of trusted documents."""

from typing import ClassVar

from django.db import models

from schema.trusted.identifiers import MAX_LENGTH, is_digest


class TrustedDocumentQuerySet(models.QuerySet["TrustedDocument"]):
    """Queries on documents by what identifies them."""

    def identified_by(self, key: str) -> "TrustedDocumentQuerySet":
        """Filter by a canonical id, which may be the SHA-256 of any document."""
        return self.filter(sha256=key) if is_digest(key) else self.filter(pk=key)


class TrustedDocument(models.Model):
    """A document that was valid when `manage.py trust_documents` stored it."""

    # Canonical: that of the manifest, without the prefix of SHA-256.
    id = models.CharField(primary_key=True, max_length=MAX_LENGTH)
    # Of the text, in hexadecimal; by it a document is found whose id has another form.
    sha256 = models.CharField(max_length=64)
    text = models.TextField()

    objects = TrustedDocumentQuerySet.as_manager()

    class Meta:
        """Not in the admin: documents come with the release of a client."""

        default_permissions = ()
        indexes: ClassVar = [models.Index(fields=["sha256"], name="trusted_document_sha256")]

    def __str__(self) -> str:
        """Return the id."""
        return self.id
