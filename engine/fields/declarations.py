"""What Strawberry and strawberry-django declare, and what the engine refuses of it."""

from collections.abc import Sequence
from typing import Any, Final, cast

from django.contrib.contenttypes.fields import GenericRel
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import Prefetch
from django.db.models.manager import BaseManager
from django.db.models.query import ModelIterable
from django.db.models.query_utils import DeferredAttribute
from graphql import (
    GraphQLObjectType,
    GraphQLString,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
)
from strawberry import UNSET, Info, relay
from strawberry_django.fields.field import StrawberryDjangoField

from engine.fields.extensions import (
    DescriptionExtension,
    FieldRule,
    PluralExtension,
    ReadExtension,
)
from engine.internals.strawberry import (
    DEFINITION,
    has_own_node_id,
    has_own_type_check,
    is_node_id,
    manager_queryset,
    model_of,
    type_hints,
)
from engine.plan.selection import TYPENAME, NotPlannableError, SelectedField, Selection

ACCEPTED: Final = (FieldRule, ReadExtension, PluralExtension, DescriptionExtension)
RELATIONS: Final = (
    *(models.ForeignKey, models.ManyToManyField),
    *(models.ManyToOneRel, models.ManyToManyRel),
)


def check_selection(selection: Selection, *, from_rows: bool = False) -> None:
    """Raise `NotPlannableError` if the engine cannot read something that is selected.

    A selection is ``from_rows`` if its objects are rows and not instances.
    """
    for selected in selection.fields:
        if selected.name != TYPENAME and is_relay_id(selected):
            _check_id(selected)
        elif selected.name != TYPENAME:
            if selected.strawberry_field.is_async:
                raise NotPlannableError(f"{selected.parent}.{selected.name} is asynchronous")
            if model_of(selection.type) is not None:
                _check_model_field(selected)
            else:
                returns_queryset(selected)
            if any(
                isinstance(each, ReadExtension) for each in selected.strawberry_field.extensions
            ):
                _check_item_fields(selected)
        if selected.name != TYPENAME:
            _check_of_several_types(selected)
            _check_annotations(selected, from_rows=from_rows)
        below_rows = selected.name != TYPENAME and _is_below_rows(selected, from_rows=from_rows)
        for subselection in selected.selections():
            check_selection(subselection, from_rows=below_rows)


def _check_annotations(selected: SelectedField, *, from_rows: bool) -> None:
    """Refuse annotations of instances, which only strawberry-django's optimizer adds."""
    strawberry_field = selected.strawberry_field
    if (
        isinstance(strawberry_field, StrawberryDjangoField)
        and strawberry_field.store.annotate
        and not from_rows
    ):
        raise NotPlannableError(f"{selected.parent}.{selected.name} annotates instances")


def _is_below_rows(selected: SelectedField, *, from_rows: bool) -> bool:
    """Return whether the objects that a field leads to are read from rows."""
    if any(isinstance(each, ReadExtension) for each in selected.strawberry_field.extensions):
        return True
    if from_rows:
        # The items of a connection; the fields of a model without a resolver.
        return model_of(selected.parent) is None or selected.strawberry_field.base_resolver is None
    if is_plural(selected):
        return True
    return model_of(selected.parent) is None and returns_queryset(selected)


def is_plural(selected: SelectedField) -> bool:
    """Return whether the field's resolver returns the keys of its objects."""
    extensions = selected.strawberry_field.extensions
    return any(isinstance(each, PluralExtension) for each in extensions)


def _check_of_several_types(selected: SelectedField) -> None:
    """Refuse interfaces and unions of a model and its subclass.

    Which subclasses a queryset selects, only strawberry-django's optimizer decides.
    """
    if not is_abstract_type(selected.named_type):
        return
    types = [*possible_types(selected), cast("GraphQLObjectType", selected.named_type)]
    found = {model for model in map(model_of, types) if model is not None}
    if any(each is not other and issubclass(each, other) for each in found for other in found):
        raise NotPlannableError(f"{selected.parent}.{selected.name} is of a model and its subclass")


def returns_queryset(selected: SelectedField) -> bool:
    """Return whether the field's resolver returns a queryset that the engine may read.

    Raises `NotPlannableError` for an extension that the engine does not accept.
    """
    strawberry_field = selected.strawberry_field
    if (
        not isinstance(strawberry_field, StrawberryDjangoField)
        or strawberry_field.base_resolver is None
    ):
        return False
    if not any(model_of(each) for each in possible_types(selected)):
        return False
    _check_extensions(selected)
    if is_plural(selected):
        return False
    return _is_flat(selected) and (strawberry_field.is_list or strawberry_field.is_optional)


