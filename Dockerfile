# Turnout in a container: built from the locks, run by an account without rights, its data in a volume.
# docs/operate.md, "In a container", says how to run it. An index of your own: --build-arg PIP_INDEX_URL=…

FROM python:3.11-slim AS build
ARG PIP_INDEX_URL
ARG NPM_CONFIG_REGISTRY
RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN make setup && .venv/bin/python -m hatchling build --target wheel
RUN python -m venv /opt/turnout \
 && /opt/turnout/bin/pip install --no-cache-dir --require-hashes --requirement requirements/run.txt \
 && /opt/turnout/bin/pip install --no-cache-dir --no-index --no-deps dist/*.whl

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/turnout turnout \
 && install -d -o turnout -g turnout -m 700 /var/lib/turnout
COPY --from=build /opt/turnout /opt/turnout
ENV PATH=/opt/turnout/bin:$PATH \
    TURNOUT_DATABASE_URL=sqlite:////var/lib/turnout/turnout.db
USER turnout
WORKDIR /var/lib/turnout
VOLUME /var/lib/turnout
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
CMD ["turnout", "serve", "--host", "0.0.0.0", "--port", "8000"]
