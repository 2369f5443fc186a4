# Three images of one source: `docker build --target api .`, or jobs, or media. What they need is in docs/operations.md.

FROM python:3.11-slim-bookworm AS packages
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /build
RUN python -m venv /opt/venv
COPY requirements.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

# A media worker shares no code with Parley, and needs a tenth of its packages.
FROM python:3.11-slim-bookworm AS media-packages
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /build
RUN python -m venv /opt/venv
COPY requirements.txt ./
RUN grep -E '^(aioice|aiortc|av|cffi|httpx|pydantic-settings|pylibsrtp|structlog|uuid-utils)==' requirements.txt > media.txt \
    && pip install --no-cache-dir --disable-pip-version-check -r media.txt

FROM python:3.11-slim-bookworm AS base
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /parley
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin parley \
    && mkdir /data && chown parley: /data
VOLUME /data

FROM base AS parley
ENV STORAGE_DIR=/data HOST=0.0.0.0 PORT=8080
COPY --from=packages /opt/venv /opt/venv
COPY .flaskenv asgi.py celery_app.py wsgi.py ./
COPY migrations migrations
COPY app app
RUN python -m compileall -q app
USER parley

FROM parley AS api
EXPOSE 8080
HEALTHCHECK --interval=10s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health/live', timeout=5)"]
CMD ["python", "-m", "app.serving"]

# Jobs, and with another command the Celery workers.
FROM parley AS jobs
CMD ["flask", "jobs", "run"]

FROM base AS media
ENV MEDIA_PORT=40000 MEDIA_SPOOL_DIR=/data/spool
COPY --from=media-packages /opt/venv /opt/venv
COPY media_worker media_worker
RUN python -m compileall -q media_worker
USER parley
EXPOSE 40000/udp
CMD ["python", "-m", "media_worker"]