def _is_flat(selected: SelectedField) -> bool:
    """Return whether it leads to objects, or to one list of them."""
    type_ = get_nullable_type(selected.type)
    return not (is_list_type(type_) and is_list_type(get_nullable_type(type_.of_type)))


def _check_id(selected: SelectedField) -> None:
    """Refuse a node's `id` that is not made of a column."""
    origin, model = definition_of(selected.parent).origin, model_of(selected.parent)
    if model is None:
        return
    name = origin.resolve_id_attr()
    meta = model._meta
    columns = {each.attname for each in meta.concrete_fields if not each.is_relation}
    # The column of a key that is a relation has the other row's key.
    columns.add(meta.pk.attname)
    if has_own_node_id(origin) or not (
        (name == "pk" and not meta.pk.is_relation) or name in columns
    ):
        raise NotPlannableError(f"{selected.parent}.id is no column's value")


def _check_model_field(selected: SelectedField) -> None:
    strawberry_field = selected.strawberry_field
    if not isinstance(strawberry_field, StrawberryDjangoField):
        raise NotPlannableError(f"{selected.parent}.{selected.name} is not Django's")
    hints = type_hints(selected.parent)
    if hints.annotate or hints.prefetch_related:
        raise NotPlannableError(f"{selected.parent} prefetches or annotates")
    _check_extensions(selected)
    store, has_resolver = strawberry_field.store, strawberry_field.base_resolver is not None
    if store.prefetch_related or (store.annotate and (has_resolver or len(store.annotate) > 1)):
        raise NotPlannableError(f"{selected.parent}.{selected.name} prefetches or annotates")
    if not (has_resolver or store.annotate):
        db_field = model_field(selected)
        if not is_column(selected, db_field):
            _check_relation(selected, db_field)


def is_column(selected: SelectedField, db_field: Any) -> bool:
    """Return whether the field's value is the column's; a file field returns an object."""
    if not is_leaf_type(selected.named_type):
        return False
    if db_field.is_relation:
        # By the name of the key, such as `author_id`.
        strawberry_field = django_field(selected)
        return (
            db_field.concrete
            and (strawberry_field.django_name or strawberry_field.python_name) == db_field.attname
        )
    return getattr(db_field, "descriptor_class", None) is DeferredAttribute


def _check_relation(selected: SelectedField, db_field: Any) -> None:
    """Refuse a relation unless the field returns all objects of its other side."""
    name = f"{selected.parent}.{selected.name}"
    strawberry_field = django_field(selected)
    if not isinstance(db_field, RELATIONS) or isinstance(db_field, GenericRel):
        raise NotPlannableError(f"{name} is not a column's value, and no relation")
    relation = cast("Any", db_field)
    accessor = relation.get_accessor_name() if relation.auto_created else relation.name
    if accessor != (strawberry_field.django_name or strawberry_field.python_name):
        raise NotPlannableError(f"{name} is not what the relation is called")
    is_many = bool(db_field.many_to_many or db_field.one_to_many)
    if is_many is not strawberry_field.is_list or not _is_flat(selected):
        raise NotPlannableError(f"{name} is one object of many, or a list of one")
    type_, model = selected.named_type, db_field.related_model
    if not isinstance(type_, GraphQLObjectType) or model_of(type_) is not model:
        raise NotPlannableError(f"{name} is an interface, a union or of another model")
    if has_own_type_check(type_):
        raise NotPlannableError(f"{type_} says itself which objects are of it")
    if not _is_as_stored(model, model._base_manager) or (
        is_many and not _is_as_stored(model, model._default_manager)
    ):
        raise NotPlannableError(f"{model.__name__} has a manager that changes what is read")


def _is_as_stored(model: type[models.Model], manager: Any) -> bool:
    """Return whether a manager returns all rows of the model, unchanged."""
    rows = manager.all()
    plain: models.QuerySet[Any] = models.QuerySet(model)
    return is_plain(rows) and str(rows.query) == str(plain.query)


def is_plain(rows: models.QuerySet[Any]) -> bool:
    """Return whether the queryset has one plain instance for each row."""
    query, private = rows.query, cast("Any", rows)
    return (
        private._iterable_class is ModelIterable  # noqa: SLF001 - no public name for these
        and private._result_cache is None  # noqa: SLF001
        and not (query.distinct or query.combinator or query.extra)
        and not any(isinstance(each, Prefetch) for each in private._prefetch_related_lookups)  # noqa: SLF001
    )


