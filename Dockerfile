# The service in a container: hash-checked dependencies, an ordinary user, nothing written outside /data.
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /src
COPY requirements-build.lock requirements.lock ./
RUN python -m venv /opt/commune-monitor \
    && /opt/commune-monitor/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements-build.lock \
    && /opt/commune-monitor/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY inventory inventory
COPY probes probes
COPY alerts alerts
COPY monitor monitor
RUN /opt/commune-monitor/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/commune-monitor/bin/python -m compileall -q /opt/commune-monitor/lib

FROM python:3.11.14-slim-bookworm
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin monitor \
    && install -d -o monitor -g monitor -m 0700 /data
COPY --from=build /opt/commune-monitor /opt/commune-monitor
ENV PATH=/opt/commune-monitor/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080 1162/udp
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["commune-monitor"]
CMD ["--settings", "/config/settings.yaml", "run"]
