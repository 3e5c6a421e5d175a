# The programs on an empty image: one statically linked opm, and links that make it the others.
#
#     buildah bud --build-arg REVISION="$(git rev-parse HEAD)" -t opm:latest .
#
# `make image` builds the same without a container tool.

FROM docker.io/library/rust:1-alpine AS build
RUN apk add --no-cache build-base
WORKDIR /src
COPY . .
ARG REVISION=
RUN GIT_COMMIT="$REVISION" cargo build --profile dist --locked --bin opm \
    && install -D target/dist/opm /image/bin/opm \
    && for name in configmap-server grpc_health_probe initializer registry-server; do ln -s opm /image/bin/$name; done \
    && mkdir -m 1777 /image/tmp

FROM scratch
COPY --from=build /image/ /
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="opm" \
      org.opencontainers.image.description="Tools for catalogs of Kubernetes operators" \
      org.opencontainers.image.source="https://github.com/operator-catalog/opm" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
WORKDIR /tmp
USER 1001
EXPOSE 50051
ENTRYPOINT ["/bin/opm"]
