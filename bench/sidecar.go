package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// sidecar is Switchyard with everything on: routes, breaker, limits, journal and ledger on disk, metrics, logs.
type sidecar struct {
	dir      string // for its files; made if missing
	bin      string
	upstream string // URL
	byTLS    string // URL of the upstream by TLS
	ca       string // file with the upstream's certificate
	env      []string
	bound    *bound // of its memory; nil for none
}

// adminToken is the token for the operator's address.
const adminToken = "bench"

// The target full is what the bench has fail: its breaker is off, since an open one would spare it the bodies.
const sidecarConfig = `
server: {listen: %[1]q, temp_dir: "%[3]s/tmp", fetch_allow: [127.0.0.1]}
admin: {listen: %[2]q, token: %[8]q}
store: {database: "sqlite:%[3]s/db", journal: "%[3]s/journal", assets: {url: "file:%[3]s/assets", ttl: 1m}}
models: {alive: [imagen-4.0-generate-001, gpt-image-1]}
defaults: {limit: {rate: 100000/s, burst: 100000, concurrent: 100000}}
providers:
  google: {dialect: gemini, key: k, base_url: %[4]q}
  openai: {dialect: openai, key: k, base_url: %[4]q}
  fal: {dialect: fal, key: k, base_url: %[4]q, queue_url: %[4]q}
  full: {dialect: gemini, key: k, base_url: "%[4]s%[5]s", breaker: off}
  secure: {dialect: openai, key: k, base_url: %[6]q, ca: %[7]q}
targets:
  imagen: {provider: google, model: imagen-4.0-generate-001}
  gpt: {provider: openai, model: gpt-image-1-mini}
  flux: {provider: fal, model: fal-ai/flux/dev}
  full: {provider: full, model: gemini-3-pro-image}
  secure: {provider: secure, model: gpt-image-1-mini}
  content: {provider: google, model: gemini-3-pro-image}
routes:
  - {name: imagen, when: 'headers["x-to"] == "imagen"', targets: [imagen]}
  - {name: gpt, when: 'headers["x-to"] == "gpt"', targets: [gpt]}
  - {name: flux, when: 'headers["x-to"] == "flux"', targets: [flux]}
  - {name: secure, when: 'headers["x-to"] == "secure"', targets: [secure]}
  - {name: second, when: 'headers["x-to"] == "second"', targets: [full, content]}
  - {name: native, targets: [native]}
`

func (s sidecar) start(ctx context.Context) (*process, error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	app, err := freeAddress()
	if err != nil {
		return nil, err
	}
	admin, err := freeAddress()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(s.dir, "config.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, sidecarConfig, app, admin, s.dir, s.upstream, fullPrefix, s.byTLS, s.ca, adminToken), 0o600); err != nil {
		return nil, err
	}
	p, err := program{name: ours, address: app, env: s.env, argv: []string{s.bin, "serve", "--config", config}, bound: s.bound}.start(ctx)
	if err == nil {
		p.admin = "http://" + admin
	}
	return p, err
}

// build makes the program as it is released: static, stripped.
func build(ctx context.Context, dir string) (string, error) {
	bin := filepath.Join(dir, "switchyard")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", bin, "./cmd/switchyard")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return bin, nil
}
