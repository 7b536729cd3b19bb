"""The input that names an external id."""

import strawberry


@strawberry.input
class ExternalIdInput:
    """A user's id in a former system, from which an import took them."""

    source: str = strawberry.field(
        default="", description="`source` of the import. Default: imports without one."
    )
    value: str = strawberry.field(description="The id in that system.")
