"""Models with integer keys, in temporary tables that are there for a test."""

from typing import Any, ClassVar, Final
from uuid import UUID

from django.apps.registry import Apps
from django.db import connection, models

# A registry of its own: neither migrations nor the service know these models.
LIBRARY: Final = Apps(["tests.engine.library"])
ANN, BEN = UUID(int=1), UUID(int=2)


class Author(models.Model):
    """Has no order of their own."""

    name = models.CharField(max_length=40)
    country = models.CharField(max_length=2, default="")
    code = models.UUIDField(null=True)

    objects: ClassVar[models.Manager["Author"]] = models.Manager()

    class Meta:
        """Of the library."""

        app_label = "library"
        apps = LIBRARY

    def __str__(self) -> str:
        """Name the author."""
        return self.name

    @property
    def initial(self) -> str:
        """What no column has."""
        return self.name[:1]


class Biography(models.Model):
    """An author may have one."""

    author = models.OneToOneField(Author, models.CASCADE)
    text = models.CharField(max_length=40)

    objects: ClassVar[models.Manager["Biography"]] = models.Manager()

    class Meta:
        """Of the library."""

        app_label = "library"
        apps = LIBRARY

    def __str__(self) -> str:
        """Return the text."""
        return self.text


class Book(models.Model):
    """Comes in an order that is not that of the keys."""

    title = models.CharField(max_length=40)
    author = models.ForeignKey(Author, models.CASCADE, related_name="books")
    pages = models.IntegerField(default=100)

    objects: ClassVar[models.Manager["Book"]] = models.Manager()

    class Meta:
        """Of the library."""

        app_label = "library"
        apps = LIBRARY
        ordering: ClassVar = ["-title"]

    def __str__(self) -> str:
        """Name the book."""
        return self.title


class Loan(models.Model):
    """Has no order; a book may be lent once at a time."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="loans")
    reader = models.CharField(max_length=40)
    due = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["Loan"]] = models.Manager()

    class Meta:
        """Of the library."""

        app_label = "library"
        apps = LIBRARY

    def __str__(self) -> str:
        """Name the reader."""
        return self.reader


def make_tables() -> None:
    """Make the tables, temporary ones: the service's role may make no others."""
    with connection.schema_editor(collect_sql=True) as editor:
        for model in (Author, Biography, Book, Loan):
            editor.create_model(model)
    with connection.cursor() as cursor:
        for statement in editor.collected_sql:
            cursor.execute(statement.replace("CREATE TABLE", "CREATE TEMPORARY TABLE"))


def stock() -> dict[str, Any]:
    """Fill the library, with rows out of key order."""
    ann, ben = (
        Author.objects.create(name=name, country="SE", code=code)
        for name, code in (("Ann", ANN), ("Ben", BEN))
    )
    Author.objects.create(name="Cleo")
    books = [
        Book.objects.create(title=title, author=author, pages=pages)
        for title, author, pages in (
            *(("Bees", ann, 90), ("Ants", ann, 300)),
            *(("Cats", ben, 50), ("Ants", ben, 10)),
        )
    ]
    for reader in ("Rob", "Sue", "Tim"):
        Loan.objects.create(book=books[0], reader=reader)
    Loan.objects.filter(reader="Rob").update(reader="Robert")
    Author.objects.filter(name="Ann").update(name="Anna")
    return {"ann": ann, "ben": ben, "books": books}
