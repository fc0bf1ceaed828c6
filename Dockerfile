# Catena without a database: give it one with CATENA_MONGO_URL.
#   docker build -t catena . && docker run -p 3000:3000 -e CATENA_MONGO_URL=mongodb://… catena

FROM python:3.11-slim AS build
WORKDIR /build
COPY pyproject.toml requirements.lock ./
# The lock covers development, too. The locked uv cuts it down to what a server needs; versions and hashes stay
# those of the lock, which uv reads from its output file.
RUN sed -n '/^uv==/,/# via/p' requirements.lock > uv.lock \
 && pip install --no-cache-dir --quiet --require-hashes -r uv.lock \
 && cp requirements.lock server.lock \
 && uv pip compile pyproject.toml --extra push --extra metrics --universal --generate-hashes --no-header \
        --no-emit-index-url --quiet -o server.lock > /dev/null
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --quiet --require-hashes -r server.lock

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin catena
COPY --from=build /venv /venv
WORKDIR /app
COPY . .
RUN python -m compileall -q .
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
USER catena
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:3000/health/live', timeout=2)"]
# The server drains running requests on SIGTERM, which is what `docker stop` sends.
CMD ["python", "server.py", "production"]
