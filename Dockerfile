# The binaries on an empty image. Build with `make image`, or with any tool that reads this file.

FROM docker.io/library/rust:1-alpine AS build
RUN apk add --no-cache build-base
WORKDIR /src
COPY . .
RUN cargo build --profile dist --locked && mkdir -p image/bin && ln -s opm image/bin/grpc_health_probe

FROM scratch
COPY --from=build /src/target/dist/opm /src/target/dist/initializer /src/target/dist/registry-server \
    /src/target/dist/configmap-server /bin/
COPY --from=build /src/image/bin/ /bin/
USER 1001
EXPOSE 50051
ENTRYPOINT ["/bin/opm"]
