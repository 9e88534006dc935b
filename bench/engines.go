package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// engine is another proxy, measured if it is installed: what somebody can have on this machine who does not look into
// the bodies. Its config has the placeholders dir, address and upstream.
type engine struct {
	name   string
	args   func(conf, dir string) []string
	config string
}

var engines = []engine{
	{
		name: nginx,
		args: func(conf, dir string) []string { return []string{"-c", conf, "-p", dir} },
		config: `daemon off; worker_processes 2; error_log stderr; pid %[1]s/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off; client_max_body_size 1g; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy;
  upstream u { server %[3]s; keepalive 256; }
  server { listen %[2]s; location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; proxy_request_buffering off; } }
}`,
	},
	{
		name: haproxy,
		args: func(conf, _ string) []string { return []string{"-db", "-f", conf} },
		config: `# everything it keeps would be in %[1]s
global
  nbthread 2
  maxconn 4096
defaults
  mode http
  option http-no-delay
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend app
  bind %[2]s
  default_backend provider
backend provider
  http-reuse always
  server upstream %[3]s
`,
	},
}

func (e engine) start(ctx context.Context, dir, upstream string) (*process, error) {
	bin, err := exec.LookPath(e.name)
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, e.name+".conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, e.config, dir, address, upstream), 0o600); err != nil {
		return nil, err
	}
	return program{name: e.name, address: address, argv: append([]string{bin}, e.args(conf, dir)...)}.start(ctx)
}
