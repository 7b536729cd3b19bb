"""Personal data in the input of jobs."""

import re
from collections.abc import Iterator

from django.db.models import TextField, Value
from django.db.models.functions import Cast, Concat

from users.activity.personal_data_registry import DataSubject
from users.jobs.models import JobQuerySet


def jobs_with_logins(
    jobs: JobQuerySet, *columns: str, subject: DataSubject
) -> Iterator[JobQuerySet]:
    """Yield the jobs whose columns contain a login of the user, for each login."""
    text = Concat(Value("", TextField()), *(Cast(column, TextField()) for column in columns))
    for login in subject.logins:
        yield jobs.annotate(text=text).filter(text__iregex=rf"\y{re.escape(login)}\y")
