package main

import (
	"net"
	"slices"
	"strings"

	"switchyard/admin"
	"switchyard/config"
)

// openDash gives the dashboard what it shows beside the API's figures.
func (s *sidecar) openDash(f *file) {
	s.live = &admin.Live{}
	s.admin.Live = s.live
	s.admin.Providers = func() map[string][]string { return s.file.Load().targetsOf() }
	s.admin.Rules = func() map[string]string {
		rules := map[string]string{}
		for _, r := range s.file.Load().Routes {
			rules[r.Name] = r.When
		}
		return rules
	}
	s.admin.Images = s.assets
	s.admin.Budgets = s.budgetStates
	s.admin.Hosts = f.Admin.names()
}

// names are what browsers may call the admin address: what it listens on, and what the config adds.
func (a adminFile) names() []string {
	names := slices.Clone(a.Hosts)
	if host, _, err := net.SplitHostPort(a.Listen); err == nil && host != "" {
		names = append(names, host)
	}
	return names
}

// checkHosts wants names alone, as they stand in a Host header.
func (f *file) checkHosts(fault faultFunc) {
	for i, host := range f.Admin.Hosts {
		if host == "" || strings.ContainsAny(host, "/:*@ ") {
			fault(config.Index("admin.hosts", i), "want a name such as switchyard.corp.example, without a port, got %q", host)
		}
	}
}

func (a adminFile) equal(b adminFile) bool {
	return a.Listen == b.Listen && a.Token == b.Token && slices.Equal(a.Hosts, b.Hosts)
}

// dashURL is where the dashboard is, for people on this machine.
func dashURL(l net.Listener) string { return "http://" + l.Addr().String() + "/admin/ai-metrics" }
