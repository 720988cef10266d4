# One image for x86-64 and aarch64 (`docker build --platform linux/arm64 .`): the binary is compiled for
# the baseline of its architecture, and chooses its kernels when it starts.
FROM rust:1.95-bookworm AS builder
WORKDIR /build
COPY . .
# No RUSTFLAGS: `-C target-cpu=native` would tie the image to the machine that built it.
RUN cargo build --release --locked --bin ladybug

FROM debian:bookworm-slim
RUN groupadd --gid 10001 ladybug \
    && useradd --uid 10001 --gid ladybug --no-create-home --home-dir /data --shell /usr/sbin/nologin ladybug \
    && install --directory --owner=ladybug --group=ladybug --mode=0700 /data
COPY --from=builder /build/target/release/ladybug /usr/local/bin/ladybug
# All interfaces, hence a password: without LADYBUG_PASSWORD the server says so and exits.
# hadolint ignore=DL3064
ENV LADYBUG_BIND=0.0.0.0 \
    LADYBUG_DATA=/data \
    LADYBUG_REQUIRE_PASSWORD=1
# By number, so that a host which knows no such name can still tell it is not root.
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 6379 8080 50051
# The image has no curl: the binary asks itself, on the port it was configured for.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 CMD ["ladybug", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["ladybug"]
CMD ["serve"]
