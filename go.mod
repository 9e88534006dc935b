module switchyard

go 1.26.0

require (
	cel.dev/cel-go v0.33.2 // rules in config.yaml: a language that people know, checked when loaded
	github.com/HugoSmits86/nativewebp v0.9.3 // the simulators draw WebP
	github.com/alecthomas/kong v1.17.0 // the command line as a struct
	github.com/fsnotify/fsnotify v1.10.1 // hot reload
	github.com/hashicorp/golang-lru/v2 v2.0.7 // what strangers name is remembered within bounds
	github.com/jackc/pgx/v5 v5.13.0 // the ledger in PostgreSQL, a batch sent at once
	github.com/prometheus/client_golang v1.25.0 // metrics
	github.com/riverqueue/river v0.51.2 // webhooks, retried and at least once
	github.com/riverqueue/river/riverdriver v0.51.2 // River's seam for databases
	github.com/riverqueue/river/riverdriver/riversqlite v0.51.2 // River in a file
	github.com/riverqueue/river/rivertype v0.51.2 // River's rows
	github.com/rogpeppe/go-internal v1.16.0 // recorded exchanges as txtar, commands as test scripts
	github.com/segmentio/asm v1.2.1 // base64 and text checks at memory speed: ten times the standard library
	github.com/sony/gobreaker/v2 v2.4.0 // the state machine of breakers
	go.opentelemetry.io/otel v1.47.0 // traces: what spans say, and how apps name theirs
	go.opentelemetry.io/otel/exporters/otlp/otlptrace v1.47.0 // spans as collectors take them
	go.opentelemetry.io/otel/sdk v1.47.0 // sampling
	go.opentelemetry.io/otel/trace v1.47.0 // the spans themselves
	go.opentelemetry.io/proto/otlp v1.11.0 // spans in protocol buffers
	go.uber.org/zap v1.28.0 // logs
	go.yaml.in/yaml/v3 v3.0.6 // YAML with positions
	golang.org/x/image v0.48.0 // WebP is read, and the simulators write text
	golang.org/x/oauth2 v0.38.0 // Google Cloud's accounts: files, machines and their tokens
	golang.org/x/sync v0.25.0 // many requests wait for one token; the start, for what is made beside it
	golang.org/x/sys v0.50.0 // what the processor and the kernel can do besides what the standard library asks of them
	golang.org/x/time v0.16.0 // token buckets
	google.golang.org/protobuf v1.36.12 // what collectors are sent
	modernc.org/sqlite v1.62.0 // the ledger in a file, without cgo
)

require ( // of tests alone
	github.com/chromedp/cdproto v0.160.1 // what the browser says
	github.com/chromedp/chromedp v0.23.1 // the dashboard is tested in a real browser
	github.com/prometheus/common v0.72.0 // metrics are read as Prometheus does
	github.com/prometheus/prometheus v0.314.0 // its parser takes our rules, and the queries of the Grafana dashboard
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3 // tests hold config files to their JSON Schema
)

require (
	cel.dev/expr v0.25.2 // indirect
	cloud.google.com/go/compute/metadata v0.9.0 // indirect
	github.com/antlr4-go/antlr/v4 v4.13.1 // indirect
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/dennwc/varint v1.0.0 // indirect
	github.com/dustin/go-humanize v1.1.0 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/go-logr/logr v1.4.4 // indirect
	github.com/go-logr/stdr v1.2.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/grafana/regexp v0.0.0-20250905093917-f7b3be9d1853 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/ncruces/go-strftime v1.1.0 // indirect
	github.com/prometheus/client_model v0.6.3 // indirect
	github.com/prometheus/procfs v0.22.0 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	github.com/riverqueue/river/rivershared v0.51.2 // indirect
	github.com/tidwall/gjson v1.20.0 // indirect
	github.com/tidwall/match v1.2.0 // indirect
	github.com/tidwall/pretty v1.2.1 // indirect
	github.com/tidwall/sjson v1.2.5 // indirect
	go.opentelemetry.io/auto/sdk v1.2.1 // indirect
	go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp v0.70.0 // indirect
	go.opentelemetry.io/otel/log v1.47.0 // indirect
	go.opentelemetry.io/otel/metric v1.47.0 // indirect
	go.uber.org/atomic v1.11.0 // indirect
	go.uber.org/multierr v1.11.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/exp v0.0.0-20260709172345-9ea1abe57597 // indirect
	golang.org/x/text v0.44.0 // indirect
	golang.org/x/tools v0.52.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20260928230214-8a89bd6388cc // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260928230214-8a89bd6388cc // indirect
	google.golang.org/grpc v1.83.2 // indirect
	modernc.org/libc v1.80.1 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.12.1 // indirect
)
