# syntax=docker/dockerfile:1
# The one binary, on a small image, as a user without rights. Its root may be read-only: only
# /data is written, and only when SQLite is used.

FROM rust:1.95-slim-trixie AS build
WORKDIR /src
RUN apt-get update \
 && apt-get install -y --no-install-recommends build-essential \
 && rm -rf /var/lib/apt/lists/*
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package server \
 && cp target/release/insider-risk /usr/local/bin/insider-risk

FROM debian:trixie-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --home-dir /data --shell /usr/sbin/nologin insider-risk \
 && install -d -o insider-risk -g insider-risk -m 0700 /data
COPY --from=build /usr/local/bin/insider-risk /usr/local/bin/insider-risk
USER 10001:10001
WORKDIR /data
VOLUME /data
ENV DATABASE_URL=sqlite:///data/insider-risk.db \
    LISTEN_ADDR=0.0.0.0:3000 \
    OPS_LISTEN_ADDR=127.0.0.1:9090 \
    BASE_URL=http://127.0.0.1:3000 \
    LOG_FORMAT=json
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["insider-risk", "check", "--ready"]
ENTRYPOINT ["insider-risk"]
CMD ["serve"]
