# A static binary in an empty image, as a user that is nobody. The config is mounted at /etc/switchyard/config.yaml, the
# journal, the ledger and hosted images live in the volume /data.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/switchyard ./cmd/switchyard \
 && mkdir -p /out/data /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/switchyard /switchyard
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build --chown=65532:65532 /out/tmp /tmp
USER 65532:65532
WORKDIR /
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s CMD ["/switchyard", "health", "--config", "/etc/switchyard/config.yaml"]
ENTRYPOINT ["/switchyard"]
CMD ["serve", "--config", "/etc/switchyard/config.yaml"]