def type_of_rows(selected: SelectedField, model: type[models.Model]) -> GraphQLObjectType | None:
    """Return the object type of a field's rows; None if it varies."""
    possible = possible_types(selected)
    if any(map(has_own_type_check, possible)):
        return None
    found = [
        (each, other)
        for each, other in zip(possible, map(model_of, possible), strict=True)
        if other is not None and (issubclass(model, other) or issubclass(other, model))
    ]
    return found[0][0] if len(found) == 1 and found[0][1] is model else None


def returned_rows(value: Any) -> Any:
    """Return a resolver's value; of a manager, its queryset."""
    if callable(value):
        value = value()
    return manager_queryset(value) if isinstance(value, BaseManager) else value


def django_result(strawberry_field: StrawberryDjangoField, value: Any, info: Info[Any, Any]) -> Any:
    """Return a resolver's value as strawberry-django does: of a queryset, instances."""
    value = returned_rows(value)
    if isinstance(value, models.QuerySet):
        return strawberry_field.get_queryset_hook(info)(value)
    return value


def _check_item_fields(selected: SelectedField) -> None:
    """Refuse connections with edges or extensions that the engine does not know."""
    _check_extensions(selected)
    if not isinstance(selected.named_type, GraphQLObjectType):
        raise NotPlannableError(f"{selected.parent}.{selected.name} is of an abstract type")
    for each in selected.subselection(object_type(selected)).fields:
        if each.name in {"nodes", "edges"}:
            _check_extensions(each)
        if each.name == "edges":
            for inner in each.subselection(object_type(each)).fields:
                if inner.name not in {"node", "cursor", TYPENAME}:
                    raise NotPlannableError(f"{inner.parent}.{inner.name}")
                if inner.name != TYPENAME:
                    _check_extensions(inner)


def _check_extensions(selected: SelectedField) -> None:
    strawberry_field = selected.strawberry_field
    for extension in strawberry_field.extensions:
        if not isinstance(extension, ACCEPTED):
            raise NotPlannableError(f"{selected.parent}.{selected.name} has {extension}")
    if isinstance(strawberry_field, StrawberryDjangoField):
        offered = (
            *(strawberry_field.get_filters(), strawberry_field.get_order()),
            *(strawberry_field.get_ordering(), strawberry_field.get_pagination()),
        )
        if any(each is not None and each is not UNSET for each in offered):
            raise NotPlannableError(f"{selected.parent}.{selected.name} has filters or pages")


def django_field(selected: SelectedField) -> StrawberryDjangoField:
    """Return the field as strawberry-django declares it, which `check_selection` requires."""
    return cast("StrawberryDjangoField", selected.strawberry_field)


def model_field(selected: SelectedField) -> Any:
    """Return the model field of the field. Raises `NotPlannableError` if there is none."""
    strawberry_field = django_field(selected)
    model = cast("type[models.Model]", model_of(selected.parent))
    try:
        return model._meta.get_field(strawberry_field.django_name or strawberry_field.python_name)
    except FieldDoesNotExist:
        raise NotPlannableError(f"{selected.parent}.{selected.name}") from None


def is_text(field: Any) -> bool:
    """Return whether a model field returns PostgreSQL's text unchanged."""
    return isinstance(field, models.CharField | models.TextField) and not hasattr(
        field, "from_db_value"
    )


def is_string(selected: SelectedField) -> bool:
    """Return whether the field is of the type `String`."""
    return get_nullable_type(selected.type) is GraphQLString


def is_relay_id(selected: SelectedField) -> bool:
    """Return whether it is the `id` of a `relay.Node`."""
    if selected.name != "id" or not issubclass(definition_of(selected.parent).origin, relay.Node):
        return False
    return is_node_id(selected.strawberry_field)


def definition_of(type_: GraphQLObjectType) -> Any:
    """Return Strawberry's definition of the type."""
    return type_.extensions[DEFINITION]


def possible_types(selected: SelectedField) -> Sequence[GraphQLObjectType]:
    """Return the types of the objects that the field may lead to."""
    type_ = selected.named_type
    if is_abstract_type(type_):
        return selected.plan.document.schema.get_possible_types(type_)
    return [cast("GraphQLObjectType", type_)]


def object_type(selected: SelectedField) -> GraphQLObjectType:
    """Return the type of the objects that the field leads to."""
    return cast("GraphQLObjectType", selected.named_type)
