"""Traces by OpenTelemetry, sent to a collector by OTLP over HTTP.

The ids of a request's span derive from its request id. So a worker, which knows that id from the
outbox, adds its spans to the trace of the request that caused them, and a trace is found by the id
that users quote. Spans have names, durations and SQL without values: neither arguments nor the
texts of errors.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import wraps
from hashlib import blake2b
from time import time_ns
from typing import Any, Final, TypeVar, cast

from django.conf import settings
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from core.spans import Kind, spans
from engine.meter import observers

F = TypeVar("F", bound=Callable[..., Any])

KINDS: Final = {Kind.CLIENT: SpanKind.CLIENT, Kind.INTERNAL: SpanKind.INTERNAL}
MAX_TEXT: Final = 2_000
TRACE_BYTES: Final = 16
SPAN_BYTES: Final = 8
PERCENT: Final = 100
# The ids of the span that is about to start.
_chosen: Final[ContextVar[SpanContext | None]] = ContextVar("chosen", default=None)


class RequestIds(RandomIdGenerator):
    """Random ids, except those of a request's span."""

    def generate_trace_id(self) -> int:
        """Return the chosen id, or a random one."""
        chosen = _chosen.get()
        return chosen.trace_id if chosen else super().generate_trace_id()

    def generate_span_id(self) -> int:
        """Return the chosen id, or a random one."""
        chosen = _chosen.get()
        return chosen.span_id if chosen else super().generate_span_id()


def context_of(request_id: str) -> SpanContext:
    """Return the ids of a request's span.

    That of its trace is the request id, if it has 32 hexadecimal digits.
    """
    digest = blake2b(request_id.encode(), digest_size=TRACE_BYTES + SPAN_BYTES).digest()
    try:
        own = bytes.fromhex(request_id)
    except ValueError:
        own = b""
    trace_id = own if len(own) == TRACE_BYTES and any(own) else digest[:TRACE_BYTES]
    return SpanContext(
        int.from_bytes(trace_id),
        int.from_bytes(digest[TRACE_BYTES:]),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


class OpenTelemetry:
    """The tracer of `core.spans`."""

    def __init__(self, provider: TracerProvider) -> None:
        """Take the provider."""
        self._provider = provider
        self._tracer = provider.get_tracer("roster", settings.VERSION)

    @contextmanager
    def span(self, name: str, kind: Kind, attributes: Mapping[str, Any]) -> Iterator[None]:
        """Trace a block; an exception that leaves it is its error."""
        with self._active(name, kind=KINDS[kind], attributes=attributes):
            yield

    @contextmanager
    def task(self, name: str, request_id: str | None) -> Iterator[None]:
        """Trace a task, in the trace of the request that caused it."""
        parent = context_of(request_id) if request_id else None
        context = trace.set_span_in_context(NonRecordingSpan(parent)) if parent else None
        with self._active(f"task {name}", context=context, kind=SpanKind.CONSUMER):
            yield

    @contextmanager
    def request(self, request_id: str, traceparent: str | None) -> Iterator[Span]:
        """Trace a request, with a link to the span of a trusted proxy."""
        links = [Link(each) for each in _caller(traceparent)]
        token = _chosen.set(context_of(request_id))
        try:
            span = self._tracer.start_span(
                "request", context=Context(), kind=SpanKind.SERVER, links=links
            )
        finally:
            _chosen.reset(token)
        with trace.use_span(
            span, end_on_exit=True, record_exception=False, set_status_on_exception=False
        ):
            yield span

    def carry(self, function: F) -> F:
        """Return the function for other threads, with this thread's span as the parent."""

        @wraps(function)
        def carried(*args: Any, **kwargs: Any) -> Any:
            return context.copy().run(function, *args, **kwargs)

        context = copy_context()
        return cast("F", carried)

    def observe_statement(self, text: object, seconds: float) -> None:
        """Add a span of a statement that has ended, if anything around it is traced."""
        if not trace.get_current_span().is_recording():
            return
        end = time_ns()
        sql = _text(text)
        span = self._tracer.start_span(
            sql.partition(" ")[0] or "statement",
            kind=SpanKind.CLIENT,
            attributes={"db.system.name": "postgresql", "db.query.text": sql},
            start_time=end - int(seconds * 1e9),
        )
        span.end(end)

    def flush(self) -> None:
        """Send all spans that have ended."""
        self._provider.force_flush()

    @contextmanager
    def _active(self, name: str, **options: Any) -> Iterator[None]:
        with self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False, **options
        ) as span:
            try:
                yield
            except BaseException as error:
                # Its text may quote arguments.
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise


def _caller(traceparent: str | None) -> Iterator[SpanContext]:
    """Return the span that a proxy sends with the request, if it is valid."""
    carrier = {"traceparent": traceparent or ""}
    found = trace.get_current_span(
        TraceContextTextMapPropagator().extract(carrier, Context())
    ).get_span_context()
    if found.is_valid:
        yield found


def _text(text: object) -> str:
    """Return SQL without values; composed SQL has literals, and is not shown."""
    if isinstance(text, list):
        return "; ".join(_text(getattr(each, "text", each)) for each in text)[:MAX_TEXT]
    if isinstance(text, bytes):
        return text[:MAX_TEXT].decode(errors="replace")
    return text[:MAX_TEXT] if isinstance(text, str) else ""


def start_tracing() -> None:
    """Send the traces of this process."""
    share = TraceIdRatioBased(settings.TRACES_PERCENT / PERCENT)
    provider = TracerProvider(
        resource=Resource.create({"service.name": "roster", "service.version": settings.VERSION}),
        # By its id, so that a worker decides as the web process did.
        sampler=ParentBased(share, remote_parent_sampled=share),
        id_generator=RequestIds(),
    )
    endpoint = settings.OTEL_EXPORTER_OTLP_ENDPOINT.rstrip("/")
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces"))
    )
    tracer = OpenTelemetry(provider)
    spans.tracer = tracer
    observers[:] = [tracer.observe_statement]
