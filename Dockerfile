# One image for every process: web (the default), worker, beat and migrate.

FROM node:24.18.0-bookworm-slim AS console
WORKDIR /console
COPY console/package.json console/package-lock.json console/.npmrc ./
RUN npm ci --omit=dev
COPY console/build.mjs console/tsconfig.json ./
COPY console/src src
# The console bundles the client and its documents.
COPY clients/typescript/src /clients/typescript/src
COPY docs/operations /docs/operations
RUN npm run -s build


FROM python:3.11.15-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /locks
# pip and Babel, which compiles the translations, are needed in this stage only.
COPY requirements-demo.lock ./
RUN sed -n '/^babel==/,/[^\\]$/p' requirements-demo.lock > babel.lock \
    && python -m venv /tools \
    && /tools/bin/pip install --require-hashes --only-binary :all: -r babel.lock
COPY requirements.lock ./
RUN python -m venv --without-pip /venv \
    && /tools/bin/pip --python /venv/bin/python install --require-hashes --only-binary :all: \
        -r requirements.lock \
    # Types, sources of translations, and languages that are not in LANGUAGES.
    && find /venv -type f \( -name '*.po' -o -name '*.pyi' \) -delete \
    && find /venv -type d -path '*/locale/*' -not -path '*/locale/*/*' \
        -not -name en -not -name de -not -name __pycache__ -prune -exec rm -r {} +

WORKDIR /app
COPY manage.py gunicorn.conf.py schema.graphql ./
COPY engine engine
COPY core core
COPY users users
COPY schema schema
# Example operations for the console.
COPY docs/operations docs/operations
COPY --from=console /console/dist console/dist
RUN /tools/bin/pybabel compile --domain django --directory users/locale
# collectstatic loads the settings; none of these values remains in the image.
RUN SECRET_KEY=only-to-collect-the-static-files-at-build-time \
    ALLOWED_HOSTS=build.invalid \
    DATABASE_URL=postgresql://build.invalid/build \
    /venv/bin/python manage.py collectstatic --no-input \
    && rm -r console/dist \
    && /venv/bin/python -m compileall -q engine core users schema


FROM python:3.11.15-slim-trixie
# Celery mistakes a group without a name for root's.
RUN groupadd --gid 10001 roster \
    && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home \
        --shell /usr/sbin/nologin roster \
    # New volumes inherit these owners; web servers and workers share the volumes.
    && install --directory --owner 10001 --group 10001 --mode 700 /files \
    && install --directory --owner 10001 --group 10001 /media
WORKDIR /app
COPY --from=build /venv /venv
COPY --from=build /app /app
# The root file system may be read-only: only /tmp, /dev/shm, /files and `MEDIA_ROOT` are written.
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PRIVATE_FILES_DIR=/files \
    BIND=0.0.0.0:8000
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/livez', timeout=3)"]
CMD ["gunicorn", "--config", "gunicorn.conf.py"]
